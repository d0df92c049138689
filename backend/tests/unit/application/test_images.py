from __future__ import annotations

import pytest

from insightengine.application.images import supplied_kind
from insightengine.application.model import SuppliedKind


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("postgres", SuppliedKind.POSTGRES),
        ("postgres:18-alpine", SuppliedKind.POSTGRES),
        ("docker.io/library/postgres:18", SuppliedKind.POSTGRES),
        ("localhost:5000/postgres@sha256:0f", SuppliedKind.POSTGRES),
        ("bitnami/postgresql:17", SuppliedKind.POSTGRES),
        ("pgvector/pgvector:pg18", SuppliedKind.POSTGRES),
        ("redis:7", SuppliedKind.VALKEY),
        ("valkey/valkey:9.0", SuppliedKind.VALKEY),
        ("nginx", SuppliedKind.NGINX),
        ("nginxinc/nginx-unprivileged:stable", SuppliedKind.NGINX),
        ("clickhouse/clickhouse-server:25", SuppliedKind.CLICKHOUSE),
        ("timescale/timescaledb:latest-pg17", None),
        ("postgis/postgis", None),
        ("redis/redis-stack-server", None),
        ("prometheuscommunity/postgres-exporter", None),
        ("ghcr.io/acme/web", None),
        ("postgres/tools", None),
        ("", None),
    ],
)
def test_an_image_is_recognised_by_its_name(image: str, kind: SuppliedKind | None) -> None:
    assert supplied_kind(image) is kind
