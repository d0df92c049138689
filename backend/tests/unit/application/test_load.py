"""Hostile and mistaken files: each gives an error that names place, finding and way out."""

from __future__ import annotations

import contextlib
import json
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightengine.application.document import LARGEST_BYTES
from insightengine.application.load import load_application
from insightengine.application.model import Health, LocalRun
from insightengine.core.errors import InvalidInputError, render_error


def error_of(text: str, variables: dict[str, str] | None = None) -> str:
    with pytest.raises(InvalidInputError) as caught:
        load_application(textwrap.dedent(text), "compose.yaml", variables or {})
    return render_error(caught.value)


BROKEN = {
    "an unknown key": (
        """\
        services:
          web:
            imge: nginx
            image: a
        """,
        "error: compose.yaml:3:5: services.web.imge: unknown key\n\nhint: did you mean `image`?",
    ),
    "an unknown key at the top": (
        "serivces: {}\nservices: {web: {image: a}}\n",
        "error: compose.yaml:1:1: serivces: unknown key\n\nhint: did you mean `services`?",
    ),
    "a misspelt x-insight": (
        "services: {web: {image: a, x-insigth: {}}}",
        "error: compose.yaml:1:28: services.web.x-insigth: unknown key\n\n"
        "hint: did you mean `x-insight`?",
    ),
    "an unknown key of x-insight": (
        "services: {web: {image: a, x-insight: {colors: true}}}",
        "error: compose.yaml:1:40: services.web.x-insight.colors: unknown key\n\n"
        "hint: did you mean `colours`?",
    ),
    "a cycle": (
        """\
        services:
          a: {image: a, depends_on: [b]}
          b: {image: a, depends_on: [c]}
          c: {image: a, depends_on: [a]}
        """,
        "error: compose.yaml:2:30: services.a.depends_on: waits for itself: a → b → c → a\n\n"
        "hint: remove one of these dependencies",
    ),
    "a service that waits for itself": (
        "services: {web: {image: a, depends_on: {web: {condition: service_started}}}}",
        "error: compose.yaml:1:41: services.web.depends_on: waits for itself: web → web\n\n"
        "hint: remove one of these dependencies",
    ),
    "a dependency on nothing": (
        "services: {web: {image: a, depends_on: [posgres]}, postgres: {image: postgres}}",
        "error: compose.yaml:1:41: services.web.depends_on.posgres: there is no such service\n\n"
        "hint: did you mean `postgres`?",
    ),
    "no image": (
        "services:\n  web:\n    ports: ['80:80']\n",
        "error: compose.yaml:2:3: services.web: has neither an image nor a build\n\n"
        "hint: add image: NAME:TAG, or build: FOLDER, or x-insight.local.command",
    ),
    "a port clash": (
        """\
        services:
          web: {image: a, ports: ["8080:80"]}
          api: {image: a, ports: ["127.0.0.1:8080:90"]}
        """,
        "error: compose.yaml:3:19: services.api.ports: host port 8080 is published also by "
        "services.web\n\nhint: choose another host port for one of them",
    ),
    "a port out of range": (
        "services: {web: {image: a, ports: ['70000:80']}}",
        "error: compose.yaml:1:36: services.web.ports[0]: found '70000', "
        "allowed is a port from 1 to 65535",
    ),
    "a wrong type": (
        "services: {web: {image: [a]}}",
        "error: compose.yaml:1:25: services.web.image: found a list, "
        "allowed is the name of an image",
    ),
    "a required variable": (
        "services:\n  web:\n    image: ${IMAGE:?which image}\n",
        "error: compose.yaml:3:12: services.web.image: the variable IMAGE is not set or empty: "
        "which image\n\nhint: set IMAGE in .env or in the environment",
    ),
    "a lone dollar": (
        "services: {web: {image: a, environment: {PASSWORD: 'se$!cret'}}}",
        "error: compose.yaml:1:52: services.web.environment.PASSWORD: found `$!` where `$NAME`, "
        "`${NAME}` or `$$` is expected\n\nhint: write `$$` for a dollar sign",
    ),
    "a tab": (
        "services:\n\tweb: {}\n",
        "error: compose.yaml:2:1: found a tab in the indentation, allowed are spaces\n\n"
        "hint: replace the tabs at the start of the line by spaces",
    ),
    "an empty file": (
        "  \n",
        "error: compose.yaml:1:1: the file is empty\n\nhint: name at least one service: services:",
    ),
    "only a comment": (
        "# nothing\n",
        "error: compose.yaml:1:1: the file is empty\n\nhint: name at least one service: services:",
    ),
    "a list": (
        "- web\n",
        "error: compose.yaml:1:1: found a list, allowed is a mapping\n\n"
        "hint: a Compose file is a mapping that starts with `services:`",
    ),
    "no services": (
        "name: x\n",
        "error: compose.yaml:1:1: `services` is missing\n\n"
        "hint: name at least one service: services:",
    ),
    "two documents": (
        "services: {}\n---\nservices: {}\n",
        "error: compose.yaml:2:1: found a second document (`---`)\n\n"
        "hint: keep one document a file",
    ),
    "a duplicate key": (
        "services:\n  web:\n    image: a\n    image: b\n",
        "error: compose.yaml:4:5: services.web.image: is already given in line 3\n\n"
        "hint: remove one of the two",
    ),
    "an alias without an anchor": (
        "services: *web\n",
        "error: compose.yaml:1:11: the alias *web has no complete anchor before it\n\n"
        "hint: write &web at the value that is meant",
    ),
    "an alias of itself": (
        "x-a: &a [*a]\n",
        "error: compose.yaml:1:10: the alias *a has no complete anchor before it\n\n"
        "hint: write &a at the value that is meant",
    ),
    "a tag": (
        "services: {web: {image: !reset null}}",
        "error: compose.yaml:1:25: found the tag !reset\n\nhint: remove it; none is needed here",
    ),
    "extends": (
        "services: {web: {image: a, extends: {service: b}}}",
        "error: compose.yaml:1:28: services.web.extends: is not supported\n\n"
        "hint: write the result of `docker compose config` to a file, and use that one",
    ),
    "an undeclared volume": (
        "services: {web: {image: a, volumes: ['dta:/x']}}\nvolumes: {data: {}}\n",
        "error: compose.yaml:1:28: services.web.volumes: 'dta' is not declared\n\n"
        "hint: did you mean `data`?",
    ),
    "an open quotation in a command": (
        'services: {web: {image: a, command: "sh -c \'x"}}',
        "error: compose.yaml:1:37: services.web.command: cannot be split into words: "
        "no closing quotation\n\nhint: close the quotes",
    ),
    "a NUL character": (
        'services: {web: {image: a, command: ["a\\0b"]}}',
        "error: compose.yaml:1:38: services.web.command[0]: holds a character that cannot be "
        "passed to a process",
    ),
    "a secret on a command line": (
        """\
        services:
          db: {image: postgres}
          web:
            x-insight:
              local: {command: "app --db {db.url}"}
        """,
        "error: compose.yaml:5:24: services.web.x-insight.local.command: {db.url} holds a secret"
        "\n\nhint: put it in x-insight.local.environment: anyone can read command lines",
    ),
    "a placeholder of an unknown service": (
        "services: {web: {x-insight: {local: {command: 'app {wen.port}'}}}}",
        "error: compose.yaml:1:47: services.web.x-insight.local.command: {wen.port} names no "
        "service\n\nhint: did you mean `web`?",
    ),
    "a duration without unit": (
        "services: {web: {image: a, x-insight: {health: {path: /up, interval: 5}}}}",
        "error: compose.yaml:1:70: services.web.x-insight.health.interval: found '5', "
        "allowed is a duration such as 500ms, 10s or 1m30s",
    ),
    "colours of a supplied service": (
        "services: {db: {image: 'postgres:18', x-insight: {colours: true}}}",
        "error: compose.yaml:1:50: services.db.x-insight: found colours for a supplied postgres "
        "service\n\nhint: remove `colours`; what the platform supplies has none",
    ),
    "an upper-case name": (
        "services: {Web: {image: a}}",
        "error: compose.yaml:1:12: services.Web: found the name 'Web', allowed are lower-case "
        "letters, digits and _.-, at most 63 characters",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_is_explained(case: str) -> None:
    text, expected = BROKEN[case]
    assert error_of(text) == expected


def test_all_problems_come_at_once_sorted_by_line() -> None:
    text = """\
    services:
      web:
        image: a
        ports: ["0:80"]
        depends_on: [nobody]
      api:
        restart: sometimes
    """
    assert error_of(text) == textwrap.dedent("""\
        error: compose.yaml has 4 problems

          compose.yaml:4:13: services.web.ports[0]: found '0', allowed is a port from 1 to 65535

          compose.yaml:5:18: services.web.depends_on.nobody: there is no such service
            hint: services are web, api

          compose.yaml:6:3: services.api: has neither an image nor a build
            hint: add image: NAME:TAG, or build: FOLDER, or x-insight.local.command

          compose.yaml:7:14: services.api.restart: found 'sometimes', allowed is no, always, \
on-failure, unless-stopped

        hint: nothing was started or changed; mend these and run the command again""")


def test_the_context_holds_each_problem_for_machines() -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_application("services: {web: {imge: a}}", "c.yaml", {})
    assert caught.value.code == "invalid_application"
    problems = caught.value.context["problems"]
    assert isinstance(problems, list)
    assert [(one["line"], one["key"]) for one in problems] == [
        (1, "services.web"),
        (1, "services.web.imge"),
    ]


def test_an_error_never_repeats_a_value_that_may_be_a_secret() -> None:
    text = "services: {web: {image: a, environment: {P: 'hunter2$ hunter2'}}}"
    assert "hunter2" not in error_of(text)


def test_a_bomb_of_aliases_is_refused_quickly() -> None:
    lines = ["x-0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "expands to more than 50000 values" in error_of("\n".join(lines))


def test_deep_nesting_is_refused_quickly() -> None:
    assert "nested deeper than 64 levels" in error_of("a: " + "[" * 100_000)


def test_a_file_that_is_too_large_is_refused() -> None:
    assert "allowed are 1048576 (1 MiB)" in error_of("#" * (LARGEST_BYTES + 1))


def test_a_thousand_problems_are_cut() -> None:
    text = "services:\n  web:\n    image: a\n" + "".join(f"    k{n}: 1\n" for n in range(1000))
    shown = error_of(text)
    assert "has 1000 problems" in shown
    assert "and 950 more" in shown


def test_unset_variables_are_warned_of_once_each() -> None:
    text = "services: {web: {image: 'a$X', environment: {A: $X, B: '${Y}'}}}"
    application = load_application(text, "compose.yaml", {})
    assert application.warnings == (
        "compose.yaml: the variable X is not set; '' is used",
        "compose.yaml: the variable Y is not set; '' is used",
    )
    assert application.services[0].environment == {"A": "", "B": ""}


def test_a_variable_without_value_is_taken_from_the_environment() -> None:
    text = "services: {web: {image: a, environment: [HOME, NOWHERE, A=]}}"
    application = load_application(text, "compose.yaml", {"HOME": "/home/ada"})
    assert application.services[0].environment == {"HOME": "/home/ada", "A": ""}


def test_services_of_different_profiles_may_share_a_port() -> None:
    text = """
    services:
      a: {image: a, profiles: [one], ports: ["80:80"]}
      b: {image: a, profiles: [two], ports: ["80:80"]}
      c: {image: a, ports: ["80:80/udp"]}
    """
    assert len(load_application(textwrap.dedent(text), "compose.yaml", {}).services) == 3


def test_x_insight_is_read_whole() -> None:
    text = """
    services:
      web:
        image: a
        x-insight:
          colours: false
          routes: [/, "/products/{slug}"]
          health: {path: /up, port: 8000, interval: 500ms, timeout: 1s, deadline: 2m}
          local:
            command: "{python} -m app --port {port} '{{x}}'"
            working_dir: src
            prepare: ["{python} -m migrate", [touch, "a b"]]
            environment: {URL: "{web.url}"}
    """
    web = load_application(textwrap.dedent(text), "compose.yaml", {}).services[0]
    assert not web.colours
    assert web.routes == ("/", "/products/{slug}")
    assert web.health == Health("/up", 8000, 0.5, 1.0, 120.0)
    assert web.local == LocalRun(
        command=("{python}", "-m", "app", "--port", "{port}", "{{x}}"),
        working_dir="src",
        prepare=(("{python}", "-m", "migrate"), ("touch", "a b")),
        environment={"URL": "{web.url}"},
    )


def test_a_service_with_a_local_command_is_not_supplied() -> None:
    text = "services: {cache: {image: redis, x-insight: {local: {command: my-redis}}}}"
    assert load_application(text, "compose.yaml", {}).services[0].supplied is None


def _only_invalid_input(text: str) -> None:
    with contextlib.suppress(InvalidInputError):
        load_application(text, "compose.yaml", {"A": "1", "B": ""})


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    _only_invalid_input(text)


_WORDS = """services: web: image: ports: depends_on: x-insight: local: command: health: <<: &a *a
    environment: volumes: healthcheck: deploy: !x - ? | > { } [ ] , : " ' # $A ${B ${A:-1} } $$
    80:80 1-9:1 null true 1e999 0x1F -1 ~ .inf 2020-01-01 \\0 é"""
_FRAGMENTS = st.sampled_from([*_WORDS.split(), "\t"])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(["", " ", "\n", "\n  ", "\n    "]), _FRAGMENTS)))
def test_no_heap_of_fragments_raises_anything_else(parts: list[tuple[str, str]]) -> None:
    _only_invalid_input("".join(gap + fragment for gap, fragment in parts))


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_NAMES = """image build command entrypoint environment env_file ports expose depends_on volumes
    networks secrets configs profiles restart deploy scale stop_signal stop_grace_period healthcheck
    x-insight local health path routes prepare colours replicas test interval target published
    source type condition required working_dir context args web db"""
_KEYS = st.sampled_from(_NAMES.split())
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(_KEYS, _TREES, max_size=5), st.dictionaries(_KEYS, _TREES, max_size=3))
def test_no_shape_of_services_raises_anything_else(
    web: dict[str, object], db: dict[str, object]
) -> None:
    _only_invalid_input(json.dumps({"services": {"web": web, "db": db}}))


@pytest.mark.parametrize("kind", ["volumes", "networks", "secrets", "configs"])
@pytest.mark.parametrize(
    "name", ["-v", "--rm", "a b", "a/b", "", "n" * 129], ids=lambda name: name[:9]
)
def test_a_declared_name_that_a_command_line_would_misread_is_refused_with_its_place(
    kind: str, name: str
) -> None:
    text = f'services: {{web: {{image: a}}}}\n{kind}:\n  "{name}":\n'
    with pytest.raises(InvalidInputError, match=rf"compose\.yaml:3:3: {kind}\.") as raised:
        load_application(text, "compose.yaml", {})
    assert "no - in front" in raised.value.message


@pytest.mark.parametrize("kind", ["volumes", "networks"])
def test_what_a_volume_or_network_is_called_instead_is_looked_at_too(kind: str) -> None:
    text = (
        f"services: {{web: {{image: a}}}}\n{kind}:\n  data:\n    external: true\n    name: --all\n"
    )
    with pytest.raises(InvalidInputError, match=rf"compose\.yaml:5:11: {kind}\.data\.name: found"):
        load_application(text, "compose.yaml", {})


def test_names_that_docker_takes_are_declared() -> None:
    text = "services: {web: {image: a}}\nvolumes: {Data.1: , _cache: {name: Shop_data-2}}\n"
    assert load_application(text, "compose.yaml", {}).services[0].name == "web"
