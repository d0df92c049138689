"""Every way back is rehearsed on a running shop, and parts of it come out of a backup."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.scenarios.platform import REPOSITORY, Platform, eventually, throwaway_platform
from tests.scenarios.test_recovery import conninfo, is_proven, value

BACKUP = """
x-insight:
  backup:
    include: [cache]
    verify:
      tables: [app_shop.public.products]
      smoke: SELECT count(*) > 0 FROM products
  objectives: {rpo: 30s, rto: 5m}
"""


def started_shop(platform: Platform) -> None:
    shutil.copytree(
        REPOSITORY / "examples/shop",
        platform.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", ".venv", "tests"),
    )
    compose = platform.folder / "compose.yaml"
    compose.write_text(compose.read_text(encoding="utf-8") + BACKUP, encoding="utf-8")
    platform.insight("up", "--detach")
    eventually(lambda: is_proven(platform), 90, "a first backup is proven")


def drill(platform: Platform, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.insight("drill", *arguments, "--json").stdout)
    assert found["passed"], found
    return found


def verified(platform: Platform) -> int:
    listed = json.loads(platform.insight("backup", "list", "--json").stdout)["backups"]
    return sum(one["standing"] == "verified" for one in listed)


def rows(platform: Platform, table: str, database: str = "app_shop") -> int:
    return int(value(platform, f"SELECT count(*) FROM {table}", database))


def report(platform: Platform) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.insight("drill", "show", "--json").stdout)
    return found


def measured(platform: Platform) -> set[str]:
    found = platform.sql(
        "SELECT DISTINCT MetricName FROM insight.metrics WHERE ServiceName = 'backups'"
    )
    return {row["MetricName"] for row in found}


@pytest.mark.timeout(400)
def test_every_way_back_is_rehearsed_and_parts_come_out_of_a_backup(tmp_path: Path) -> None:
    with throwaway_platform() as platform:
        started_shop(platform)

        restored = drill(platform, "restore")
        status = json.loads(platform.insight("backup", "status", "--json").stdout)["objectives"]
        assert status["is_rto_measured"]
        assert status["rto_s"] == restored["rto_s"]

        drill(platform, "failover")
        figures = report(platform)["figures"]
        assert figures["transactions acknowledged"] >= 400
        assert figures["seconds from kill to writable"] < 30

        key = platform.folder / "recovery.key"
        platform.insight("recover", "key", "create", "--out", str(key))
        platform.insight("restart", "backups")
        eventually(lambda: verified(platform) > 1, 60, "a backup that the key opens is proven")
        drill(platform, "lose-host", "--key", str(key))
        assert any("recovery key that was given" in text for text in report(platform)["remarks"])
        assert not list((platform.state / "recovery/work").glob("*-drill-*"))
        assert "**PASSED**" in platform.insight("drill", "show").stdout

        parts_come_out(platform, tmp_path)
        eventually(
            lambda: {"insight.recovery.rpo", "insight.recovery.rto"} <= measured(platform),
            60,
            "the store has recovery's own metrics",
        )
        eventually(lambda: is_served(platform), 30, "the shop serves from what was restored")


def is_served(platform: Platform) -> bool:
    return httpx.get(f"{platform.shop}/api/products", timeout=5).status_code == 200


def parts_come_out(platform: Platform, folder: Path) -> None:
    """What was there at a named moment is had again, while what is there now stays."""
    before = rows(platform, "products")
    platform.insight("backup", "mark", "before-mistake")
    with psycopg.connect(conninfo(platform, "app_shop"), autocommit=True) as connection:
        connection.execute("CREATE TABLE mistake (id int)")
        connection.execute("UPDATE products SET name = 'lost'")
    target = ("--database", "app_shop", "--to", "before-mistake", "--json")

    table = platform.insight("restore", *target, "--table", "public.products", "--yes")
    beside = json.loads(table.stdout)["as"].partition(".")[2]
    assert rows(platform, beside) == before
    assert value(platform, f"SELECT count(*) FROM {beside} WHERE name = 'lost'") == 0
    assert value(platform, "SELECT count(*) FROM products WHERE name = 'lost'") == before

    out = folder / "shop.sql"
    platform.insight("backup", "export", *target, "--sql", "--out", str(out))
    assert "CREATE TABLE public.products" in out.read_text(encoding="utf-8")

    swapped = json.loads(platform.insight("restore", *target, "--swap", "--yes").stdout)
    assert value(platform, "SELECT count(*) FROM products WHERE name = 'lost'") == 0
    assert value(platform, "SELECT to_regclass('public.mistake') IS NULL")
    assert rows(platform, "mistake", swapped["kept"]) == 0

    platform.insight("backup", "export", "--out", str(folder / "carried"))
    assert (folder / "carried/repository.json").exists()
