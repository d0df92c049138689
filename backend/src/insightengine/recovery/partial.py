"""One database, or one table, out of a backup: as a file, or beside what the server has now.

The whole cluster is restored into a scratch server first; nothing of the live server is replaced
unless a swap was asked for, and then what stood there is kept under another name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import sql

from insightengine.core.errors import ConflictError, InvalidInputError, NotFoundError
from insightengine.recovery.house import House
from insightengine.recovery.plan import RestorePlan
from insightengine.recovery.restore import begin_anew, extract_into, plan_restore, recovered
from insightengine.recovery.scratch import SUPERUSER, ScratchServer
from insightengine.stores.server import PostgresServer, ServerAddress

_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Part:
    """`table` is SCHEMA.TABLE; None for the whole database."""

    database: str
    table: str | None

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Part:
        """Raises InvalidInputError for a table that names no schema."""
        table = str(request["table"]) if request.get("table") else None
        if table is not None and len(table.split(".")) != 2:
            raise InvalidInputError(
                f"found the table {table[:80]!r}, allowed is SCHEMA.TABLE such as public.orders"
            )
        return cls(str(request["database"]), table)

    @property
    def schema(self) -> str:
        return (self.table or "public.").split(".")[0]

    @property
    def name(self) -> str:
        return f"{self.database}.{self.table}" if self.table else self.database


def export_part(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """A file in the folder of exports. `sql` asks for SQL in place of PostgreSQL's own format."""
    part, as_sql = Part.of(request), bool(request.get("sql"))
    folder = exports_of(house)
    output = folder / f"{operation}.{'sql' if as_sql else 'dump'}"
    began = time.monotonic()
    with _restored(house, operation, request, part) as (plan, server):
        argv = house.programs.dump(
            server.address, part.database, output, table=part.table, as_sql=as_sql
        )
        try:
            _run(f"{part.name} could not be read", argv, {})
        except ConflictError:
            output.unlink(missing_ok=True)  # as large as what could be written of it
            raise
    return {
        "exported": part.name,
        "backup": plan.backup.id,
        "to": plan.target.text,
        "file": str(output),
        "bytes": output.stat().st_size,
        "seconds": round(time.monotonic() - began, 2),
    }


def restore_part(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Beside what is there: a database of a new name, or the table in a schema of a new name.

    With `swap`, the new database takes the old one's name, which is kept under another one.
    """
    part = Part.of(request)
    noted = house.journal.noted(operation)
    mark = str(noted["begun"]["mark"]) if noted else f"{house.now():%Y%m%d_%H%M%S}"
    house.journal.note(operation, "begun", {"mark": mark}, house.now())
    began = time.monotonic()
    dump = exports_of(house) / f"{operation}.dump"
    with _restored(house, operation, request, part) as (plan, server):
        schema = _set_apart(server, part, mark) if part.table else None
        argv = house.programs.dump(server.address, part.database, dump, schema=schema)
        _run(f"{part.name} could not be read", argv, {})
        owner = _owner(server, part.database)
    live = administrator(house)
    try:
        if schema:
            into = _without_schema(live, part.database, schema)
        else:
            into = _new_database(live, part.database, owner, mark)
        argv = house.programs.load(live, into, dump)
        _run(f"{part.name} could not be written to {into}", argv, _password(live))
    finally:
        dump.unlink(missing_ok=True)
    result = {
        "restored": part.name,
        "backup": plan.backup.id,
        "to": plan.target.text,
        "as": f"{into}.{schema}.{(part.table or '').split('.')[-1]}" if schema else into,
    }
    if request.get("swap") and not schema:
        result["kept"] = _swap(live, part.database, into, mark)
        result["as"] = part.database
    return {**result, "seconds": round(time.monotonic() - began, 2)}


def exports_of(house: House) -> Path:
    folder = house.folders.root / "exports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def administrator(house: House) -> ServerAddress:
    """The live server as its superuser: what is restored belongs to others."""
    password = house.folders.secrets / "postgres_admin_password"
    return replace(house.address, user=SUPERUSER, password_file=password)


@contextmanager
def _restored(
    house: House, operation: str, request: Mapping[str, Any], part: Part
) -> Iterator[tuple[RestorePlan, ScratchServer]]:
    """A scratch server at the moment that was asked for, which has the part."""
    plan = plan_restore(house, str(request.get("to") or "latest"))
    folder = house.folders.work / operation
    begin_anew(house, folder)
    try:
        extract_into(house, operation, plan, folder / "cluster")
        with recovered(house, operation, plan.target, folder) as server:
            _require(server, part)
            yield plan, server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require(server: ScratchServer, part: Part) -> None:
    with server.connect() as connection:
        known = [name for name, _ in connection.databases()]
    if part.database not in known:
        raise NotFoundError(
            f"the backup has no database {part.database}", hint=f"it has {', '.join(known)}"
        )
    if part.table is None:
        return
    with server.connect(part.database) as connection:
        found = connection.query("SELECT to_regclass(%s) IS NOT NULL", (_quoted(part.table),))
    if found != [(True,)]:
        raise NotFoundError(
            f"the database {part.database} of the backup has no table {part.table}",
            hint="a table is named with its schema: public.orders",
        )


def _set_apart(server: ScratchServer, part: Part, mark: str) -> str:
    """Copies the table into a schema of its own, with its indexes and checks, without what ties
    it to others: foreign keys and triggers would meet today's rows. Its owner stays its owner."""
    schema = _fitting("restored", mark)
    source, name = _identifier(str(part.table)), str(part.table).split(".")[1]
    target = sql.Identifier(schema, name)
    with server.connect(part.database) as connection:
        connection.query("SET statement_timeout = 0")  # a table may be of any size
        ((name_of_owner,),) = connection.query(
            "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = to_regclass(%s)",
            (_quoted(str(part.table)),),
        )
        owner = sql.Identifier(name_of_owner)
        for statement in (
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), owner),
            sql.SQL(
                "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING GENERATED EXCLUDING IDENTITY)"
            ).format(target, source),
            sql.SQL("INSERT INTO {} SELECT * FROM {}").format(target, source),
            sql.SQL("ALTER TABLE {} OWNER TO {}").format(target, owner),
        ):
            connection.run(statement)
    return schema


def _owner(server: ScratchServer, database: str) -> str:
    with server.connect() as connection:
        ((owner,),) = connection.query(
            "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s", (database,)
        )
    return str(owner)


def _without_schema(live: ServerAddress, database: str, schema: str) -> str:
    """What an attempt that was killed has left is removed; the database again."""
    with PostgresServer(live, database) as server:
        server.run(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
    return database


def _new_database(live: ServerAddress, database: str, owner: str, mark: str) -> str:
    name = _fitting(database, mark)
    with PostgresServer(live) as server:
        server.run(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        server.run(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
        server.run(
            sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
        )
        server.run(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO insight_backup").format(sql.Identifier(name))
        )
    return name


def _swap(live: ServerAddress, database: str, new: str, mark: str) -> str:
    """Ends the sessions of the old one and exchanges the names; what it is called now."""
    kept = _fitting(f"{database}_before", mark)
    old = sql.Identifier(database)
    with PostgresServer(live) as server:
        server.run(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(old))
        try:
            server.query(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )
            server.run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, sql.Identifier(kept)))
        except ConflictError:
            server.run(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(old))
            raise
        server.run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new), old))
        server.run(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(kept)))
    return kept


def _fitting(name: str, mark: str) -> str:
    """PostgreSQL cuts what is longer, and two names could become one."""
    return f"{name[: _LONGEST_NAME - len(mark) - 1]}_{mark}"


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _quoted(table: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def _password(address: ServerAddress) -> dict[str, str]:
    """In the environment of the program only: it must not stand among its words."""
    if address.password_file is None:
        return {}
    return {"PGPASSWORD": address.password_file.read_text(encoding="utf-8").strip()}


def _run(what: str, argv: tuple[str, ...], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        argv,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConflictError(f"{what}: {done.stderr.strip()[-400:]}", code="not_exported")
