"""A small image registry on this machine: as much of the distribution protocol as a push and a pull
of `docker` need. Everything is in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Registry(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents: dict[str, tuple[str, bytes]] = {}  # media type and bytes, by path
        self.uploads: dict[str, bytes] = {}

    @property
    def host(self) -> str:
        return f"localhost:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200)
            return
        kind, content = self.server.contents.get(self.path, ("", b""))
        if not kind:
            self._answer(404)
            return
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._answer(200, content, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        """Begins an upload."""
        self._body()
        place = f"{self.path.rstrip('/')}/{len(self.server.uploads)}"
        self.server.uploads[place] = b""
        self._answer(202, headers={"Location": place, "Range": "0-0"})

    def do_PATCH(self) -> None:
        place = urlsplit(self.path).path
        self.server.uploads[place] += self._body()
        last = len(self.server.uploads[place]) - 1
        self._answer(202, headers={"Location": place, "Range": f"0-{last}"})

    def do_PUT(self) -> None:
        """The end of an upload, or a manifest."""
        content, url = self._body(), urlsplit(self.path)
        kind = self.headers.get("Content-Type", "")
        found = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if "/manifests/" in url.path:
            base = url.path.rpartition("/")[0]
            for path in (url.path, f"{base}/{found}"):
                self.server.contents[path] = (kind, content)
        else:
            content = self.server.uploads.pop(url.path) + content
            [digest] = parse_qs(url.query)["digest"]
            blobs = url.path.partition("/uploads/")[0]
            self.server.contents[f"{blobs}/{digest}"] = ("application/octet-stream", content)
            found = digest
        self._answer(201, headers={"Docker-Content-Digest": found, "Location": url.path})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is for its failures."""


@contextmanager
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
