"""Disks that fill when a test says so. Each is a small tmpfs."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest

MIB = 1024**2
NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="a small disk is mounted, which needs root"
)


class Disk:
    """A tmpfs of its own size. Between `fill` and `free` whatever becomes free is taken at once,
    but for so much as is left on purpose."""

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        self._is_full = threading.Event()
        self._thread = threading.Thread()
        options = f"size={size_mib}m,mode=0777"
        command = ["mount", "-t", "tmpfs", "-o", options, "insight-test", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")

    @property
    def ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, leave_bytes: int = 0) -> None:
        self._is_full.set()
        self._take(leave_bytes)
        self._thread = threading.Thread(target=self._keep_full, args=(leave_bytes,))
        self._thread.start()

    def free(self) -> None:
        self._is_full.clear()
        self._thread.join()
        self.ballast.unlink()

    def _keep_full(self, leave_bytes: int) -> None:
        while self._is_full.is_set():
            self._take(leave_bytes)
            time.sleep(0.02)

    def _take(self, leave_bytes: int) -> None:
        found = os.statvfs(self.folder)
        left = found.f_bavail * found.f_frsize - leave_bytes
        with suppress(OSError), self.ballast.open("ab") as file:
            while left > 0:
                size = min(left, MIB)
                os.posix_fallocate(file.fileno(), file.tell(), size)
                left -= size
                file.seek(0, os.SEEK_END)

    def unmount(self) -> None:
        if self._is_full.is_set():
            self.free()
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@contextmanager
def disk(folder: Path, size_mib: int) -> Iterator[Disk]:
    found = Disk(folder, size_mib)
    try:
        yield found
    finally:
        found.unmount()


def new_folder() -> Path:
    folder = Path(mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o777)
    return folder
