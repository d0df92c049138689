"""What must be known of an installed configuration to talk to the edge that serves it.

It stands as a comment in the nginx.conf itself, so that both are always of one generation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from insightengine.core.errors import ConflictError
from insightengine.edge.models import Address, ApplicationSite, ConsoleSite, EdgeConfiguration

_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class InstalledSite:
    address: Address
    proof_path: str


@dataclass(frozen=True, slots=True)
class Installed:
    """`host` is a name the edge answers for; `sites` are those that have two colours, `units` what
    they belong to."""

    generation: str
    admin: Address
    host: str
    sites: Mapping[str, InstalledSite]
    units: frozenset[str]


def describe(configuration: EdgeConfiguration) -> str:
    """One line of JSON; the inverse is `installed_from`."""
    plain = [host for host in configuration.hosts if "*" not in host]
    colourful: tuple[ConsoleSite | ApplicationSite, ...] = (
        configuration.console,
        *configuration.applications,
    )
    return json.dumps(
        {
            "admin": [_reached_at(configuration.admin.host), configuration.admin.port],
            "host": plain[0] if plain else "localhost",
            "sites": {
                site.name: [
                    _reached_at(site.listen.host),
                    site.listen.port,
                    "/api/health/live" if isinstance(site, ConsoleSite) else "/",
                ]
                for site in colourful
            },
            "units": sorted(configuration.units),
        }
    )


def _reached_at(host: str) -> str:
    return _REACHED_AT.get(host, host)


def installed_from(text: str) -> Installed:
    """Raises ConflictError when `text` is no configuration that was rendered here."""
    generation = re.search(r"^# generation (\w+)$", text, re.MULTILINE)
    described = re.search(r"^# installed (\{.*\})$", text, re.MULTILINE)
    if not generation or not described:
        raise ConflictError(
            "the edge's nginx.conf was not written by InsightEngine",
            code="edge_not_installed",
            hint="insight restart edge",
        )
    values = json.loads(described.group(1))
    return Installed(
        generation.group(1),
        Address(*values["admin"]),
        values["host"],
        {
            name: InstalledSite(Address(host, port), path)
            for name, (host, port, path) in values["sites"].items()
        },
        frozenset(values["units"]),
    )


def added_ports(installed: Installed, before: str) -> frozenset[int]:
    """Those that the edge listens at for the first time with this configuration."""
    former = installed_from(before).sites.values() if before else ()
    ports = {site.address.port for site in installed.sites.values()}
    return frozenset(ports - {site.address.port for site in former})
