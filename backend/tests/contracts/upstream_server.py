"""A small HTTP/1.1 server that tells what reached it: python upstream_server.py <colour> <port>."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    colour: ClassVar[str] = ""
    wbufsize = -1

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/api")
        if path == "/events":
            self._events()
        elif path == "/socket":
            self._socket()
        elif path == "/breaks":
            self.close_connection = True
        elif path.startswith("/status/"):
            self._answer(int(path.rsplit("/", 1)[1]), {"colour": self.colour})
        else:
            self._echo()

    def _echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        padding = "x" * 4000 if "/large" in self.path else ""
        self._answer(
            200,
            {
                "colour": self.colour,
                "method": self.command,
                "path": self.path,
                "body_bytes": len(body),
                "headers": [[name.lower(), value] for name, value in self.headers.items()],
                "padding": padding,
            },
        )

    do_POST = do_HEAD = do_GET  # noqa: N815  names that http.server asks for

    def _answer(self, status: int, values: dict[str, object]) -> None:
        body = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "/own-headers" in self.path:
            self.send_header("X-Frame-Options", "ALLOWALL")
            self.send_header("X-Insight-Release", "forged")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for number in range(20):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.1)

    def _socket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        digest = hashlib.sha1(key.encode()).digest()
        self.send_header("Sec-WebSocket-Accept", b64encode(digest).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while frame := self.rfile.read1(1024):
            self.wfile.write(frame)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Silent: tests read the edge's log."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is nothing to tell."""


if __name__ == "__main__":
    Handler.colour = sys.argv[1]
    server = Server(("127.0.0.1", int(sys.argv[2])), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
