"""The statements that put records on a server's cold tier."""

from __future__ import annotations

from insightengine.telemetry.schema.derived import DERIVED
from insightengine.telemetry.schema.inserted import LOGS_TABLE
from insightengine.telemetry.schema.layout import ColdTier, Layout
from insightengine.telemetry.schema.tables import INSERTED

COLD = ColdTier("hot_and_cold", 7)


def test_records_move_by_whole_days_and_nothing_is_removed() -> None:
    (made,) = Layout(cold=COLD).table_statements(LOGS_TABLE)
    assert "TTL toDate(Timestamp) + toIntervalDay(7) TO VOLUME 'cold'\nSETTINGS" in made
    assert made.endswith("storage_policy = 'hot_and_cold'")
    assert "DELETE" not in made


def test_a_table_that_is_there_is_put_under_the_tier_on_every_node() -> None:
    assert Layout("main", COLD).cooling_statements(LOGS_TABLE) == (
        "ALTER TABLE insight.logs_local ON CLUSTER `main` MODIFY "
        "SETTING storage_policy = 'hot_and_cold'",
        "ALTER TABLE insight.logs_local ON CLUSTER `main` MODIFY "
        "TTL toDate(Timestamp) + toIntervalDay(7) TO VOLUME 'cold'",
    )


def test_what_is_derived_stays_and_without_a_tier_nothing_moves() -> None:
    assert all(table.cools for table in INSERTED)
    assert not any(Layout(cold=COLD).cooling_statements(table) for table in DERIVED)
    assert not any(Layout().cooling_statements(table) for table in INSERTED)
    assert "TTL" not in Layout().table_statements(LOGS_TABLE)[0]
