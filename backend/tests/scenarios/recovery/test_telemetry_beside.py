"""Telemetry of a backup is stored beside whatever else recovery does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from insightengine.core.settings import PortOffset
from insightengine.recovery.journal import OperationKind, OperationState
from insightengine.recovery.keeping import fact_of, records_of
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import lost_within_s, told

ROWS = 7


class SlowStore:
    """What a backup sees of a telemetry store that needs long: `asked` counts, and nothing is
    answered before `go_on` is set."""

    def __init__(self, tables: Path) -> None:
        self.tables = tables
        self.asked = 0
        self.go_on = threading.Event()

    def answer(self, command: str) -> object:
        if command != "freeze":
            return {}
        self.asked += 1
        self.go_on.wait(240)
        return {"version": 1, "tables": {"logs": str(self.tables / "logs")}}


@contextmanager
def slow_store(one: Ground, folder: Path) -> Iterator[SlowStore]:
    part = folder / "logs/20260101_1_1_0"
    part.mkdir(parents=True)
    (part / "count.txt").write_text(str(ROWS), encoding="ascii")
    (part / "data.bin").write_bytes(b"records")
    store = SlowStore(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = json.dumps(store.answer(json.loads(self.rfile.read(size))["command"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True  # whoever asked was killed

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(
        ("127.0.0.1", one.context.settings.port(PortOffset.STORE)), Handler
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        store.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.timeout(300)
def test_a_restore_does_not_wait_for_telemetry_that_is_stored() -> None:
    with (
        open_folder() as folder,
        ground(more="include: [telemetry]") as one,
        slow_store(one, folder) as store,
    ):
        commits = one.commits()
        with commits.running():
            commits.wait_for(100)
            backup = one.done(OperationKind.BACKUP, kind="incremental").result
            storing = str(backup["telemetry_operation"])
            eventually(lambda: store.asked == 1, 30, "the store is asked")
            owner = one.house.journal.get(storing).owner
            assert owner is not None
            one.kill_process(owner.pid)
            eventually(lambda: store.asked == 2, 30, "it is taken up again")
            wiped_at = one.wipe()
        restored = one.restored()
        assert commits.torn() == 0
        assert lost_within_s(commits, wiped_at) < 1
        timeline = int(restored.result["timeline"])
        eventually(lambda: one.house.backups()[-1].timeline == timeline, 90, "it has a backup")
        assert one.house.journal.get(storing).state is OperationState.RUNNING
        later = eventually(
            lambda: one.house.catalogue.fact(fact_of(one.house.backups()[-1].id)), 60, "it is told"
        )
        assert "is still being stored" in later["telemetry_problem"]
        store.go_on.set()
        done = one.ended(one.house.journal.get(storing))
        assert done.state is OperationState.DONE, done
        assert done.result["telemetry_rows"] == ROWS
        found = records_of(one.house.repositories[0], str(backup["backup"]))
        assert found is not None
        assert found.rows == ROWS
        told(
            "telemetry of a backup is being stored, `kill -9` of that; then the data directory is "
            "wiped",
            False,
            "restored, and the new timeline backed up, while it was stored; it is whole afterwards",
            commits,
            float(restored.result["seconds"]),
            since=wiped_at,
        )
