"""Asks a process for a real answer. Blocking, short; call it in a thread."""

from __future__ import annotations

import http.client
import socket
import subprocess
from typing import assert_never
from urllib.parse import urlsplit

from insightengine.runtimes.port import (
    CommandReady,
    HttpReady,
    PostgresReady,
    Readiness,
    RedisReady,
    RunningReady,
)


def problem_of(readiness: Readiness, timeout_s: float) -> str | None:
    """None when the process answered as it should, else what was wrong, in a few words."""
    try:
        match readiness:
            case HttpReady():
                return _http(readiness, timeout_s)
            case RedisReady():
                return _redis(readiness, timeout_s)
            case PostgresReady():
                return _postgres(readiness, timeout_s)
            case CommandReady():
                return _command(readiness, timeout_s)
            case RunningReady():
                return None
            case _:
                assert_never(readiness)
    except (OSError, http.client.HTTPException) as error:
        return f"{error.__class__.__name__}: {error}"


def _http(ready: HttpReady, timeout_s: float) -> str | None:
    url = urlsplit(ready.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=timeout_s)
    try:
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        connection.request("GET", path, headers={"User-Agent": "insight-health"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return None if status == ready.status else f"{ready.url} answered {status}"


def _redis(ready: RedisReady, timeout_s: float) -> str | None:
    with socket.create_connection((ready.host, ready.port), timeout_s) as connection:
        if ready.password_file:
            password = ready.password_file.read_text(encoding="utf-8").strip()
            connection.sendall(_resp("AUTH", password))
            if not connection.recv(512).startswith(b"+OK"):
                return "the password was refused"
        connection.sendall(_resp("PING"))
        answer = connection.recv(512)
    return None if answer.startswith(b"+PONG") else f"PING answered {answer[:80]!r}"


def _resp(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def _postgres(ready: PostgresReady, timeout_s: float) -> str | None:
    import psycopg  # here: the launcher of every other check does without it

    try:
        with psycopg.connect(
            host=ready.host,
            port=ready.port,
            user=ready.user,
            dbname=ready.database,
            password=ready.password_file.read_text(encoding="utf-8").strip(),
            connect_timeout=max(2, int(timeout_s)),
            application_name="insight-health",
            autocommit=True,
        ) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return None


def _command(ready: CommandReady, timeout_s: float) -> str | None:
    try:
        done = subprocess.run(ready.argv, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return f"{ready.argv[0]} did not end within {timeout_s:g} s"
    return None if done.returncode == 0 else f"{ready.argv[0]} exited with {done.returncode}"
