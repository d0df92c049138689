"""The `insight` command: parses, calls one verb, shows the outcome."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from insightengine.cli import (
    approve,
    backup,
    demo,
    deploy,
    dev,
    down,
    drill,
    exec_,
    failover,
    ingest_keys,
    logs,
    maintenance,
    promote,
    recover,
    release,
    releases,
    replica,
    restart,
    restore,
    rollback,
    setup_link,
    status,
    telemetry,
    up,
)
from insightengine.cli.options import with_environment, with_environments
from insightengine.core.errors import InsightError, render_error

app = typer.Typer(
    name="insight",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for feature in (
    up,
    dev,
    demo,
    down,
    failover,
    status,
    logs,
    restart,
    setup_link,
    deploy,
    rollback,
    approve,
    promote,
    maintenance,
):
    name = feature.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name=name)(with_environment(feature.command))
for group in (backup, restore, recover, drill, release, releases, replica):
    app.add_typer(with_environments(group.app), name=group.__name__.rpartition(".")[2])
app.command(name="exec", context_settings={"allow_interspersed_args": False})(
    with_environment(exec_.command)
)
telemetry.app.add_typer(with_environments(ingest_keys.app), name="keys")
app.add_typer(with_environments(telemetry.app), name="telemetry")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"insight {version('insightengine')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Runs, observes, protects and recovers web applications on servers that you own.

    Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 a fault of
    ours, 2 wrong input, 3 not found, 4 the state does not allow it, 5 access denied, 6 something
    needed does not answer, 7 a limit was reached.
    """


def main() -> None:
    """Entry point; errors become `error: …`, a hint and an exit code, never a traceback."""
    try:
        app()
    except InsightError as error:
        print(render_error(error), file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
