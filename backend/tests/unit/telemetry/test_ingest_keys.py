from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import (
    ConflictError,
    InsightError,
    InvalidInputError,
    NotFoundError,
)
from insightengine.core.secrets import Secret
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.telemetry.receive.exchange import Head
from insightengine.telemetry.receive.gate import Bucket, Gate


def asking(key: str = "") -> Head:
    headers = {b"authorization": f"Bearer {key}".encode()} if key else {}
    return Head("POST", "/v1/logs", headers)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_text_of_a_key_is_not_kept(tmp_path: Path) -> None:
    made = IngestKeys(tmp_path).create("shop")
    assert made.text.reveal().startswith(f"ink_{made.key.id}_")
    assert made.text.reveal().rpartition("_")[2] not in IngestKeys(tmp_path).path.read_text()
    assert IngestKeys(tmp_path).path.stat().st_mode & 0o077 == 0
    assert IngestKeys(tmp_path).all() == (made.key,)


def test_a_source_has_at_most_two_keys_so_that_one_can_be_replaced(tmp_path: Path) -> None:
    keys = IngestKeys(tmp_path)
    first = keys.create("shop")
    keys.create("shop")
    with pytest.raises(ConflictError):
        keys.create("shop")
    keys.revoke(first.key.id)
    keys.create("shop")


@pytest.mark.parametrize(("source", "limit"), [("", 1), ("a b", 1), ("a/b", 1), ("ok", 0)])
def test_wrong_names_and_limits_are_refused(tmp_path: Path, source: str, limit: float) -> None:
    with pytest.raises(InvalidInputError):
        IngestKeys(tmp_path).create(source, limit)


def test_a_key_that_does_not_exist_cannot_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        IngestKeys(tmp_path).revoke("000000000000")


def test_a_broken_file_says_what_to_do(tmp_path: Path) -> None:
    IngestKeys(tmp_path).path.write_text("{")
    with pytest.raises(InsightError) as error:
        IngestKeys(tmp_path).all()
    assert error.value.hint is not None


def test_keys_count_as_soon_as_they_are_made_and_until_they_are_revoked(tmp_path: Path) -> None:
    clock, keys = Clock(), IngestKeys(tmp_path)
    gate = Gate(keys, is_required=True, clock=clock)
    assert gate.refusal(asking()) is not None
    made = keys.create("shop")
    key = made.text.reveal()
    clock.now += 1
    assert gate.refusal(asking(key)) is None
    assert gate.key_id(asking(key)) == made.key.id
    assert gate.refusal(asking(key + "x")) is not None
    keys.revoke(made.key.id)
    clock.now += 1
    assert gate.refusal(asking(key)) is not None


def test_the_platforms_own_key_needs_no_file_and_stays_when_others_change(tmp_path: Path) -> None:
    clock, keys = Clock(), IngestKeys(tmp_path)
    gate = Gate(keys, is_required=True, own=Secret("own-key"), clock=clock)
    for _ in range(2):
        assert gate.refusal(asking("own-key")) is None
        assert gate.source_of(gate.key_id(asking("own-key"))) == "platform"
        keys.create("shop")
        clock.now += 1
    assert gate.refusal(asking("other-key")) is not None


def test_known_keys_stay_while_the_file_is_broken(tmp_path: Path) -> None:
    clock, keys = Clock(), IngestKeys(tmp_path)
    key = keys.create("shop").text.reveal()
    gate = Gate(keys, is_required=True, clock=clock)
    assert gate.refusal(asking(key)) is None
    keys.path.write_text("{")
    clock.now += 1
    assert gate.refusal(asking(key)) is None


def test_a_limit_lets_a_burst_in_and_then_its_rate(tmp_path: Path) -> None:
    clock, keys = Clock(), IngestKeys(tmp_path)
    key = keys.create("shop", requests_per_s=5).text.reveal()
    gate = Gate(keys, is_required=False, clock=clock)
    outcomes = [gate.refusal(asking(key)) for _ in range(60)]
    assert outcomes[:50] == [None] * 50
    refused = outcomes[50]
    assert refused is not None
    assert (refused.http_status, refused.context["retry_after_s"]) == (429, 1)
    clock.now += 1
    assert sum(gate.refusal(asking(key)) is None for _ in range(20)) == 5


def test_one_that_took_much_waits_until_it_is_made_up_for() -> None:
    bucket = Bucket(10, now=0)
    assert bucket.take(1000, now=0) == 0
    assert bucket.take(1, now=0) == 91
    assert bucket.take(1, now=89) == 2
    assert bucket.take(1, now=91) == 0
