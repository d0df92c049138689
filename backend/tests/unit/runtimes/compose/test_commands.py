"""Exact command lines: what is typed for a person is what they would type themselves."""

from pathlib import Path

import pytest

from insightengine.runtimes.compose import commands

FILE, FOLDER = Path("/state/shop/blue.json"), Path("/home/shop")
OF_FILE = "--project-directory /home/shop --env-file /dev/null --file /state/shop/blue.json"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            commands.build("shop", FILE, FOLDER, "web"),
            f"docker compose --progress plain --project-name shop {OF_FILE} build web",
        ),
        (
            commands.up("shop-blue", FILE, FOLDER),
            f"docker compose --progress plain --project-name shop-blue {OF_FILE} "
            "up --detach --no-build --pull never --remove-orphans",
        ),
        (
            commands.create("shop-single", FILE, FOLDER),
            f"docker compose --progress plain --project-name shop-single {OF_FILE} "
            "up --no-build --pull never --remove-orphans --no-start",
        ),
        (
            commands.up_servers("shop", FILE, FOLDER, 120),
            f"docker compose --progress plain --project-name shop {OF_FILE} "
            "up --detach --no-recreate --wait --wait-timeout 120",
        ),
        (
            commands.run_task("shop-task", FILE, FOLDER, "task"),
            f"docker compose --progress quiet --project-name shop-task {OF_FILE} "
            "run --rm --no-deps -T task",
        ),
        (
            commands.down("shop-blue"),
            "docker compose --progress plain --project-name shop-blue down --remove-orphans",
        ),
        (
            commands.containers({"platform": "insight-1a2b", "unit": "shop"}),
            "docker ps --all --no-trunc --quiet --filter label=io.insightengine.platform="
            "insight-1a2b --filter label=io.insightengine.unit=shop",
        ),
        (commands.logs("4f5e", 20), "docker logs --tail 20 4f5e"),
        (
            commands.follow("4f5e", "2026-01-01T00:00:00Z"),
            "docker logs --follow --timestamps --since 2026-01-01T00:00:00Z 4f5e",
        ),
        (
            commands.execute("4f5e", ["sh", "-c", "a b"], terminal=False),
            "docker exec -i 4f5e sh -c a b",
        ),
        (
            commands.network_create(
                "edge", {"b": "2", "a": "1"}, subnet="10.1.0.0/16", dynamic="10.1.0.0/18"
            ),
            "docker network create --label=a=1 --label=b=2 --subnet=10.1.0.0/16 "
            "--ip-range=10.1.0.0/18 edge",
        ),
        (
            commands.volume_create("shop_data", {"a": "1"}, "local", {"type": "nfs"}),
            "docker volume create --label=a=1 --driver=local --opt=type=nfs shop_data",
        ),
        (
            commands.connect("shop-blue", "4f5e", "web"),
            "docker network connect --alias web shop-blue 4f5e",
        ),
    ],
)
def test_a_command_is_exactly_this(argv: tuple[str, ...], expected: str) -> None:
    assert " ".join(argv) == expected


def test_arguments_stay_whole() -> None:
    argv = commands.execute("4f5e", ["sh", "-c", "echo $HOME; ls"], terminal=True)
    assert argv == ("docker", "exec", "-it", "4f5e", "sh", "-c", "echo $HOME; ls")
