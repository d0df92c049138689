"""insight telemetry keys create | list | revoke"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project

app = typer.Typer(no_args_is_help=True, help="Ingest keys: who may send telemetry, and how much.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(
    source: Annotated[str, typer.Argument(help="Name of the source: a service or a team.")],
    project: Project = HERE,
    requests_per_s: Annotated[
        float | None, typer.Option(help="Requests a second that are taken, with bursts of ten.")
    ] = None,
    bytes_per_s: Annotated[
        float | None, typer.Option(help="Unpacked bytes a second that are taken.")
    ] = None,
    json_: Json = False,
) -> None:
    """Create an ingest key and print it. It is shown once; only its hash is kept.

    Examples:

        insight telemetry keys create shop

        insight telemetry keys create shop --requests-per-s 50 --bytes-per-s 1000000
    """
    from insightengine.wiring.local import project_ingest_keys

    made = project_ingest_keys(project).create(source, requests_per_s, bytes_per_s)
    text = made.text.reveal()
    if json_:
        print(json.dumps({"id": made.key.id, "source": source, "key": text}))  # noqa: T201
        return
    print(text)  # noqa: T201
    header = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20<the key>"
    print(f"key {made.key.id} of {source}; senders give it as {header}", file=sys.stderr)  # noqa: T201


@app.command("list")
def list_(project: Project = HERE, json_: Json = False) -> None:
    """List ingest keys, without their text.

    Examples:

        insight telemetry keys list
    """
    from dataclasses import asdict

    from insightengine.wiring.local import project_ingest_keys

    keys = project_ingest_keys(project).all()
    shown = [{k: v for k, v in asdict(key).items() if k != "digest"} for key in keys]
    if json_:
        print(json.dumps({"keys": shown}))  # noqa: T201
        return
    for key in shown:
        limits = ", ".join(
            f"{key[name]:g} {name.removesuffix('_per_s')}/s"
            for name in ("requests_per_s", "bytes_per_s")
            if key[name]
        )
        print(f"{key['id']}  {key['source']:<24} {key['created_at']}  {limits or 'no limits'}")  # noqa: T201
    if not shown:
        print("no ingest keys", file=sys.stderr)  # noqa: T201


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `list` shows it.")],
    project: Project = HERE,
) -> None:
    """Revoke an ingest key; it is refused from the next second on.

    Examples:

        insight telemetry keys revoke 0a1b2c3d4e5f
    """
    from insightengine.wiring.local import project_ingest_keys

    gone = project_ingest_keys(project).revoke(key_id)
    print(f"revoked {gone.id} of {gone.source}", file=sys.stderr)  # noqa: T201
