"""Users without a name (RFC 1635): what they may do, and that nobody becomes one, or stays one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.cred import LocalRealm
from ftptls.settings import (
    Anonymous,
    Files,
    Guard,
    Limits,
    LoginMode,
    Policy,
    Requirement,
    Rule,
    Settings,
)
from ftptls.testing.client import Client
from ftptls.testing.dialogue import PASSWORD, USER, MemoryServer
from ftptls.workers import InlineWorkers

from .dialogues import lower

ADDRESS = "guest@example.com"


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder for users with a name, and one for those without."""
    for name in ("named", "public/incoming"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "named" / "own").write_bytes(b"alice's")
    (tmp_path / "public" / "all").write_bytes(b"everybody's")
    return tmp_path


Offer = Callable[..., MemoryServer]


@pytest.fixture
def offer(serve, folders) -> Offer:
    """A server with these settings of [anonymous]."""

    def make(settings: Settings | None = None, **anonymous: object) -> MemoryServer:
        given = {"enabled": True, "root": str(folders / "public")} | anonymous
        made = replace(settings or Settings(), anonymous=Anonymous(**given))
        realm = LocalRealm(str(folders / "named"), InlineWorkers(), anonymous=made.anonymous)
        return serve(settings=made, realm=realm, anonymous=made.anonymous.enabled)

    return make


def anybody(server: MemoryServer, name: str = "anonymous", *, secure: bool = True) -> Client:
    """A client that is logged in without a name."""
    client = server.connect()
    if secure:
        client.secure()
    client.log_in(name, ADDRESS)
    return client


def refused(client: Client, line: str) -> str:
    """The reply to a transfer that does not begin."""
    client.passive_port()
    return client.ask(line, 550).text


def test_off_by_default(offer, log):
    """Then it is a name that nobody has."""
    assert Settings().anonymous.enabled is False
    client = offer(enabled=False).connect()
    client.secure()
    for name in ("anonymous", "ftp"):
        assert client.ask(f"USER {name}", 331).text == client.ask("USER x", 331).text
        client.ask(f"USER {name}", 331)
        client.send(f"PASS {ADDRESS}")
        client.wait(2)
        client.expect(530)
    assert ADDRESS not in log.text


@pytest.mark.parametrize("name", ["anonymous", "ftp", "FTP", "Anonymous"])
def test_both_names_and_one_folder(offer, name):
    client = anybody(offer(), name)
    assert client.ask("SITE WHOAMI", 200).text == "You are anonymous."
    assert client.download("RETR all") == b"everybody's"
    client.ask("SIZE own", 550)
    client.ask("SIZE ../named/own", 550)


def test_a_folder_of_the_others_where_none_is_set(offer):
    assert anybody(offer(root="")).download("RETR own") == b"alice's"


def test_they_may_only_read(offer, folders):
    client = anybody(offer())
    assert sorted(client.download("NLST").split()) == [b"all", b"incoming"]
    for line in ("STOR new", "STOR all", "APPE all", "STOU"):
        refused(client, line)
    changes = ("DELE all", "MKD new", "RMD incoming", "RNFR all", "SITE CHMOD 777 all")
    for line in (*changes, "SITE UMASK 000", "SITE COPY all new", "MFMT 20200101000000 all"):
        client.ask(line, 550)
    assert sorted(path.name for path in (folders / "public").iterdir()) == ["all", "incoming"]
    assert "MFMT" not in client.ask("FEAT", 211).text


def test_a_folder_for_what_they_send(offer, folders):
    """The drop box of the howto: what comes in can neither be seen nor fetched by others."""
    server = offer(rights=("read_only", "/incoming/** = upload_only"))
    client = anybody(server)
    client.upload("STOR incoming/mine", b"sent")
    refused(client, "RETR incoming/mine")
    refused(client, "LIST incoming")
    client.ask("SIZE incoming/mine", 550)
    client.ask("DELE incoming/mine", 550)
    client.ask("MKD incoming/warez", 550)
    client.ask("RNFR incoming/mine", 550)
    other = anybody(server)
    other.passive_port()
    other.ask("STOR incoming/mine", 553)
    refused(other, "STOR all")
    assert (folders / "public" / "incoming" / "mine").read_bytes() == b"sent"


def test_rights_of_others_are_not_for_them_but_read_only_is(offer, folders):
    settings = Settings(files=Files(rights=("nothing",)))
    server = offer(settings, rights=("full",))
    anybody(server).upload("STOR new", b"!")
    alice = server.connect()
    alice.secure()
    alice.log_in()
    refused(alice, "RETR own")
    client = anybody(offer(Settings(files=Files(read_only=True)), rights=("full",)))
    refused(client, "STOR more")
    nothing = anybody(offer(rights=()))
    refused(nothing, "RETR all")


def test_a_rule_can_take_from_them_and_give_nothing(offer):
    """What the realm gives is the most."""
    rule = Rule(users=("anonymous",), rights=("full",))
    refused(anybody(offer(Settings(rules=(rule,)))), "STOR new")
    rule = Rule(users=("anonymous",), networks=("192.0.2.0/24",), rights=("nothing",))
    refused(anybody(offer(Settings(rules=(rule,)))), "RETR all")


# In clear


def test_in_clear_only_if_set(offer):
    client = offer().connect()
    for name in ("anonymous", "ftp", USER):
        assert "AUTH TLS" in client.ask(f"USER {name}", 530).text
    client.ask(f"PASS {ADDRESS}", 503)
    client.ask("PWD", 530)


@pytest.mark.parametrize("name", ["anonymous", "ftp", "FTP"])
def test_in_clear_if_set_and_nobody_else(offer, name):
    client = offer(clear=True).connect()
    client.ask(f"USER {USER}", 530)
    client.log_in(name, ADDRESS)
    assert client.download("RETR all") == b"everybody's"
    client.ask(f"USER {USER}", 530)
    client.ask("PWD", 530)
    client.ask("USER anonymous", 331)
    client.ask(f"PASS {ADDRESS}", 230)
    client.ask("REIN", 220)
    client.ask(f"USER {USER}", 530)


def test_under_tls_and_with_data_in_clear_if_set(offer):
    server = offer(clear=True)
    client = anybody(server)
    assert client.download("RETR all") == b"everybody's"
    client.protect_data(private=False)
    assert client.download("RETR all") == b"everybody's"
    client.ask(f"USER {USER}", 331)
    client.ask(f"PASS {PASSWORD}", 230)
    client.passive_port()
    client.ask("RETR own", 521)


def test_not_in_clear_where_it_is_required(offer):
    """A virtual host's or network's rule comes after, and counts."""
    rule = Rule(networks=("192.0.2.0/24",), policy={"login_protection": Requirement.REQUIRED})
    offer(Settings(rules=(rule,)), clear=True).connect().ask("USER anonymous", 530)


def test_certificates_are_not_asked_of_them(offer):
    server = offer(Settings(policy=Policy(login=LoginMode.CERTIFICATE)))
    assert anybody(server).download("RETR all") == b"everybody's"
    client = server.connect()
    client.secure()
    assert "certificate" in client.ask(f"USER {USER}", 530).text


# What they say of themselves


@pytest.mark.parametrize("address", ["guest@example.com", "x+y@", "a.b-c_d@host"])
def test_an_address_is_logged(offer, log, address):
    client = offer().connect()
    client.secure()
    assert "e-mail" in client.ask("USER anonymous", 331).text
    client.ask(f"PASS {address}", 230)
    assert f"says to be {address}" in log.text


@pytest.mark.parametrize(
    "said",
    ["guest", "open sesame", "pass word@example.com", "a@b\x1b[2J", "a@b@c", "@", "ü@example.com",
     "x" * 65 + "@y", "", "  "],
)  # fmt: skip
def test_what_may_be_a_password_is_not(offer, log, said):
    """Whoever is in the habit of typing it lets it out here, too; it is accepted all the same."""
    client = offer().connect()
    client.secure()
    client.ask("USER ftp", 331)
    client.ask(f"PASS {said}", 230)
    assert "says to be" not in log.text
    if len(said.strip()) > 1:
        assert said not in log.text


# Bounds


def test_rates_of_their_own(offer, folders):
    (folders / "public" / "big").write_bytes(bytes(40_000))
    (folders / "named" / "big").write_bytes(bytes(40_000))
    server = offer(download_rate=4096)
    client = anybody(server)
    wire = client.begin("RETR big")
    client.wait(2)
    assert client.quiet
    assert len(wire.take()) < 20_000
    while client.quiet:
        client.wait(1)
    client.expect(226)
    wire.close()
    client.ask(f"USER {USER}", 331)
    client.ask(f"PASS {PASSWORD}", 230)
    assert len(client.download("RETR big")) == 40_000


def test_so_many_at_a_time(offer):
    server = offer(sessions=2)

    def full() -> bool:
        client = server.connect()
        client.secure()
        client.ask("USER anonymous", 331)
        answer = client.ask(f"PASS {ADDRESS}", 230, 421)
        if answer.code == 421:
            assert "Too many anonymous users" in answer.text
            assert client.closed
        client.leave()
        return answer.code == 421

    first, second = anybody(server), anybody(server, "ftp")
    assert full()
    alice = server.connect()
    alice.secure()
    alice.log_in()
    second.ask("QUIT", 221)
    second.leave()
    assert not full()
    second = anybody(server)
    assert full()
    second.control.reset()
    assert not full()
    second = anybody(server)
    first.ask(f"USER {USER}", 331)
    assert not full()
    first.ask(f"PASS {PASSWORD}", 230)
    first.ask("USER anonymous", 331)
    first.ask(f"PASS {ADDRESS}", 230)
    assert full()
    first.ask("REIN", 220)
    assert not full()


# One after the other

STEPS = [f"USER {USER}", f"PASS {PASSWORD}", "USER anonymous", "USER ftp", f"PASS {ADDRESS}",
         "PASS guest", "REIN", "CWD incoming", "RNFR all", "REST 3"]  # fmt: skip


def _is_who(client: Client) -> str:
    answer = client.ask("SITE WHOAMI", 200, 530)
    return answer.text if answer.code == 200 else ""


@pytest.mark.parametrize("secure", [True, False])
@given(st.lists(st.sampled_from(STEPS), max_size=10))
def test_nobody_is_more_than_his_last_user_and_password_make_him(secure, steps):
    """Whatever came before; and alice is nobody in clear."""
    patient = Limits(login_attempts=1000, login_delay=0.0)
    settings = Settings(
        anonymous=Anonymous(enabled=True, clear=True),
        limits=patient,
        guard=Guard(wary_after=1000, ban_after=1000),
    )
    content = {"/all": b"0123456789", "/incoming/": b""}
    server = MemoryServer(content, settings, anonymous=True)
    client = server.connect()
    if secure:
        client.secure()
    named, user = "", ""
    for step in steps:
        client.send(step)
        client.wait(1)
        client.answer()
        verb, _, word = step.partition(" ")
        if verb == "USER":
            in_clear = client.control.tls is None
            named = "" if word == USER and in_clear else word.replace("ftp", "anonymous")
            user = ""
        elif verb == "PASS" and named:
            user = named if named == "anonymous" or word == PASSWORD else ""
            named = ""
        elif verb == "REIN":
            named = user = ""
            if client.control.tls is not None:
                lower(client)
    who = _is_who(client)
    assert who == (f"You are {user}." if user else "")
    code = 257 if user == USER else 550 if user else 530
    client.ask("MKD new", code)
    client.ask("RNTO moved", 503 if user else 530)
    assert server.filesystem.contents() == {"/all": b"0123456789"}
    server.stop()


def test_nothing_of_alice_is_left_for_them(offer):
    client = offer().connect()
    client.secure()
    client.log_in()
    assert client.download("RETR own") == b"alice's"
    client.ask("RNFR own", 350)
    client.ask("USER anonymous", 331)
    client.ask("RNTO mine", 530)
    client.ask(f"PASS {ADDRESS}", 230)
    client.ask("RNTO mine", 503)
    client.ask("SIZE own", 550)
    client.ask("RNFR all", 550)


def test_a_wrong_password_leaves_nobody(offer):
    client = anybody(offer())
    client.ask(f"USER {USER}", 331)
    client.send(f"PASS {ADDRESS}")
    client.wait(2)
    client.expect(530)
    client.ask("PWD", 530)


def test_an_embedder_who_lets_anybody_in_gives_them_reading_only(serve, folders):
    """Cred's own checker, and our realm, without any settings."""
    realm = LocalRealm(str(folders / "public"), InlineWorkers())
    client = anybody(serve(realm=realm, anonymous=True))
    assert client.download("RETR all") == b"everybody's"
    refused(client, "STOR new")


def test_a_user_of_that_name_is_one_like_another(serve, folders):
    """As long as nobody else may log in by it."""
    realm = LocalRealm(str(folders / "public"), InlineWorkers())
    server = serve(realm=realm, users={"anonymous": "secret"})
    client = server.connect()
    client.secure()
    client.log_in("anonymous", "secret")
    client.upload("STOR new", b"!")
    client.ask("USER anonymous", 331)
    client.send(f"PASS {ADDRESS}")
    client.wait(2)
    client.expect(530)


def test_no_rights_are_no_rights_whatever_a_realm_gives(greet):
    settings = Settings(anonymous=Anonymous(enabled=True, rights=()))
    client = greet({"/f": b"1"}, settings, anonymous=True)
    client.log_in("ftp", ADDRESS)
    refused(client, "RETR f")


def test_in_every_mode(enter, mode):
    settings = Settings(anonymous=Anonymous(enabled=True))
    client = enter({"/f": b"1"}, settings, mode=mode, anonymous=True)
    client.ask("USER ftp", 331)
    client.ask(f"PASS {ADDRESS}", 230)
    assert client.download("RETR f") == b"1"
    refused(client, "STOR f")
