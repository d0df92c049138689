from insightengine.api.access import development_pages
from insightengine.core.settings import Settings


def test_only_while_it_is_developed_another_port_of_this_machine_may_show_the_console() -> None:
    developed = Settings.model_validate({"base_port": 5300, "environment": "development"})
    assert development_pages(developed) == {"localhost:5312", "127.0.0.1:5312"}
    for name in ("staging", "production"):
        other = Settings.model_validate({"base_port": 5300, "environment": name})
        assert development_pages(other) == set()
