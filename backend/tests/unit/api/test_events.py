from pydantic import BaseModel

from insightengine.api.events import event, resumed_at


class Told(BaseModel):
    text: str


def test_an_event_ends_with_a_blank_line_whatever_it_holds() -> None:
    told = event("entry", Told(text="a\n\nevent: forged"), id_=7)
    assert told == 'id: 7\nevent: entry\ndata: {"text":"a\\n\\nevent: forged"}\n\n'


def test_a_browser_that_comes_back_goes_on_where_it_was() -> None:
    assert resumed_at("12", 3) == 12


def test_a_last_event_id_that_is_no_number_is_left_alone() -> None:
    assert [resumed_at(one, 3) for one in (None, "", "x", "-1", "1e9", "²", "9" * 19)] == [3] * 7
