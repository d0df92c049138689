"""One contract for every object store: the fake, a folder, an imitation of S3 and a real S3."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from insightengine.stores.objects import s3
from insightengine.stores.objects.folder import FolderObjects
from insightengine.stores.objects.port import PART_BYTES, ObjectStore
from insightengine.stores.objects.s3 import S3Objects
from tests.contracts.object_stores import moto, versitygw
from tests.fakes.objects import MemoryObjects

Make = Callable[[], ObjectStore]
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["memory", "folder", "moto", "versitygw"])
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """Makes a new, empty store of one kind."""
    folder = tmp_path_factory.mktemp(request.param)

    def a_folder() -> ObjectStore:
        path = folder / f"store-{next(_numbers)}"
        path.mkdir()
        return FolderObjects(path)

    match request.param:
        case "memory":
            yield MemoryObjects
        case "folder":
            yield a_folder
        case kind:
            with moto() if kind == "moto" else versitygw(folder) as server:

                def a_bucket() -> ObjectStore:
                    name = f"bucket-{next(_numbers)}"
                    server.create(name)
                    return S3Objects(server.place(name, "some/prefix"))

                yield a_bucket


@pytest.fixture
def store(make: Make) -> ObjectStore:
    return make()


def test_what_was_put_is_got(store: ObjectStore) -> None:
    store.put("a/b.txt", b"content")
    assert store.get("a/b.txt") == b"content"
    assert b"".join(store.read("a/b.txt")) == b"content"


def test_an_object_may_be_empty(store: ObjectStore) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert [found.size_bytes for found in store.objects()] == [0]


def test_put_replaces(store: ObjectStore) -> None:
    store.put("a", b"old")
    store.put("a", b"new")
    assert store.get("a") == b"new"


def test_only_new_refuses_to_replace_another_content(store: ObjectStore) -> None:
    store.put("a", b"old", only_new=True)
    with pytest.raises(ConflictError, match="a"):
        store.put("a", b"new", only_new=True)
    assert store.get("a") == b"old"


def test_only_new_may_be_repeated_with_the_same_content(store: ObjectStore) -> None:
    store.put("a", b"same", only_new=True)
    store.put("a", b"same", only_new=True)
    assert store.get("a") == b"same"


def test_of_several_writers_of_a_new_object_one_wins(store: ObjectStore) -> None:
    won: list[bytes] = []

    def write(content: bytes) -> None:
        try:
            store.put("race", content, only_new=True)
        except (ConflictError, UnavailableError):
            return
        won.append(content)

    writers = [threading.Thread(target=write, args=(b"%d" % n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert won == [store.get("race")]


def test_a_missing_object_is_told_as_such(store: ObjectStore) -> None:
    with pytest.raises(NotFoundError) as raised:
        store.get("nothing")
    assert raised.value.code == "object_missing"
    with pytest.raises(NotFoundError):
        list(store.read("nothing"))
    assert store.stat("nothing") is None


def test_stat_tells_size_and_time(store: ObjectStore) -> None:
    store.put("a", b"12345")
    found = store.stat("a")
    assert found is not None
    assert (found.key, found.size_bytes) == ("a", 5)
    assert found.modified_at.tzinfo is not None


def test_list_is_sorted_and_limited_to_the_prefix(store: ObjectStore) -> None:
    for key in ("wal/2", "wal/10", "wal-old/1", "backups/x/meta", "wal/1"):
        store.put(key, key.encode())
    assert [found.key for found in store.objects("wal/")] == ["wal/1", "wal/10", "wal/2"]
    assert [found.key for found in store.objects("wal/1")] == ["wal/1", "wal/10"]
    assert len(list(store.objects())) == 5
    assert list(store.objects("none/")) == []


def test_more_objects_than_fit_one_answer_are_listed_and_deleted(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_LISTED_AT_ONCE", 3)
    monkeypatch.setattr(s3, "_DELETED_AT_ONCE", 3)
    keys = [f"many/{number:05d}" for number in range(10)]
    for key in keys:
        store.put(key, b"x")
    assert [found.key for found in store.objects("many/")] == keys
    assert store.delete(found.key for found in store.objects("many/")) == ()
    assert list(store.objects("many/")) == []


def test_delete_is_idempotent(store: ObjectStore) -> None:
    store.put("a/b/c", b"x")
    store.put("a/d", b"y")
    assert store.delete(["a/b/c", "never/there"]) == ()
    assert store.delete(["a/b/c"]) == ()
    assert [found.key for found in store.objects()] == ["a/d"]


def test_a_folder_that_became_empty_can_be_used_again(store: ObjectStore) -> None:
    store.put("a/b/c", b"x")
    store.delete(["a/b/c"])
    store.put("a/b", b"an object where a folder was")
    assert store.get("a/b") == b"an object where a folder was"


def test_a_stream_becomes_one_object(store: ObjectStore) -> None:
    parts = [b"a" * 1000, b"b" * (PART_BYTES + 1), b"c" * 7]
    assert store.put_stream("large", iter(parts)) == PART_BYTES + 1008
    assert b"".join(store.read("large")) == b"".join(parts)


def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * (PART_BYTES + 1)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        store.put_stream("broken", breaking())
    assert store.stat("broken") is None
    assert list(store.objects()) == []
    assert store.clean(older_than_s=0) == 0, "what was begun is cleaned away at once"


def test_a_stream_may_be_refused_to_replace(store: ObjectStore) -> None:
    store.put("a", b"old")
    with pytest.raises(ConflictError):
        store.put_stream("a", [b"new"], only_new=True)
    assert store.get("a") == b"old"


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", ".hidden", "a/", "ä", "a b"])
def test_keys_that_a_store_could_misunderstand_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(InvalidInputError):
        store.put(key, b"x")


def test_a_store_that_is_there_passes_its_check(store: ObjectStore) -> None:
    store.check()
    assert list(store.objects()) == []


def test_the_address_has_no_credentials(store: ObjectStore) -> None:
    assert "only-for-this-test" not in store.address
    assert "only-for-this-test" not in repr(store)


def test_a_missing_folder_is_told_as_such(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "not-mounted")
    for call in (store.check, lambda: store.put("a", b"x"), lambda: list(store.objects())):
        with pytest.raises(NotFoundError) as raised:
            call()
        assert raised.value.code == "store_missing"
    assert not (tmp_path / "not-mounted").exists()
