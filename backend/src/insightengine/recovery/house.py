"""Everything that recovery works with, made by `wiring` and handed to each of its verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from insightengine.application.backup import BackupPolicy, Objectives
from insightengine.core.errors import InsightError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.recovery.capture import Surroundings
from insightengine.recovery.catalogue import Catalogue
from insightengine.recovery.commands import Programs
from insightengine.recovery.journal import Journal
from insightengine.recovery.keys import Keyring
from insightengine.recovery.models import Backup, Standing, standing_of
from insightengine.recovery.repository import Repository, require_repository
from insightengine.stores.server import PostgresServer, ServerAddress

RECEIVER = "insight_receiver"  # slot and name of the WAL receiver


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the project asks for; written by `insight up` for the processes of recovery."""

    application: str
    project: str
    application_folder: str | None = None
    application_database: str | None = None
    backup: BackupPolicy = field(default_factory=BackupPolicy)
    objectives: Objectives = field(default_factory=Objectives)


@dataclass(frozen=True, slots=True)
class Folders:
    """Below the state folder. `cluster` is the one that the platform's server uses."""

    root: Path  # .insight/recovery
    cluster: Path  # .insight/postgres
    secrets: Path
    spool: Path  # received WAL, in a folder for each incarnation of the cluster

    @property
    def work(self) -> Path:
        """Scratch clusters and restores under way."""
        return self.root / "work"

    @property
    def replaced(self) -> Path:
        return self.root / "replaced"

    @property
    def reports(self) -> Path:
        return self.root / "reports"


@dataclass(frozen=True, slots=True)
class ReplicaPlace:
    """A standby beside the primary. `end(name)` stops the server of that name for now; while
    `held(folder)` is entered, none is started in the folder."""

    folder: Path
    former: Path  # where the old primary is left for the replica to come back from
    address: ServerAddress
    end: Callable[[str], None]
    held: Callable[[Path], AbstractContextManager[None]]
    swap: Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost machine to be rehearsed: a second platform in `folder`. `stage(key)` times a step,
    `at_end` takes what undoes it. `key` is a recovery key; None for the machine's own."""

    folder: Path
    to: str
    key: Path | None
    stage: Callable[[str], AbstractContextManager[None]]
    at_end: ExitStack


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rehearsal brought to light: `findings` are what was wrong."""

    figures: Mapping[str, float | int | str]
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrozenRecords:
    """The folder of each table whose parts are linked; `version` is that of their schema."""

    version: int
    tables: Mapping[str, Path]


class RecordStore(Protocol):
    """The telemetry store, whose files only its own process may touch. Raises UnavailableError
    where it does not answer, and InvalidInputError where its files are not on this machine."""

    def frozen(self) -> AbstractContextManager[FrozenRecords]:
        """Links that stay as they are while entered."""
        ...

    def stored(self) -> frozenset[str]:
        """Partitions that have records, as `TABLE/PARTITION`; none of a store that never ran."""
        ...

    @property
    def version(self) -> int: ...

    @property
    def fetching(self) -> Path:
        """Where a restore gathers what it brings, as TABLE/PARTITION/PART."""
        ...

    @property
    def arriving(self) -> Path:
        """What `fetching` is called once it is whole: the store takes in what it finds there."""
        ...

    def take_in(self) -> Mapping[str, Any] | None:
        """Has the store take what arrived; None where it does so at its next start."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    configuration: Configuration
    folders: Folders
    programs: Programs
    address: ServerAddress
    pass_file: Path
    keyring: Keyring
    repositories: Sequence[Repository]
    catalogue: Catalogue
    journal: Journal
    admin_password: Secret
    # New folder, and where the old one is kept; whether the server comes up by itself now.
    replace_cluster: Callable[[Path, Path], bool]
    find_replica: Callable[[], ReplicaPlace | None]
    lose_host: Callable[[Loss], Outcome]
    export_to: Callable[[Path], Repository]
    gather: Callable[[Path], None]  # writes what else is kept into the folder
    find_records: Callable[[], RecordStore]

    @property
    def records(self) -> RecordStore:
        """The telemetry store; made when it is asked for."""
        return self.find_records()

    @property
    def replica(self) -> ReplicaPlace | None:
        """The replica, where one is wanted at this moment."""
        return self.find_replica()

    @property
    def policy(self) -> BackupPolicy:
        return self.configuration.backup

    @property
    def surroundings(self) -> Mapping[str, str]:
        return Surroundings(self.pass_file).environment()

    def server(self, database: str = "postgres") -> PostgresServer:
        return PostgresServer(self.address, database)

    def close(self) -> None:
        self.catalogue.close()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def backups(self) -> list[Backup]:
        """Of this cluster, the oldest first; positions of another cluster compare with nothing."""
        own = {repository.cluster for repository in self.repositories}
        return [backup for backup in self.catalogue.backups() if backup.cluster in own]

    def standings(self) -> dict[str, Standing]:
        checks = self.catalogue.checks()
        return {b.id: standing_of(checks.get(b.id, ())) for b in self.backups()}

    def answering(self) -> list[Repository]:
        """The repositories that can be used now. Raises UnavailableError when none can."""
        reasons: list[str] = []
        found: list[Repository] = []
        for repository in self.repositories:
            try:
                require_repository(repository.store)
            except InsightError as error:
                reasons.append(error.message)
            else:
                found.append(repository)
        if not found:
            raise UnavailableError(
                f"no repository answers: {'; '.join(reasons) or 'none is configured'}",
                code="no_repository",
                hint="insight backup repositories",
            )
        return found

    def holding(self, backup: str) -> list[Repository]:
        """The repositories that hold a backup whole."""
        names = self.catalogue.copies().get(backup, frozenset())
        return [one for one in self.repositories if one.name in names]


def rebuild(house: House) -> list[str]:
    """Reads the catalogue anew from the repositories; what was wrong there, in sentences."""
    problems: list[str] = []
    found = []
    for repository in house.answering():
        read = repository.read_all()
        problems += [f"{repository.name}: {problem}" for problem in read.problems]
        found.append((repository, read))
    house.catalogue.clear()
    for repository, read in found:
        for backup in read.backups:
            house.catalogue.add(backup, [repository.name])
        for check in read.checks:
            house.catalogue.add_check(check)
        for point in read.points:
            house.catalogue.add_point(point)
    return problems
