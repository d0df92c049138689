"""A network between us and a server that can be cut, slowed down, or made to swallow everything."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_PIECE = 16 * 1024


class Network:
    """`bytes_per_s` and `delay_s` hold for each direction of each connection."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_over = False
        self.is_cut = False
        self.swallows = False
        self.bytes_per_s: float | None = None
        self.delay_s = 0.0
        self.passed_bytes = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Connections are reset, new ones are refused as soon as they are made."""
        self.is_cut = True
        self._reset()

    def mend(self) -> None:
        self.is_cut = self.swallows = False
        self.bytes_per_s, self.delay_s = None, 0.0
        self._reset()

    def close(self) -> None:
        """Returns when nothing of it is left."""
        self._is_over = True
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        self._listener.close()
        self._thread.join()
        self._reset()
        deadline = time.monotonic() + 10
        while self._open and time.monotonic() < deadline:
            time.sleep(0.01)

    def _reset(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._is_over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Both directions of one connection, until both have ended."""
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(_PIECE):
                while self.swallows and not self.is_cut and not self._is_over:
                    time.sleep(0.05)
                time.sleep(self.delay_s + len(piece) / (self.bytes_per_s or float("inf")))
                sink.sendall(piece)
                self.passed_bytes += len(piece)
        except OSError:
            pass
        finally:
            for one in (source, sink):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


@contextmanager
def network_to(endpoint: str) -> Iterator[Network]:
    url = urlsplit(endpoint)
    found = Network((str(url.hostname), int(url.port or 80)))
    try:
        yield found
    finally:
        found.close()
