"""Coverage-guided fuzzing of what takes bytes from strangers: run by `atheris`, not by pytest.

    uv run --with atheris==3.0.0 python backend/tests/fuzz/receivers.py -runs=1000000 FOLDER

FOLDER keeps the inputs that reached something new; the first run fills it with well-formed ones.
An input that ends in anything but an InsightError is written to a file and ends the run.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found]  # no dependency: see above
import zstandard

with atheris.instrument_imports(include=["insightengine.telemetry"]):
    from insightengine.core.errors import InsightError
    from insightengine.telemetry import segments
    from insightengine.telemetry.messages import flatten
    from insightengine.telemetry.port import Signal
    from insightengine.telemetry.receive.body import Encoding, MediaType, decompressed
    from insightengine.telemetry.receive.intake import checked
    from insightengine.telemetry.redaction import RedactionRules, Redactor

_LIMIT = 100_000
_SIGNALS, _MEDIA, _ENCODINGS = list(Signal), list(MediaType), list(Encoding)
_REDACTOR = Redactor(RedactionRules.of(["k", "password"], ["card", "token", "email"]))
_SEEDS = (
    (MediaType.PROTOBUF, bytes.fromhex("0a0f120d120b2a016e4a060a016b12020a00")),
    (MediaType.JSON, b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"ab"}]}]}]}'),
    (
        MediaType.JSON_LINES,
        b'{"message":"x","level":"error","time":"2026-01-01T00:00:00Z"}\nplain\n',
    ),
)


def take(content: bytes) -> None:
    """The first byte chooses signal, content type and encoding; the rest is the body."""
    for record in segments.scan(content).records:
        if record.end > len(content):
            raise AssertionError("a record outside of its segment")
    if not content:
        return
    choice, body = content[0], content[1:]
    signal = _SIGNALS[choice % 3]
    media_type, encoding = _MEDIA[choice // 3 % 3], _ENCODINGS[choice // 9 % 3]
    try:
        found = checked(signal, media_type, decompressed(body, encoding, _LIMIT))
        flatten(signal, _REDACTOR.apply(signal, found.payload))
    except InsightError as error:
        if error.http_status not in (400, 413):
            raise


def seed(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    packers = (bytes, gzip.compress, zstandard.compress)
    for media_type, body in _SEEDS:
        for number, pack in enumerate(packers):
            for signal in range(3):
                choice = signal + 3 * _MEDIA.index(media_type) + 9 * number
                (folder / f"seed-{choice}").write_bytes(bytes([choice]) + pack(body))
    (folder / "seed-segment").write_bytes(segments.encode(b"abc", 1, "shop") * 2)


def main() -> None:
    folders = [Path(each) for each in sys.argv[1:] if not each.startswith("-")]
    for folder in folders[:1]:
        seed(folder)
    atheris.Setup(sys.argv, take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
