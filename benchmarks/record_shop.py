"""Records what the edge saw of the example shop's visitors, for `bin/bench gates`.

bin/insight demo --detach --project FOLDER; some minutes later:
uv run python -m benchmarks.record_shop FOLDER [--skip SECONDS] [--seconds SECONDS]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

RECORDING = Path(__file__).parent / "recordings/shop.json"
Answer = tuple[float, int]
"""Milliseconds and status of one request."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Records the shop's traffic from the edge's log.")
    parser.add_argument("project", type=Path, help="folder of a platform with the demo")
    parser.add_argument("--skip", type=float, default=60, help="seconds at the beginning left out")
    parser.add_argument("--seconds", type=float, default=300, help="how long from there on")
    given = parser.parse_args()
    log = given.project / ".insight/logs/edge.access.log"
    with log.open(encoding="utf-8") as lines:
        recorded = answers(lines, given.skip, given.seconds)
    RECORDING.parent.mkdir(exist_ok=True)
    text = ",\n".join(json.dumps(one) for one in recorded)
    RECORDING.write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{len(recorded)} requests in {RECORDING}")


def answers(lines: Iterable[str], skip_s: float, seconds: float) -> list[Answer]:
    """Those of the shop's pages and checkouts, without what identifies anybody."""
    found = [one for one in map(json.loads, lines) if one["service"] == "web"]
    began = found[0]["msec"] + skip_s
    return [
        (round(1000 * float(one["duration_s"]), 1), int(one["status"]))
        for one in found
        if began <= one["msec"] < began + seconds
    ]


if __name__ == "__main__":
    main()
