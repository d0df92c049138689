"""Units made of a Compose file's text, for tests that start nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

from insightengine.application.load import load_application
from insightengine.core.colours import Colour
from insightengine.runtimes.compose.addresses import colour_addresses
from insightengine.runtimes.compose.document import Image, Surroundings
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.port import Artefact, Source, Unit

NAMES = Names("insight-1a2b3c4d")
SUBNET = IPv4Network("10.201.0.0/16")

SHOP = """
name: shop
x-shop: &shop
  image: shop:local
  build: {context: ., args: {BASE: "debian"}}
services:
  web:
    <<: *shop
    command: serve --price $$5
    environment: {PASSWORD: "pa$$1wor$$D", PLAIN: "1"}
    ports: ["4301:8000"]
    depends_on: [postgres, migrate]
    volumes: [uploads:/uploads, ./static:/static:ro]
    networks: {front: {ipv4_address: 10.9.9.9, aliases: [www]}, back: }
    labels: [team=shop]
    ulimits: {nofile: 1024}
    deploy: {replicas: 2, resources: {limits: {memory: 256M}}}
    x-insight: {health: {path: /up}}
  worker:
    <<: *shop
    read_only: false
    cap_drop: []
  migrate:
    <<: *shop
  report:
    image: report:1
    depends_on: {migrate: {condition: service_completed_successfully}}
  postgres:
    image: postgres:18
    environment: {POSTGRES_PASSWORD: secret}
    ports: ["127.0.0.1:5433:5432"]
    volumes: [data:/var/lib/postgresql]
    deploy: {resources: {limits: {memory: 512M}}}
networks:
  front:
  back: {internal: true}
volumes:
  uploads:
  data: {name: shop-data}
"""


def unit(
    text: str = SHOP, release: str = "r1", env_files: Mapping[str, Mapping[str, str]] | None = None
) -> Unit:
    source = Source(load_application(text, "/srv/shop/compose.yaml", {}), Path("/srv/shop"))
    source = Source(source.application, source.folder, env_files=env_files or {})
    return Unit(release, source, {one.name: artefact(one.name) for one in source.started})


def artefact(service: str) -> Artefact:
    return Artefact(service, f"sha256:{hashlib.sha256(service.encode()).hexdigest()}")


def around(one: Unit, colour: Colour | None = None, user: str = "shop") -> Surroundings:
    images = {a.service: Image(NAMES.image(a), user) for a in one.artefacts.values()}
    found = colour_addresses(SUBNET, colour, one.coloured) if colour else {}
    addresses = {name: [str(address) for address in every] for name, every in found.items()}
    return Surroundings(NAMES, images, addresses, "http://otlp:4318")
