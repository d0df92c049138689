"""Becomes one process of the platform. Run as `python -I -S launch.py SPEC ARGV…`; stdlib only.

The record of pid and start time is on disk *before* the program runs, written by the process
itself. So a supervisor that is killed between fork and its own bookkeeping leaves nothing unknown.
"""

import json
import os
import resource
import sys


def start_ticks(pid: int) -> int:
    """Clock ticks since boot at which the process started; with the pid it is unique."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
        return int(file.read().rpartition(b")")[2].split()[19])


def main() -> None:
    spec, argv = json.loads(sys.argv[1]), sys.argv[2:]
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    if spec["uid"] is not None:
        os.fchown(log, spec["uid"], spec["gid"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 1024)
    _write_record(spec)
    if spec["uid"] is not None:
        os.initgroups(spec["user"], spec["gid"])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])
    try:
        os.umask(0o027)
        os.chdir(spec["cwd"])
        os.execvpe(argv[0], argv, os.environ)  # noqa: S606
    except OSError as error:
        print(f"cannot run {argv[0]} in {spec['cwd']}: {error}", flush=True)  # noqa: T201
        os._exit(127)


def _write_record(spec: dict) -> None:  # type: ignore[type-arg]
    record = {
        "pid": os.getpid(),
        "start_ticks": start_ticks(os.getpid()),
        "fingerprint": spec["fingerprint"],
        "started_at": spec["started_at"],
    }
    temporary = f"{spec['record']}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(record, file)
    os.replace(temporary, spec["record"])  # noqa: PTH105


if __name__ == "__main__":
    main()
