"""Which version of the console a start brings up, with real files and no process."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.colours import Colour
from insightengine.core.released import Released
from insightengine.core.settings import Environment, Settings, StateFolder
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.runtimes.local.colours import change_colours, wanted_colours
from insightengine.runtimes.port import ProcessSpec, RunningReady
from insightengine.stores.journal.port import Asked
from insightengine.wiring.console_start import prepare_console
from insightengine.wiring.console_unit import console_versions
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.operations import CONSOLE, open_journal
from insightengine.wiring.platform import edge_configuration, served_console
from insightengine.wiring.releasing import summaries

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of one as a version is made of."""
    folder = tmp_path / "checkout"
    for name in ("backend/src/insightengine", "backend/migrations/versions", "frontend/out"):
        (folder / name).mkdir(parents=True)
    (folder / "backend/console.yaml").write_text((REPOSITORY / "backend/console.yaml").read_text())
    (folder / "backend/src/insightengine/code.py").write_text("1")
    return folder


def context_in(folder: Path, environment: Environment = Environment.DEVELOPMENT) -> PlatformContext:
    state = StateFolder(folder / ".insight")
    for path in (state.run, state.edge, state.releases, state.logs):
        path.mkdir(parents=True, exist_ok=True)
    return PlatformContext(Settings(environment=environment), state)


def come_up(context: PlatformContext, checkout: Path) -> list[str]:
    """What a start does with the console; the edge is told as it is then."""
    notices = list(prepare_console(context, None, checkout))
    configuration = edge_configuration(context, {}, console_versions(context))
    NginxEdge(EdgePaths.of(context.state)).install(configuration)
    return notices


def running(context: PlatformContext) -> dict[str, str]:
    return {spec.name: spec.labels["release"] for spec in wanted_colours(context.state.run)}


def change(checkout: Path) -> None:
    (checkout / "backend/src/insightengine/code.py").write_text("2")


def test_the_first_start_takes_the_checkout_and_its_copy_is_what_runs(
    tmp_path: Path, checkout: Path
) -> None:
    context = context_in(tmp_path)
    assert come_up(context, checkout) == []
    (spec,) = wanted_colours(context.state.run)
    assert spec.name == "api.blue"
    change(checkout)
    source = Path(spec.env["PYTHONPATH"])
    assert (source / "insightengine/code.py").read_text() == "1"
    assert context.state.releases in source.parents
    assert served_console(context.state).resolve() == spec.cwd.parent.resolve()
    listed = summaries(open_journal(context), Released.CONSOLE)
    assert [(one.id, one.state) for one in listed] == [(spec.labels["release"], "serving")]


def test_a_start_without_changes_changes_nothing(tmp_path: Path, checkout: Path) -> None:
    context = context_in(tmp_path)
    come_up(context, checkout)
    before = running(context)
    assert come_up(context, checkout) == []
    assert running(context) == before


def test_while_it_is_developed_a_start_takes_what_changed(tmp_path: Path, checkout: Path) -> None:
    context = context_in(tmp_path)
    come_up(context, checkout)
    before = running(context)
    change(checkout)
    (notice,) = come_up(context, checkout)
    after = running(context)
    assert after.keys() == before.keys()
    assert after != before
    assert after["api.blue"] in notice


def test_in_production_what_was_released_serves_until_it_is_released_again(
    tmp_path: Path, checkout: Path
) -> None:
    context = context_in(tmp_path, Environment.PRODUCTION)
    come_up(context, checkout)
    before = running(context)
    change(checkout)
    assert come_up(context, checkout) == []
    assert running(context) == before


def test_settings_are_those_of_the_start_and_the_application_is_left_alone(
    tmp_path: Path, checkout: Path
) -> None:
    context = context_in(tmp_path)
    come_up(context, checkout)
    other = ProcessSpec(
        "web.blue", ("true",), tmp_path, {}, RunningReady(), labels={"unit": "shop"}
    )
    change_colours(context.state.run, lambda wanted: (*wanted, other))
    moved = PlatformContext(Settings(base_port=5300), context.state)
    come_up(moved, checkout)
    ports = {spec.name: spec.ports for spec in wanted_colours(context.state.run)}
    assert ports == {"api.blue": (5310,), "web.blue": ()}


def test_a_release_under_way_is_left_to_the_releaser(tmp_path: Path, checkout: Path) -> None:
    context = context_in(tmp_path)
    come_up(context, checkout)
    before = running(context)
    change(checkout)
    journal = open_journal(context)
    journal.ask(Asked(CONSOLE, "deploy", "ada"), journal.unit(CONSOLE).serving_since)
    come_up(context, checkout)
    assert running(context) == before


def test_without_a_checkout_the_api_runs_as_it_is_installed(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    assert list(prepare_console(context, None, tmp_path / "nowhere")) == []
    assert wanted_colours(context.state.run) == ()
    assert set(console_versions(context)) == {Colour.BLUE}
