"""The `insight` command: parses, calls one verb, shows the outcome."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from insightengine.cli.options import with_environment, with_environments
from insightengine.core.errors import InsightError, render_error

# In the order in which help lists them; each is a module of this package.
_COMMANDS = (
    "up",
    "dev",
    "demo",
    "down",
    "failover",
    "status",
    "logs",
    "restart",
    "setup-link",
    "deploy",
    "rollback",
    "approve",
    "promote",
    "maintenance",
)
_GROUPS = ("backup", "restore", "recover", "drill", "release", "releases", "replica", "telemetry")
_EXEC = "exec"
_MODULES = {"setup-link": "setup_link", _EXEC: "exec_"}


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"insight {version('insightengine')}")
        raise typer.Exit


def _root(
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


def whole_app() -> typer.Typer:
    """With every command, for its help and for the reference."""
    return _app((*_COMMANDS, *_GROUPS, _EXEC))


def app_for(words: Sequence[str]) -> typer.Typer:
    """With the command that the words begin with alone: the others need not be imported."""
    known = {*_COMMANDS, *_GROUPS, _EXEC}
    return _app(words[:1]) if words and words[0] in known else whole_app()


def _app(names: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        name="insight",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    module = import_module(f"insightengine.cli.{_MODULES.get(name, name)}")
    if name in _GROUPS:
        app.add_typer(with_environments(module.app), name=name)
    elif name == _EXEC:
        settings = {"allow_interspersed_args": False}
        app.command(name, context_settings=settings)(with_environment(module.command))
    else:
        app.command(name)(with_environment(module.command))


def main() -> None:
    """Entry point; errors become `error: …`, a hint and an exit code, never a traceback."""
    try:
        app_for(sys.argv[1:])()
    except InsightError as error:
        print(render_error(error), file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
