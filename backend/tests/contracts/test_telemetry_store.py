"""What every implementation of `telemetry.port.TelemetryStore` owes, asked of the real store."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from insightengine.core.errors import (
    InvalidInputError,
    LimitExceededError,
    UnavailableError,
)
from insightengine.core.secrets import Secret
from insightengine.telemetry.clickhouse import ClickHouseStore
from tests.contracts.store_harness import PASSWORD, Telemetry, free_base_port, telemetry


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with telemetry(tmp_path_factory.mktemp("store")) as running:
        running.start("store")
        yield running


@pytest.fixture
async def store(processes: Telemetry) -> AsyncIterator[ClickHouseStore]:
    client = processes.client()
    yield client
    await client.close()


async def test_rows_have_names_and_python_types(store: ClickHouseStore) -> None:
    rows = await store.query(
        "SELECT number AS n, toString(number) AS s, number / 2 AS f, [number] AS a, "
        "map('k', 'v') AS m, NULL AS nothing FROM numbers(2) ORDER BY n"
    )
    assert rows[1] == {"n": 1, "s": "1", "f": 0.5, "a": [1], "m": {"k": "v"}, "nothing": None}


async def test_no_rows_is_an_empty_list(store: ClickHouseStore) -> None:
    assert await store.query("SELECT * FROM logs WHERE 0") == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", "it's a \\ back\\nslash,\ttab\nand é 🚀 '); DROP TABLE logs; --"),
        ("Int64", -(2**63)),
        ("UInt64", 2**64 - 1),
        ("Float64", 1.5),
        ("Array(String)", ["a", "b'c"]),
        ("Bool", True),
        ("String", ""),
    ],
)
async def test_parameters_arrive_as_given(store: ClickHouseStore, kind: str, value: object) -> None:
    (row,) = await store.query(f"SELECT {{given:{kind}}} AS got", {"given": value})
    assert row["got"] == value


async def test_parameters_too_long_for_an_address_arrive_as_given(store: ClickHouseStore) -> None:
    given = [f"{number:032x} it's a \\ 'quote',\r\n--é🚀" for number in range(2000)]
    (row,) = await store.query("SELECT {given:Array(String)} AS got", {"given": given})
    assert row["got"] == given


async def test_moments_arrive_to_the_microsecond(store: ClickHouseStore) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    (row,) = await store.query(
        "SELECT toUnixTimestamp64Micro({t:DateTime64(6, 'UTC')}) AS us", {"t": moment}
    )
    assert row["us"] == int(moment.timestamp()) * 1_000_000 + 678901


async def test_queries_run_side_by_side(store: ClickHouseStore) -> None:
    answers = await asyncio.gather(
        *(store.query("SELECT {n:UInt8} AS n, sleep(0.05)", {"n": n}) for n in range(12))
    )
    assert [rows[0]["n"] for rows in answers] == list(range(12))


async def test_a_query_ends_at_its_time_limit(store: ClickHouseStore) -> None:
    with pytest.raises(LimitExceededError):
        await store.query("SELECT sleepEachRow(1) FROM numbers(30)", timeout_s=1)
    assert await store.query("SELECT 1 AS one") == [{"one": 1}]


async def test_a_query_that_nobody_waits_for_is_ended_in_the_store(store: ClickHouseStore) -> None:
    asked = asyncio.create_task(
        store.query("SELECT sum(cityHash64(number)) AS abandoned FROM numbers(100000000000)")
    )
    assert await _running(store, "abandoned", within_s=5) == 1
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await _running(store, "abandoned", within_s=5, expected=0) == 0


async def _running(store: ClickHouseStore, part: str, *, within_s: float, expected: int = 1) -> int:
    """How many queries with this text run; asked until it is as expected."""
    sql = (
        "SELECT count() AS running FROM system.processes "
        "WHERE position(query, {part:String}) > 0 AND position(query, 'system.processes') = 0"
    )
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        (row,) = await store.query(sql, {"part": part})
        found = int(str(row["running"]))
        if found == expected or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.05)


async def test_a_query_ends_at_its_memory_limit(store: ClickHouseStore) -> None:
    with pytest.raises(LimitExceededError):
        await store.query("SELECT groupArray(number) FROM numbers(2000000000)")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nonsense",
        "SELECT FROM WHERE",
        "SELECT * FROM no_such_table",
        "INSERT INTO logs (Body) VALUES ('x')",
        "DROP TABLE logs",
        "ALTER TABLE logs DELETE WHERE 1",
        "SELECT 1; DROP TABLE logs",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM /* comment */ FiLe ('/etc/passwd', 'LineAsString')",
        "SELECT 1 INTO OUTFILE '/tmp/insight-outfile'",
        "EXPLAIN SELECT * FROM remote('127.0.0.1', system.one)",
    ],
)
async def test_what_does_not_only_read_the_tables_is_refused(
    store: ClickHouseStore, sql: str
) -> None:
    with pytest.raises(InvalidInputError):
        await store.query(sql)


async def test_words_within_text_are_no_reason_to_refuse(store: ClickHouseStore) -> None:
    (row,) = await store.query("SELECT 'file( ; DROP' AS text -- url(")
    assert row == {"text": "file( ; DROP"}


async def test_settings_of_one_query_are_not_those_of_the_next(processes: Telemetry) -> None:
    url = f"http://127.0.0.1:{processes.store_port}/"
    async with httpx.AsyncClient(auth=("insight", PASSWORD)) as http:
        sql = "SELECT getSetting('max_result_rows')"
        one = await http.post(url, params={"max_result_rows": "77"}, content=sql)
        others = [await http.post(url, content=sql) for _ in range(4)]
    assert one.text == "77\n"
    assert {answer.text for answer in others} == {"0\n"}


async def test_a_client_cannot_lift_the_stores_limits(processes: Telemetry) -> None:
    url = f"http://127.0.0.1:{processes.store_port}/"
    lifted = {"max_execution_time": "9999", "max_memory_usage": "0", "readonly": "0"}
    sql = "SELECT getSetting('max_execution_time'), getSetting('max_memory_usage')"
    async with httpx.AsyncClient(auth=("insight", PASSWORD)) as http:
        answer = await http.post(url, params=lifted, content=sql)
    assert answer.text == f"20\t{1024**3 // 2}\n"


async def test_formats_and_errors_are_clickhouses(processes: Telemetry) -> None:
    url = f"http://127.0.0.1:{processes.store_port}/"
    async with httpx.AsyncClient(auth=("insight", PASSWORD)) as http:
        as_json = await http.get(url, params={"query": "SELECT 1 AS x FORMAT JSON"})
        default = await http.post(
            url, params={"default_format": "JSONEachRow"}, content="SELECT 1 AS x"
        )
        wrong = await http.post(url, content="SELECT")
        ping = await http.get(f"{url}ping", auth=("nobody", ""))
    assert as_json.json()["data"] == [{"x": 1}]
    assert default.json() == {"x": 1}
    assert wrong.status_code == 400
    assert wrong.headers["x-clickhouse-exception-code"] == "62"
    assert ping.text == "Ok.\n"


async def test_a_wrong_password_reads_nothing(processes: Telemetry) -> None:
    client = ClickHouseStore("127.0.0.1", processes.store_port, "insight", Secret("guess"))
    with pytest.raises(UnavailableError):
        await client.query("SELECT 1")
    await client.close()


async def test_a_store_that_is_not_there_is_unavailable() -> None:
    client = ClickHouseStore("127.0.0.1", free_base_port(), "insight", Secret(PASSWORD))
    with pytest.raises(UnavailableError):
        await client.ping()
    await client.close()


async def test_not_a_number_stays_one(store: ClickHouseStore) -> None:
    (row,) = await store.query("SELECT nan AS x")
    assert isinstance(row["x"], float)
    assert math.isnan(row["x"])


async def test_a_client_finds_the_store_again_after_its_restart(tmp_path: Path) -> None:
    with telemetry(tmp_path) as processes:
        processes.start("store")
        client = processes.client()
        await client.ping()
        processes.kill("store")
        with pytest.raises(UnavailableError):
            await client.query("SELECT 1")
        processes.start("store")
        await client.ping()
        await client.close()
