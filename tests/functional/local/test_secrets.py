"""No key and no payload in any file of the platform, whatever goes wrong."""

import pytest
from support.platform import fixture_platform

pytestmark = pytest.mark.xdist_group("local-secrets")

CANARY = "canary-7f3a91"


def test_no_file_of_the_platform_holds_a_key_or_a_payload(tmp_path):
    """Served, refused, crashing, hanging and forged calls with canaries in key, body, header, query and path."""
    with fixture_platform(tmp_path / "home") as platform:
        key = platform.issue_key().secret
        for action in ("echo", "crash", "malformed", "exit", "leak", "status"):
            platform.predict({"do": action, "value": CANARY, "answer": CANARY, "status": 418}, key=key)
        platform.predict({"do": "hang", "value": CANARY}, "hasty", key=key)
        platform.predict({"do": "echo", "value": CANARY}, "broken", key=key)
        platform.predict(f'{{"do": {CANARY}', key=key)
        platform.predict({"do": "echo"}, key=f"rk_{CANARY}")
        platform.call("POST", f"/v1/models/{CANARY}/predict?q={CANARY}", CANARY, headers={"X-Test": CANARY})
        platform.call("POST", "/v1/models/echo/predict", "{}", headers={"x-api-key": key, "User-Agent": CANARY})
        platform.call("POST", "/v1/models/echo/predict", "{}", headers={"x-api-key": key, "x-amzn-RequestId": CANARY})
        stderr = (tmp_path / "home.stderr").read_text()
        secrets = (CANARY, key, platform.key, platform.announced["demo"]["key"])
        for path in platform.home.rglob("*"):
            if path.is_file() and "awslambdaric" not in path.parts and "simplejson" not in path.parts:
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret.encode() in content], path
        assert not [secret for secret in secrets if secret in stderr]


def test_what_a_function_raises_stays_in_its_own_log(platform):
    """The platform keeps only the type of an error; the runtime client of AWS prints the message by itself."""
    platform.predict({"do": "raise", "canary": CANARY})

    assert CANARY not in platform.log_text("platform")
    own = [line for line in platform.log_text("EchoFunction").splitlines() if "failed with ValueError" in line]
    assert own
    assert all(CANARY not in line for line in own)
