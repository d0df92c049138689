"""Configurations that several tests of the edge start from."""

from __future__ import annotations

from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.edge.models import (
    Address,
    ApplicationSite,
    ConsoleSite,
    EdgeConfiguration,
    EdgePaths,
    OtlpSite,
    Pool,
    Upstream,
)


def local(port: int) -> Address:
    return Address("127.0.0.1", port)


def pool(blue: int, green: int) -> Pool:
    return Pool(Upstream("r1", (local(blue),)), Upstream("r2", (local(green),)))


def example(state: Path = Path("/srv/state")) -> EdgeConfiguration:
    return EdgeConfiguration(
        console=ConsoleSite(local(4300), {Colour.BLUE: Path("/srv/console")}, pool(4310, 4311)),
        otlp=OtlpSite(local(4318), (local(4319),), grpc=local(4317)),
        admin=local(4320),
        paths=EdgePaths(state / "edge", state / "logs" / "edge.access.log"),
        applications=(
            ApplicationSite("web", "web", local(8080), pool(4340, 4341), ("/products/{slug}",)),
        ),
    )
