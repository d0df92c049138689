"""The second platform of a drill never meets the first one."""

from __future__ import annotations

from pathlib import Path

from insightengine.application.load import load_application
from insightengine.wiring.drill_host import keep_apart

FILE = """
name: shop
services:
  web:
    image: shop
    ports: ["${SHOP_PORT:-80}:8000"]
    x-insight: {health: {path: /up}, local: {command: serve}}
  jobs:
    image: shop
    x-insight: {local: {command: work}}
  db:
    image: postgres:18
    ports: ["5432:5432"]
x-insight:
  backup: {to: [{s3: "s3://bucket/shop"}]}
  objectives: {rpo: 5s}
"""


def test_backups_are_off_and_published_ports_are_free_ones(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(FILE, encoding="utf-8")
    ((path, port),) = keep_apart(file)
    application = load_application(file.read_text(encoding="utf-8"), str(file), {})
    web = application.service("web")
    assert web is not None
    (published,) = web.published_ports
    assert path == "/up"
    assert (published.address, published.host, published.container) == ("127.0.0.1", port, 8000)
    assert port != 80
    assert not application.backup.enabled
    assert application.objectives.rpo_s == 5
