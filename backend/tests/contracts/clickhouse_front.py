"""ClickHouse's HTTP interface for writing, over the engine in this process.

No real server of a present version can be had from the package registries. This takes what one
would take, and differs in one thing: rows and schemas that are sent are read from files.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from chdb.state.sqlitelike import Connection

USER, PASSWORD = "writer", "only-for-this-test"
_INPUT = re.compile(r"input\((?P<structure>'(?:[^'\\]|\\.)*')\)")
_SCHEMA = re.compile(
    r"format_schema_source = 'string', format_schema_message_name = '(?P<message>\w+)', "
    r"format_schema = '(?P<schema>(?:[^'\\]|\\.)*)'"
)
_CODE = re.compile(r"Code: (\d+)")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, configuration: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.connection = Connection(
            f"{folder / 'server'}{f'?config-file={configuration}' if configuration else ''}"
        )
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["X-ClickHouse-Key"] != PASSWORD:
            self._answer(403, b"Code: 516. DB::Exception: wrong password", 516)
            return
        try:
            with self.server.lock:
                self._answer(200, self._run(arguments, body))
        except Exception as error:
            found = _CODE.search(str(error))
            self._answer(500, str(error).encode(), int(found[1]) if found else 0)

    def _run(self, arguments: dict[str, str], body: bytes) -> bytes:
        sql = arguments.get("query") or body.decode()
        if "query" in arguments:
            sql = self._from_files(sql, body)
        connection = self.server.connection
        for name, value in arguments.items():
            if name.startswith("param_"):
                connection.query(f"SET {name} = '{value}'")
        if "database" in arguments:
            connection.query(f"USE {arguments['database']}")
        answer = connection.query(sql, arguments.get("default_format", "TabSeparated"))
        return bytes(answer.bytes())

    def _from_files(self, sql: str, rows: bytes) -> str:
        sent = self.server.folder / "rows.pb"
        sent.write_bytes(rows)
        found = _SCHEMA.search(sql)
        assert found is not None, "the schema is sent with the rows"
        schema = self.server.folder / "sent.proto"
        schema.write_text(found["schema"].replace("\\'", "'").replace("\\\\", "\\"))
        sql = sql.replace(found.group(), f"format_schema = '{schema}:{found['message']}'")
        return _INPUT.sub(
            lambda match: f"file('{sent}', 'Protobuf', {match['structure']})", sql
        ).removesuffix("FORMAT Protobuf")

    def _answer(self, status: int, body: bytes, code: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests need no access log."""


@contextmanager
def clickhouse_front(folder: Path, configuration: Path | None = None) -> Iterator[str]:
    """The address. `configuration` is an XML file as a server has it, such as with disks."""
    server = _Server(folder, configuration)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.connection.close()
