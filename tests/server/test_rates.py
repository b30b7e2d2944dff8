"""How fast a session's data may go (policy: download_rate, upload_rate)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftptls.settings import Policy, Rule, Settings
from ftptls.vfs.local import LocalFilesystem
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

DATA = bytes(range(256)) * 64  # 16 KiB
RATE = 4096


@pytest.fixture(params=["memory", "disk"])
def content(request, tmp_path):
    """A filesystem without descriptors, and one with."""
    if request.param == "memory":
        return {"content": {"/f": DATA}}
    (tmp_path / "f").write_bytes(DATA)
    return {"filesystem": LocalFilesystem(tmp_path, InlineWorkers())}


def slow(settings, mode, **rates) -> Settings:
    made = settings(relax=True)
    return replace(made, policy=replace(made.policy, **rates))


def wait_for_end(client, code: int, limit: float = 60) -> float:
    """Seconds until the reply is there."""
    began = client.server.reactor.seconds()
    while client.quiet:
        client.wait(0.05)
        assert client.server.reactor.seconds() - began < limit
    client.expect(code)
    return client.server.reactor.seconds() - began


def test_a_download_takes_its_time(enter, mode, content, settings):
    client = enter(settings=slow(settings, mode, download_rate=RATE), mode=mode, **content)
    wire = client.begin("RETR f")
    seconds = wait_for_end(client, 226)
    assert wire.take() == DATA
    assert 3.5 <= seconds <= 5


def test_an_upload_takes_its_time(enter, mode, content, settings):
    client = enter(settings=slow(settings, mode, upload_rate=RATE), mode=mode, **content)
    wire = client.begin("STOR new")
    wire.send(DATA)
    wire.stop()
    assert 3.5 <= wait_for_end(client, 226) <= 5
    fast = client.download("RETR new")  # there is no rate for downloads
    assert fast == DATA


def test_small_files_do_not_get_around_it(enter, settings):
    """The transfers of a session share what may move."""
    content = {f"/{number}": bytes(1024) for number in range(12)}
    client = enter(content, settings(download_rate=RATE))
    seconds = 0.0
    for number in range(12):
        wire = client.begin(f"RETR {number}")
        seconds += wait_for_end(client, 226)
        wire.close()
    assert seconds >= 2


def test_abort_and_other_commands_meanwhile(enter, content, settings):
    client = enter(settings=settings(download_rate=RATE), **content)
    client.begin("RETR f")
    client.wait(1)
    client.ask("NOOP", 200)
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert client.ask("PWD", 257)


def test_a_slow_session_holds_no_other_up(serve, settings):
    rule = Rule(users=("alice",), policy={"download_rate": RATE})
    users = {"alice": "a", "bob": "b"}
    made = replace(Settings(policy=Policy()), rules=(rule,))
    server = serve({"/f": DATA}, made, users=users)
    slow_one, fast_one = server.connect(), server.connect()
    for client, name in ((slow_one, "alice"), (fast_one, "bob")):
        client.secure()
        client.log_in(name, users[name])
    slow_one.begin("RETR f")
    assert slow_one.quiet
    assert fast_one.download("RETR f") == DATA
    assert slow_one.quiet
