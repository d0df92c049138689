"""A real supervisor with PostgreSQL, the WAL receiver and the backups process, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.commits import Commits
from insightengine.core.errors import ConflictError, InsightError
from insightengine.core.settings import PortOffset
from insightengine.recovery.house import RECEIVER, House
from insightengine.recovery.journal import Operation, OperationKind, OperationState
from insightengine.recovery.models import Standing
from insightengine.runtimes.local.identity import service_user
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.supplied import postgres
from insightengine.runtimes.port import ProcessSpec
from insightengine.stores.objects.s3 import Credentials
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.local import UpRequest, place_application
from insightengine.wiring.platform import owners_file, platform_processes
from insightengine.wiring.recovery import house_of, prepare_recovery
from insightengine.wiring.recovery_verbs import ask_for, keep_credentials
from tests.scenarios.platform import INSIGHT, eventually
from tests.supervised import context_in, supervised

PROCESSES = ("postgres", "wal-receiver", "backups", "replica")
PROVEN = (Standing.VERIFIED, Standing.RESTORED)
COMPOSE = """
name: failures
services:
  postgres:
    image: postgres:18
x-insight:
  backup:
    full: 0 0 1 1 *
    incremental: 0 0 1 1 *
    to: [{to}]
    wal: {{synchronous: {synchronous}, ship_every: 1s{wal}}}
    {more}
"""


@dataclass
class Ground:
    context: PlatformContext
    folder: Path
    environment: Mapping[str, str]
    began_at: float = field(default_factory=time.monotonic)
    house: House = field(init=False)

    def __post_init__(self) -> None:
        eventually(lambda: self.identity.exists(), 60, "a cluster is there")
        self.house = house_of(self.context)

    @property
    def cluster(self) -> Path:
        return self.context.state.postgres

    @property
    def identity(self) -> Path:
        return self.cluster.with_name("postgres.identity")

    @property
    def repository(self) -> Path:
        """The folder of the first repository, where it is one."""
        return Path(self.house.repositories[0].name)

    def conninfo(self, database: str = "postgres") -> str:
        password = read_secret(self.context.state, "postgres_admin_password").reveal()
        port = self.context.settings.port(PortOffset.POSTGRES)
        return (
            f"host=127.0.0.1 port={port} user=insight_admin dbname={database} "
            f"password={password} connect_timeout=2"
        )

    def value(self, statement: str, database: str = "postgres") -> Any:
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def commits(self) -> Commits:
        """A load, once the receiver follows: without it, asynchronous commits are nowhere else."""
        eventually(self._is_received, 60, "the receiver follows the server")
        made = Commits(self.conninfo())
        made.create()
        return made

    def _is_received(self) -> bool:
        with suppress(InsightError), self.house.server() as server:
            return any(one.name == RECEIVER for one in server.receivers())
        return False

    def insight(
        self,
        *arguments: str,
        check: bool = True,
        into: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """The command, for this project or one in the folder `into`."""
        done = subprocess.run(
            [str(INSIGHT), *arguments, "--project", str(into or self.folder)],
            env={**os.environ, **self.environment, **(more or {})},
            text=True,
            capture_output=True,
            timeout=280,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"insight {arguments} exited {done.returncode}: {done.stderr}")
        return done

    def ask(self, kind: OperationKind, /, **request: Any) -> Operation:
        """Writes the intent as soon as nothing of the same lane is under way."""

        def asked() -> Operation | None:
            try:
                return ask_for(self.folder, kind, request, "test")
            except ConflictError as error:
                if error.code == "operation_under_way":
                    return None
                raise

        return eventually(asked, 90, f"a {kind.value} is accepted")

    def ended(self, operation: Operation, within_s: float = 90) -> Operation:
        def found() -> Operation | None:
            now = self.house.journal.get(operation.id)
            return now if now.state.is_over else None

        return eventually(found, within_s, f"{operation.id} is over")

    def run(self, kind: OperationKind, within_s: float = 90, /, **request: Any) -> Operation:
        return self.ended(self.ask(kind, **request), within_s)

    def done(self, kind: OperationKind, within_s: float = 90, /, **request: Any) -> Operation:
        operation = self.run(kind, within_s, **request)
        assert operation.state is OperationState.DONE, operation
        return operation

    def restored(self, within_s: float = 90, /, *, to: str = "latest") -> Operation:
        """A restore that is done, and its server takes writes."""
        done = self.done(OperationKind.RESTORE, within_s, to=to)
        self.writable()
        return done

    def calm(self, within_s: float = 90) -> None:
        eventually(lambda: not self.house.journal.under_way(), within_s, "nothing is under way")

    def proven(self, more_than: int = 0, within_s: float = 60) -> None:
        """Returns when so many backups and one more are proven, and nothing is under way."""
        eventually(lambda: self.count_proven() > more_than, within_s, "a backup is proven")
        self.calm()

    def settled(self) -> None:
        """Returns when the server's timeline has a backup, which is taken by itself."""
        with self.house.server() as server:
            timeline = server.state().timeline
        eventually(lambda: self.house.backups()[-1].timeline == timeline, 90, "it has a backup")
        self.calm()

    def count_proven(self) -> int:
        return sum(one in PROVEN for one in self.house.standings().values())

    def pid(self, name: str) -> int:
        """Waits for a start that is under way."""
        run = self.context.state.run
        return eventually(lambda: alive_records(run)[name].pid, 30, f"{name} runs")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid(name), number)

    def kill_process(self, pid: int) -> None:
        """kill -9 of one that only its id is known of, such as that of an operation."""
        os.kill(pid, signal.SIGKILL)

    def killed(self, name: str) -> None:
        """kill -9; returns when the supervisor has started another."""
        before = self.pid(name)
        self.kill(name)

        def is_another() -> bool:
            found = alive_records(self.context.state.run).get(name)
            return found is not None and found.pid != before

        eventually(is_another, 30, f"{name} was started again")

    def wipe(self) -> float:
        """kill -9 of PostgreSQL, and its data directory is gone; when that was."""
        self.kill("postgres")
        at = time.monotonic()
        doomed = self.cluster.with_name("doomed")
        self.cluster.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        return at

    def wipe_spool(self) -> None:
        """What was received here is gone, too: what is left is the repository."""
        for incarnation in self.house.folders.spool.iterdir():
            shutil.rmtree(incarnation, ignore_errors=True)

    def writable(self, within_s: float = 60) -> None:
        eventually(lambda: self._writes(), within_s, "the server takes writes")

    def _writes(self) -> bool:
        try:
            return self.value("SELECT NOT pg_is_in_recovery()") is True
        except psycopg.Error:
            return False

    def shipped(self, within_s: float = 60) -> None:
        """Returns when every repository has everything that the server wrote until now."""
        wanted = str(self.value("SELECT pg_current_wal_flush_lsn()::text"))
        eventually(lambda: self.has(wanted), within_s, f"the repositories have {wanted}")

    def has(self, lsn: str) -> bool:
        facts = [self.house.catalogue.fact(f"shipped {r.name}") for r in self.house.repositories]
        with self.house.server() as server:
            ((enough,),) = server.query(
                "SELECT bool_and(lsn::pg_lsn >= %s::pg_lsn) FROM unnest(%s::text[]) AS lsn",
                (lsn, [fact["lsn"] if fact else "0/0" for fact in facts]),
            )
        return bool(enough)


def _specs(context: PlatformContext, folder: Path, more: Mapping[str, str]) -> list[ProcessSpec]:
    user = service_user(None, folder)
    placed = place_application(UpRequest(folder), context.settings)
    prepare_recovery(context, placed, folder, user)
    postgres.write_owners(owners_file(context), [_console_owner(context)])
    home = context.state.run / "home"
    if user is not None:
        os.chown(home, user.uid, user.gid)
    specs = [one for one in platform_processes(context, placed) if one.name in PROCESSES]
    return [replace(one, env={**one.env, **more}) for one in specs]


def _console_owner(context: PlatformContext) -> postgres.DatabaseOwner:
    secret = context.state.secret("postgres_insight_password")
    return postgres.DatabaseOwner("insight", "insight", str(secret))


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder outside of the platform's in which everybody may write."""
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o777)
    inner = folder / "place"  # may be renamed by its owner
    inner.mkdir()
    inner.chmod(0o777)
    try:
        yield inner
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ground(
    *,
    synchronous: bool = False,
    to: str = "{folder: .insight/backups}",
    wal: str = "",
    more: str = "",
    environment: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
    in_folder: Path | None = None,
    is_proven: bool = True,
) -> Iterator[Ground]:
    """Returns when the first backup is proven. `environment` is added to every process."""
    folder = in_folder or Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    text = COMPOSE.format(to=to, synchronous="true" if synchronous else "false", wal=wal, more=more)
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    added = dict(environment or {})
    try:
        context = context_in(folder)
        port = context.settings.base_port
        (folder / ".env").write_text(f"INSIGHT_BASE_PORT={port}\n", encoding="utf-8")
        specs = _specs(context, folder, added)
        if credentials is not None:
            key = credentials.access_key_id
            keep_credentials(folder, key, credentials.secret_access_key)
        with supervised(context, specs):
            one = Ground(context, folder, added)
            if is_proven:
                one.proven()
            yield one
            one.house.close()
    finally:
        if not os.environ.get("INSIGHT_KEEP_TEST_FOLDERS"):
            shutil.rmtree(folder, ignore_errors=True)
