"""The network to the object store, a real one: cut, slow, and swallowing everything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from insightengine.recovery.journal import OperationKind, OperationState
from insightengine.recovery.keys import new_identity, new_seal, recovery_key_text
from tests.contracts.object_stores import S3Server, versitygw
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground
from tests.scenarios.recovery.outcomes import longest_pause_s, told
from tests.scenarios.recovery.proxy import Network, network_to

BUCKET = "backups"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(580)]


@dataclass
class Remote:
    one: Ground
    network: Network
    server: S3Server

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.one.insight("backup", "status", "--json").stdout)
        return found


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder: Path = tmp_path_factory.mktemp("s3")
    with versitygw(folder) as server, network_to(server.endpoint) as network:
        server.create(BUCKET)
        to = f"{{s3: 's3://{BUCKET}/shop', endpoint: '{network.endpoint}'}}"
        with ground(to=to, credentials=server.credentials) as one:
            yield Remote(one, network, server)


def test_a_cut_network_stops_neither_commits_nor_what_is_received(remote: Remote) -> None:
    one, network = remote.one, remote.network
    one.value(
        "CREATE TABLE bulk AS SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 90000) n"
    )
    one.shipped()
    network.bytes_per_s = 3_000_000  # so that the cut falls into the stream
    commits = one.commits()
    with commits.running():
        began_at = time.monotonic()
        passed = network.passed_bytes
        backup = one.ask(OperationKind.BACKUP, kind="full")
        eventually(lambda: network.passed_bytes - passed > 2_000_000, 60, "it is being sent")
        network.cut()
        failed = one.ended(backup, 120)
        assert failed.state is OperationState.FAILED
        assert "does not answer" in str(failed.error)
        commits.wait_for(300)
        wiped_at = one.wipe()
        refused = one.run(OperationKind.RESTORE, 120, to="latest")
        assert refused.state is OperationState.FAILED, refused
        assert not (one.cluster / "PG_VERSION").exists()
        network.mend()
        mended_at = time.monotonic()
        restored = one.restored(120)
    assert commits.torn() == 0
    told(
        "the network to the object store is cut while a backup is sent; the data directory is "
        "wiped meanwhile; mended",
        False,
        "commits go on; the backup fails and is not listed; a restore refuses while the store is "
        "away and works afterwards, with the log that was received here",
        commits,
        f"{restored.result['seconds']} s, after {mended_at - wiped_at:.0f} s without the store",
        since=wiped_at,
    )
    assert began_at < wiped_at
    one.done(OperationKind.BACKUP, 120, kind="full")


def test_a_slow_network_makes_backups_slow_and_nothing_else(remote: Remote) -> None:
    one, network = remote.one, remote.network
    network.bytes_per_s, network.delay_s = 1_000_000, 0.02
    commits = one.commits()
    try:
        with commits.running():
            commits.wait_for(100)
            began_at = time.monotonic()
            done = one.done(OperationKind.BACKUP, 240, kind="incremental")
            took_s = time.monotonic() - began_at
            pause_s = longest_pause_s(commits, began_at)
    finally:
        network.mend()
    assert done.result["verified"] is True
    assert pause_s < 5
    one.shipped()
    wiped_at = one.wipe()
    one.wipe_spool()
    one.restored(120)
    assert commits.lost() == commits.torn() == 0
    told(
        "the network to the object store is slow (1 MB/s, 20 ms a packet) during an incremental "
        "backup; then data directory and received log are wiped",
        False,
        f"proven; longest pause of commits {pause_s:.2f} s; restored from the bucket alone",
        commits,
        f"{took_s:.1f} s for the backup",
        since=wiped_at,
    )
    one.done(OperationKind.BACKUP, 120, kind="full")


def test_a_drill_without_its_repository_fails_and_touches_nothing(
    remote: Remote, tmp_path: Path
) -> None:
    one, network = remote.one, remote.network
    foreign = tmp_path / "foreign.key"
    text = recovery_key_text(new_identity(), new_seal(), one.house.now(), "somebody else")
    foreign.write_text(text.reveal(), encoding="utf-8")
    one.calm()
    commits = one.commits()
    with commits.running():
        commits.wait_for(100)
        refused = one.insight("drill", "lose-host", "--key", str(foreign), check=False)
        assert "which is none of this platform's" in refused.stderr
        network.cut()
        began_at = time.monotonic()
        failed = {kind: drilled(one, kind) for kind in ("restore", "failover", "lose-host")}
        took_s = time.monotonic() - began_at
        network.mend()
        commits.wait_for(100)
        pause_s = longest_pause_s(commits, began_at)
    assert all("does not answer" in text for text in failed.values()), failed
    assert pause_s < 5
    assert commits.lost() == commits.torn() == 0
    assert list(one.house.folders.work.glob("*-drill-*")) == []
    assert one.done(OperationKind.DRILL, 120, kind="restore").result["passed"] is True
    told(
        "drills while the network to the object store is cut, and one with a foreign key",
        False,
        "each fails and says so, nothing of the platform is touched; mended, a drill passes",
        commits,
        f"{took_s:.1f} s for all three",
    )


def drilled(one: Ground, kind: str) -> str:
    """What a drill that failed said; its report is kept."""
    done = one.insight("drill", kind, check=False)
    assert done.returncode == 4, done.stderr
    report = json.loads(one.insight("drill", "show", "--json").stdout)
    assert report["kind"] == kind
    assert report["findings"], report
    return done.stderr


def test_a_network_that_swallows_everything_is_given_up(remote: Remote) -> None:
    one, network = remote.one, remote.network
    commits = one.commits()
    backup = one.ask(OperationKind.BACKUP, kind="incremental")
    network.swallows = True
    try:
        with commits.running():
            began_at = time.monotonic()
            failed = one.ended(backup, 400)
            took_s = time.monotonic() - began_at
            commits.wait_for(100)
    finally:
        network.mend()
    assert failed.state is OperationState.FAILED
    one.shipped(120)
    one.done(OperationKind.BACKUP, 120, kind="incremental")
    assert commits.lost() == 0
    told(
        "the network to the object store swallows everything",
        False,
        "commits go on; the backup is given up, the next one after it was mended is proven",
        commits,
        f"{took_s:.0f} s until given up",
    )
