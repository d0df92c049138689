import json
import traceback

from insightengine.core.secrets import Secret


def test_a_secret_shows_itself_only_when_revealed() -> None:
    secret = Secret("correct horse")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr({"password": secret})]
    assert not any("correct horse" in text for text in shown)
    assert secret.reveal() == "correct horse"


def test_a_secret_stays_hidden_in_json_and_tracebacks() -> None:
    secret = Secret("correct horse")
    assert "correct horse" not in json.dumps({"password": secret}, default=str)
    try:
        raise ValueError(secret)
    except ValueError:
        assert "correct horse" not in traceback.format_exc()
