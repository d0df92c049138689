"""The walker sees in a stream what `tar` would extract from it, however it is cut."""

from __future__ import annotations

import io
import tarfile

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightengine.core.errors import ConflictError
from insightengine.recovery.tarwalk import TarFile, TarWalker, chunks_of
from tests.unit.recovery.archives import tar_of

FILES = {"PG_VERSION": b"18\n", "base/1/1259": b"page" * 3000, "empty": b"", "exact": b"x" * 512}


def walked(stream: bytes, piece_bytes: int) -> TarWalker:
    walker = TarWalker()
    for start in range(0, len(stream), piece_bytes):
        walker.feed(stream[start : start + piece_bytes])
    walker.finish()
    return walker


@settings(max_examples=40)
@given(
    st.dictionaries(st.text("abc/", min_size=1, max_size=20), st.binary(max_size=3000), max_size=6),
    st.integers(1, 4000),
)
def test_every_file_is_seen_with_its_checksum(files: dict[str, bytes], piece_bytes: int) -> None:
    stream = tar_of(files)
    walker = walked(stream, piece_bytes)
    assert {f.path: (f.size_bytes, f.crc32c) for f in walker.files} == {
        name: (len(content), google_crc32c.value(content)) for name, content in files.items()
    }
    for file in walker.files:
        content = stream[file.offset : file.offset + file.size_bytes]
        assert content == files[file.path]
    assert walker.position == len(stream)


def test_manifest_and_label_are_kept() -> None:
    walker = walked(tar_of({**FILES, "backup_manifest": b"{}", "backup_label": b"START"}), 700)
    assert walker.kept == {"backup_manifest": b"{}", "backup_label": b"START"}


@pytest.mark.parametrize("cut", [600, 5000, 12000])
def test_a_stream_that_was_cut_off_is_noticed(cut: int) -> None:
    with pytest.raises(ConflictError, match="end mark"):
        walked(tar_of(FILES)[:cut], 512)


def test_what_is_no_tar_stream_is_noticed() -> None:
    with pytest.raises(ConflictError, match="does not begin a file"):
        walked(b"pg_basebackup: error: could not connect" * 50, 512)


def test_a_tablespace_outside_is_refused_with_what_to_do() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("pg_tblspc/16385")
        member.type, member.linkname = tarfile.SYMTYPE, "/mnt/fast"
        archive.addfile(member)
    with pytest.raises(ConflictError, match="SET TABLESPACE"):
        walked(out.getvalue(), 512)


def test_a_size_beyond_octal_digits_is_read() -> None:
    block = bytearray(tarfile.TarInfo("large").tobuf(tarfile.USTAR_FORMAT))
    size = 9 * 1024**3
    block[124:136] = (size | 1 << 95).to_bytes(12, "big")
    walker = TarWalker()
    walker.feed(bytes(block))
    assert walker._open is not None
    assert walker._open.size == size


@pytest.mark.parametrize(
    ("offset", "size", "numbers"),
    [(0, 10, [0]), (95, 10, [0, 1]), (100, 0, [1]), (150, 250, [1, 2, 3])],
)
def test_a_file_lies_in_these_chunks(offset: int, size: int, numbers: list[int]) -> None:
    assert list(chunks_of(TarFile("f", size, offset, 0), 100)) == numbers
