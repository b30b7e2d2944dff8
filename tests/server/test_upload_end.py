"""What ends a protected upload, where the policy lets a client leave without close_notify."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftptls.settings import Policy, Rule, SessionReuse, Settings, UploadEnd
from ftptls.testing.dialogue import USER, Client
from ftptls.testing.wires import Ending

pytestmark = pytest.mark.both_paths

CONTENT = {"/old": b"old"}


def log_in(server, version: int) -> Client:
    client = server.connect(version=version)
    client.secure()
    client.log_in()
    return client


@pytest.fixture
def lenient(serve, version) -> Client:
    policy = Policy(upload_end=UploadEnd.ACCEPT_FIN)
    return log_in(serve(CONTENT, Settings(policy=policy)), version)


@pytest.mark.parametrize("data", [b"", b"new", b"n" * 100_000], ids=len)
@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_a_bare_end_is_accepted_and_marked(lenient, log, how, data):
    lenient.upload("STOR old", data, how, ending=Ending.FIN)
    assert lenient.server.filesystem.contents() == {"/old": data}
    assert "accepted without TLS close_notify" in log.text


def test_close_notify_is_not_marked(lenient, log):
    lenient.upload("STOR old", b"new")
    assert "without TLS close_notify" not in log.text


def test_a_reset_is_no_end(lenient):
    lenient.upload("STOR old", b"new", ending=Ending.RESET, code=426)
    assert lenient.server.filesystem.contents() == CONTENT


def test_an_end_inside_a_record_is_none(lenient):
    wire = lenient.begin("STOR old")
    wire.tls.send(b"n" * 1000)
    wire.send_raw(wire.tls.bio_read(1 << 16)[:500])
    wire.finish()
    assert "inside a TLS record" in lenient.expect(426).text
    assert lenient.server.filesystem.contents() == CONTENT


def test_an_abort_is_no_end(lenient):
    wire = lenient.begin("STOR old")
    wire.send(b"new")
    lenient.server.reactor.settle()
    lenient.ask("ABOR", 426)
    lenient.expect(226)
    assert lenient.server.filesystem.contents() == CONTENT


def test_strict_names_the_setting(serve, version):
    client = log_in(serve(CONTENT), version)
    answer = client.upload("STOR old", b"new", ending=Ending.FIN, code=426)
    assert "upload_end" in answer.text
    assert client.server.filesystem.contents() == CONTENT


def test_for_one_user_only(serve, version):
    rule = Rule(users=("camera",), policy={"upload_end": UploadEnd.ACCEPT_FIN})
    users = {USER: "a", "camera": "c"}
    server = serve(CONTENT, Settings(rules=(rule,)), users=users)
    for user, code in ((USER, 426), ("camera", 226)):
        client = server.connect(version=version)
        client.secure()
        client.log_in(user, users[user])
        client.upload(f"STOR {user}", b"x", ending=Ending.FIN, code=code)
    assert server.filesystem.contents() == {**CONTENT, "/camera": b"x"}


def test_tickets_used_once_run_out_in_uploads_alone(serve):
    """JSSE's way under TLS 1.3: two from the handshake, one for each download, none for uploads.

    So where resumption is required, the third upload in a row has none left.
    """
    policy = Policy(session_reuse=SessionReuse.REQUIRE)
    client = log_in(serve(CONTENT, Settings(policy=policy)), SSL.TLS1_3_VERSION)
    tickets = [client.control.session, client.control.session]
    codes = []
    for number in range(3):
        wire = client.open().wire
        client.ask(f"STOR {number}", 150)
        wire.start_tls(client.context, tickets.pop() if tickets else None)
        wire.send(b"x")
        wire.stop()
        client.wait(3)
        codes.append(client.answer().code)
    assert codes == [226, 226, 522]
