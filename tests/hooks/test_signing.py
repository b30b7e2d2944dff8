"""Signatures that others' code verifies."""

from __future__ import annotations

import base64
import json
import re
import textwrap
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ftptls.hooks.signing import read_keys, signed_headers
from tests.conftest import CHECKOUT


def written(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(codec="utf-8")))
def test_a_library_of_others_verifies_it(key, text):
    body = json.dumps({"path": text}).encode()
    headers = signed_headers((key,), "id-1", int(time.time()), body)
    assert Webhook(written(key)).verify(body, headers) == {"path": text}
    for changed in (body + b" ", body.replace(b"path", b"Path")):
        with pytest.raises(WebhookVerificationError):
            Webhook(written(key)).verify(changed, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(written(key)).verify(body, {**headers, "webhook-id": "id-2"})
    later = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(written(key)).verify(body, {**headers, "webhook-timestamp": later})


def test_a_known_signature():
    """The example of the Standard Webhooks."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        (key,), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_key_signs(tmp_path):
    old, new = bytes(range(24)), bytes(range(32))
    file = tmp_path / "keys"
    file.write_text(f"# of 2026\n{written(new)}\n\n{written(old)}\n")
    keys = read_keys(str(file))
    assert keys == (new, old)
    headers = signed_headers(keys, "id-1", int(time.time()), b"{}")
    for key in keys:
        assert Webhook(written(key)).verify(b"{}", headers) == {}


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "whsec_", "whsec_!!!", written(b"short"), written(bytes(65)), "c2VjcmV0" * 5],
)
def test_what_is_no_key_is_not_repeated(tmp_path, text):
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(ValueError, match="openssl rand -base64 32") as raised:
        read_keys(str(file))
    assert len(text) < 9 or text not in str(raised.value)


def test_the_how_to_verifies_it():
    page = (CHECKOUT / "docs/howto/hooks.rst").read_text()
    (block,) = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", page, re.MULTILINE)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block), names)
    key, now = bytes(24), int(time.time())
    headers = signed_headers((bytes(32), key), "id-1", now, b'{"path": "/a"}')
    assert names["verified"](headers, b'{"path": "/a"}', f"{written(key)}\n") == {"path": "/a"}
    with pytest.raises(ValueError, match="not from our server"):
        names["verified"](headers, b'{"path": "/b"}', written(key))
    old = signed_headers((key,), "id-1", now - 400, b"{}")
    with pytest.raises(ValueError, match="too old"):
        names["verified"](old, b"{}", written(key))
