from insightengine.core.errors import ConflictError, InsightError, render_error


def test_an_error_is_shown_with_its_hint_after_a_blank_line() -> None:
    error = ConflictError("port 4300 is held by nginx (pid 7)", hint="INSIGHT_BASE_PORT=5300")
    assert render_error(error) == (
        "error: port 4300 is held by nginx (pid 7)\n\nhint: INSIGHT_BASE_PORT=5300"
    )


def test_an_error_without_hint_is_one_line() -> None:
    assert render_error(InsightError("it failed")) == "error: it failed"


def test_every_kind_of_error_has_its_own_exit_code_and_code() -> None:
    subclasses = InsightError.__subclasses__()
    kinds = [InsightError, *(k for k in subclasses if k.__module__ == InsightError.__module__)]
    assert len({kind.exit_code for kind in kinds}) == len(kinds)
    assert len({kind.default_code for kind in kinds}) == len(kinds)
    assert 0 not in {kind.exit_code for kind in kinds}
