"""PostgreSQL's own programs as commands. Pure: values in, argv out; nothing is run here.

Passwords are never among the words: the programs find them in the file that PGPASSFILE names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from insightengine.stores.server import ServerAddress

Argv = tuple[str, ...]
_LEAST_RATE_KB, _MOST_RATE_KB = 32, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder with PostgreSQL's programs."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def base_backup(
        self,
        server: ServerAddress,
        label: str,
        *,
        rate_bytes_per_s: int | None = None,
        since: Path | None = None,
    ) -> Argv:
        """A tar stream on standard output, the manifest its last file; WAL comes another way.

        `since` is the manifest of the backup that an incremental one builds on.
        """
        rate = min(max((rate_bytes_per_s or 0) // 1024, _LEAST_RATE_KB), _MOST_RATE_KB)
        return (
            self.path("pg_basebackup"),
            "--pgdata=-",
            "--format=tar",
            "--wal-method=none",
            "--checkpoint=fast",
            "--manifest-checksums=CRC32C",
            "--no-password",
            f"--label={label}",
            f"--dbname={server.words} application_name=insight_backup",
            *((f"--max-rate={rate}",) if rate_bytes_per_s else ()),
            *((f"--incremental={since}",) if since else ()),
        )

    def receive_wal(self, server: ServerAddress, folder: Path, slot: str) -> Argv:
        """Ends when the connection is lost; whoever keeps the process starts it again.

        `--synchronous` flushes each message at once. Without it, a receiver that is named as
        synchronous standby would hold every commit until the end of its segment.
        """
        return (
            self.path("pg_receivewal"),
            f"--directory={folder}",
            f"--slot={slot}",
            "--synchronous",
            "--no-loop",
            "--no-password",
            "--status-interval=1",
            f"--dbname={server.words} application_name={slot}",
        )

    def combine(self, chain: tuple[Path, ...], output: Path) -> Argv:
        """Full backup first, then its incremental ones; the output folder is new."""
        return (
            self.path("pg_combinebackup"),
            "--link",
            "--no-sync",
            f"--output={output}",
            *map(str, chain),
        )

    def verify_folder(self, folder: Path) -> Argv:
        """Compares a plain backup with its manifest; its WAL is not in it."""
        return (self.path("pg_verifybackup"), "--no-parse-wal", "--exit-on-error", str(folder))

    def check_databases(self, server: ServerAddress, jobs: int) -> Argv:
        """Reads every table and every index of every database, and compares them."""
        return (
            self.path("pg_amcheck"),
            f"--host={server.host}",
            f"--port={server.port}",
            f"--username={server.user}",
            "--no-password",
            "--all",
            "--install-missing",
            "--heapallindexed",
            f"--jobs={jobs}",
        )

    def dump(
        self,
        server: ServerAddress,
        database: str,
        output: Path,
        *,
        schema: str | None = None,
        table: str | None = None,
        as_sql: bool = False,
    ) -> Argv:
        """One file: PostgreSQL's custom format, which `pg_restore` reads, or SQL for `psql`."""
        return (
            self.path("pg_dump"),
            f"--host={server.host}",
            f"--port={server.port}",
            f"--username={server.user}",
            "--no-password",
            "--format=plain" if as_sql else "--format=custom",
            *((f"--schema={_exactly(schema)}",) if schema else ()),
            *((f"--table={_exactly(table)}",) if table else ()),
            f"--file={output}",
            f"--dbname={database}",
        )

    def load(self, server: ServerAddress, database: str, file: Path) -> Argv:
        """Reads a dump into a database that is there; all of it or, told, not."""
        return (
            self.path("pg_restore"),
            f"--host={server.host}",
            f"--port={server.port}",
            f"--username={server.user}",
            "--no-password",
            "--exit-on-error",
            f"--dbname={database}",
            str(file),
        )

    def rewind(self, folder: Path, source: ServerAddress) -> Argv:
        return (
            self.path("pg_rewind"),
            f"--target-pgdata={folder}",
            f"--source-server={source.words} dbname=postgres",
        )

    def copy_for_replica(self, folder: Path, source: ServerAddress, slot: str) -> Argv:
        """A plain copy with the WAL it needs, which the slot keeps for it from then on."""
        return (
            self.path("pg_basebackup"),
            f"--pgdata={folder}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-password",
            f"--slot={slot}",
            f"--dbname={source.words} application_name={slot}",
        )

    def control_data(self, folder: Path) -> Argv:
        return (self.path("pg_controldata"), f"--pgdata={folder}")


def _exactly(name: str) -> str:
    """A pattern of pg_dump that means this name only: quoted, nothing in it is a wildcard."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
