"""PostgreSQL's manifest: read, guarded by its own checksum, and compared."""

from __future__ import annotations

import hashlib

import google_crc32c
import pytest

from insightengine.core.errors import ConflictError
from insightengine.core.lsn import Lsn
from insightengine.recovery.manifest import compare, parse_manifest
from insightengine.recovery.tarwalk import TarFile

CONTENT = b"a page"
CRC = google_crc32c.value(CONTENT)


def manifest_text(crc: int = CRC, name: str = '"Path": "base/1/1259"') -> bytes:
    """As PostgreSQL 18 writes it: the checksum covers everything before its own line."""
    checksum = crc.to_bytes(4, "little").hex()
    body = (
        '{ "PostgreSQL-Backup-Manifest-Version": 2,\n'
        '"System-Identifier": 7711945290554794610,\n'
        '"Files": [\n'
        f'{{ {name}, "Size": 6, "Last-Modified": "2026-01-02 03:04:05 GMT", '
        f'"Checksum-Algorithm": "CRC32C", "Checksum": "{checksum}" }}\n'
        "],\n"
        '"WAL-Ranges": [\n'
        '{ "Timeline": 1, "Start-LSN": "0/12000028", "End-LSN": "0/12000120" }\n'
        "],\n"
    ).encode()
    own = hashlib.sha256(body).hexdigest()
    return body + f'"Manifest-Checksum": "{own}"}}\n'.encode()


def test_a_manifest_is_read() -> None:
    found = parse_manifest(manifest_text())
    assert found.system_identifier == "7711945290554794610"
    assert found.files == {"base/1/1259": (6, CRC)}
    assert (found.timeline, found.start, found.stop) == (
        1,
        Lsn.parse("0/12000028"),
        Lsn.parse("0/12000120"),
    )


def test_a_name_that_is_no_utf8_is_read() -> None:
    encoded = f'"Encoded-Path": "{b"base/1/1259".hex()}"'
    assert list(parse_manifest(manifest_text(name=encoded)).files) == ["base/1/1259"]


@pytest.mark.parametrize(("old", "new"), [(b"0/12000028", b"0/12000029"), (b"1259", b"1260")])
def test_a_changed_manifest_is_noticed(old: bytes, new: bytes) -> None:
    with pytest.raises(ConflictError, match="own checksum"):
        parse_manifest(manifest_text().replace(old, new))


@pytest.mark.parametrize("content", [b"", b"{}", manifest_text()[:200]])
def test_what_is_no_manifest_is_told(content: bytes) -> None:
    with pytest.raises(ConflictError, match="cannot be read"):
        parse_manifest(content)


def test_files_that_agree_pass() -> None:
    received = [TarFile("base/1/1259", 6, 512, CRC), TarFile("backup_manifest", 9, 2048, 1)]
    compare(parse_manifest(manifest_text()), received)


@pytest.mark.parametrize(
    "received",
    [
        [],
        [TarFile("base/1/1259", 6, 512, CRC ^ 1)],
        [TarFile("base/1/1259", 7, 512, CRC)],
        [TarFile("base/1/1259", 6, 512, CRC), TarFile("added", 1, 2048, 1)],
    ],
)
def test_missing_changed_and_added_files_are_named(received: list[TarFile]) -> None:
    with pytest.raises(ConflictError) as raised:
        compare(parse_manifest(manifest_text()), received)
    assert raised.value.code == "manifest_mismatch"
    assert "1259" in raised.value.message or "added" in raised.value.message
