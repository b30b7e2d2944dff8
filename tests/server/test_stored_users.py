"""What the user store says of a user, in dialogues with a running server."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from passlib.hash import bcrypt, pbkdf2_sha256, scrypt, sha512_crypt
from sqlalchemy import text
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm
from zope.interface import implementer

from ftptls.cred.composing import compose
from ftptls.cred.passwords import Cost, Verified, hash_password, verify
from ftptls.cred.realm import LocalRealm
from ftptls.errors import BusyError
from ftptls.interfaces import IDescriptor, IFilesystem, IProtection
from ftptls.settings import ClientCertificate, LoginMode, Requirement
from ftptls.store import Certificate, Group, StoreChecker, User, Users
from ftptls.store.certificates import from_pem
from ftptls.store.records import KEY
from ftptls.store.watch import INTERVAL
from ftptls.testing.dialogue import CLIENT, CLIENT_6, SERVER, SERVER_6
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.vfs.book import Usage
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.quota import Quotas
from ftptls.workers import InlineWorkers

CHEAP = Cost(memory=64, passes=1)
PASSWORD = "open sesame"
HASH = hash_password(PASSWORD.encode(), CHEAP)
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DATA = bytes(range(256)) * 32
RATE = 1024


class InlineHashing:
    """Verifies at once, and cheaply.

    Attributes:
        verified: The hashes that passwords were held against.
    """

    def __init__(self) -> None:
        self.verified = []

    async def verify(self, password: bytes, stored: str) -> Verified:
        self.verified.append(stored)
        return verify(password, stored, CHEAP)


class Here:
    """A server whose users are in a store, and its clients.

    Attributes:
        users: The store.
        now: What time it is there.
        hashing: Where passwords are verified.
        lookups: Where the store is asked.
    """

    def __init__(self, users: Users, serve, settings, pki) -> None:
        self.users = users
        self.now = NOW
        self.hashing = InlineHashing()
        self.lookups = InlineWorkers()
        self._serve, self._settings, self._pki = serve, settings, pki
        self._server = None

    def add(self, name="alice", **said) -> None:
        self.users.add(User(name=name, **{"password": HASH, **said}))

    def start(self, *others, host=SERVER, realm=None, **settings):
        """Serve; besides, there are these checkers."""
        pair = self._pki.server()
        verification = Verification(ClientCertificate.OPTIONAL, (self._pki.root.certificate,))
        tls = ServerContext(pair.key, pair.chain, verification=verification)
        patient = {"login_delay": 0, "login_attempts": 1000, "ban_after": 1000}
        made = self._settings(**patient, **settings)
        self._server = server = self._serve({"/f": DATA}, made, tls=tls, host=host)
        stored = StoreChecker(self.users, self.hashing, self.lookups, lambda: self.now)
        stored.use(server.reactor, InlineWorkers())
        portal = server.factory.portal
        portal.realm = stored.realm(realm or portal.realm, InlineWorkers())
        for each in compose([stored, *others]):
            portal.registerChecker(each)
        return server

    def dial(self, shown=None, source="", *, secure=True):
        """A client, which may show a certificate."""
        server = self._server or self.start()
        client = server.connect(source)
        client.context = self._pki.client_context(shown=shown)
        if secure:
            client.secure()
        return client

    def enter(self, name="alice", password=PASSWORD, **options):
        """A client that is logged in by password."""
        client = self.dial(**options)
        client.log_in(name, password)
        return client


@pytest.fixture
def here(tmp_path, serve, settings, pki):
    with Users.open(f"{tmp_path}/users.db", create=True) as users:
        yield Here(users, serve, settings, pki)


def login_code(client, name="alice", password=PASSWORD) -> int:
    """The code that ends the login: of USER if it is no 331, else of PASS."""
    answer = client.ask(f"USER {name}", 232, 331, 530)
    if answer.code != 331:
        return answer.code
    client.send(f"PASS {password}")
    client.wait(0)
    return client.expect(230, 421, 530).code


# --- passwords


def test_a_user_of_the_store(here):
    here.add()
    client = here.enter()
    assert client.download("RETR f") == DATA
    assert login_code(client, password="wrong") == 530
    client.ask("PWD", 530)


def test_without_a_password_none_is_right(here):
    here.add(password="")
    for password in ("", "*", "!", "wrong"):
        assert login_code(here.dial(), password=password) == 530


IMPORTED = {
    "sha512-crypt": sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "bcrypt": bcrypt.using(rounds=4).hash(PASSWORD),
    "PBKDF2": pbkdf2_sha256.using(rounds=10).hash(PASSWORD),
    "scrypt": scrypt.using(rounds=4).hash(PASSWORD),
}


@pytest.mark.parametrize("stored", IMPORTED.values(), ids=IMPORTED)
def test_an_imported_hash_is_replaced_at_the_first_login(here, stored):
    here.add(password=stored)
    assert login_code(here.dial(), password="wrong") == 530
    assert here.users.get("alice").password == stored
    assert login_code(here.dial()) == 230
    better = here.users.get("alice").password
    assert better.startswith("$argon2id$")
    assert login_code(here.dial()) == 230
    assert login_code(here.dial(), password="wrong") == 530
    assert here.users.get("alice").password == better


def test_a_hash_that_cannot_be_replaced_is_used_all_the_same(here, log, monkeypatch):
    here.add(password=IMPORTED["bcrypt"])
    client = here.dial()
    with broken(here.users, "UPDATE"):
        assert login_code(client) == 230
    assert "old password hash of a user was not replaced" in log.text


def test_a_flood_of_others_does_not_undo_a_login(here):
    """There is no room to replace the hash; that is for another time."""

    class Full(InlineWorkers):
        async def run(self, call, *args):
            if call.__name__ == "_keep":
                raise BusyError
            return call(*args)

    here.add(password=IMPORTED["bcrypt"])
    here.lookups = Full()
    assert login_code(here.dial()) == 230
    assert here.users.get("alice").password == IMPORTED["bcrypt"]


@pytest.mark.parametrize("busy", ["hashing", "lookups"])
def test_too_many_at_once(here, busy):
    class Full(InlineWorkers):
        def run(self, call, *args):
            raise BusyError

        def verify(self, *args):
            raise BusyError

    here.add()
    setattr(here, busy, Full())
    client = here.dial()
    client.ask("USER alice", 331)
    client.send(f"PASS {PASSWORD}")
    client.wait(0)
    assert "Too many logins at once; try again later" in client.expect(421).text
    assert client.closed


@pytest.mark.parametrize("name", ["alice", "nobody", "certified", "disabled", "elsewhere", "both"])
@pytest.mark.parametrize("password", ["wrong", PASSWORD, "x" * 2000])
def test_every_attempt_takes_the_same_work_and_words(here, name, password):
    here.add()
    here.add("certified", password="")
    here.add("disabled", enabled=False)
    here.add("elsewhere", networks=("10.0.0.0/8",))
    here.add("both", login=LoginMode.BOTH)
    client = here.dial()
    assert client.ask(f"USER {name}", 331).text == "Send the password with PASS."
    client.send(f"PASS {password}")
    client.wait(0)
    answer = client.expect(230, 530)
    if (name, password) == ("alice", PASSWORD):
        assert answer.code == 230
    else:
        assert str(answer) == "530 Login incorrect."
    (stored,) = here.hashing.verified
    assert stored == HASH or (name in ("nobody", "certified") and stored == "*")


def test_nobodys_work_is_that_of_somebody(here):
    """Where all hashes are bcrypt's, so is the one that nobody's password is held against."""
    for number, stored in enumerate(IMPORTED.values()):
        here.add(f"user{number}", password=stored)
    client = here.dial()
    for number in range(40):
        login_code(client, f"nobody{number}")
    first, here.hashing.verified = here.hashing.verified, []
    assert set(first) == set(IMPORTED.values())
    for number in range(40):
        login_code(client, f"nobody{number}")
    assert here.hashing.verified == first


@pytest.mark.parametrize(
    "name",
    [b"al\0ice", b"\xff\xfe", b"alice\x7f", b"x" * 400, b"'; DROP TABLE users; --", b"ALICE", b"%"],
)
def test_hostile_names(here, name):
    here.add()
    client = here.dial()
    client.send(b"USER " + name)
    if client.answer().code == 331:
        client.send(f"PASS {PASSWORD}")
        client.wait(0)
        assert str(client.expect(530)) == "530 Login incorrect."
    assert login_code(here.dial()) == 230


# --- certificates and login modes


def certificate_of(pair, kind="certificate") -> Certificate:
    return from_pem(pair.certificate.public_bytes(Encoding.PEM), kind=kind)


@pytest.mark.parametrize("kind", ["certificate", KEY, "cn", "dn"])
def test_a_certificate_of_the_user(here, pki, kind):
    own, other = pki.client("alice of accounting"), pki.client("mallory")
    pinned = kind in ("certificate", KEY)
    text = {"cn": "alice of accounting", "dn": "CN=alice of accounting"}.get(kind, "")
    here.add(certificates=(certificate_of(own, kind) if pinned else Certificate(text, kind),))
    assert login_code(here.dial(own)) == 232
    assert login_code(here.dial(other), password="wrong") == 530
    assert login_code(here.dial(own), "nobody") == 530


def test_several_certificates_while_one_is_being_replaced(here, pki):
    old, new = pki.client(), pki.client()
    here.add(password="", certificates=(certificate_of(old),))
    assert login_code(here.dial(new)) == 530
    here.users.add_certificate("alice", certificate_of(new))
    assert [login_code(here.dial(each)) for each in (old, new)] == [232, 232]
    here.users.remove_certificate("alice", certificate_of(old).value)
    assert [login_code(here.dial(each)) for each in (old, new)] == [530, 232]


MODES = [
    # mode, whose certificate, password -> code
    (None, "own", "", 232),
    (None, "other", PASSWORD, 230),
    (None, "", PASSWORD, 230),
    (LoginMode.PASSWORD, "own", PASSWORD, 230),
    (LoginMode.PASSWORD, "own", "wrong", 530),
    (LoginMode.PASSWORD, "", PASSWORD, 230),
    (LoginMode.CERTIFICATE, "own", "", 232),
    (LoginMode.CERTIFICATE, "other", PASSWORD, 530),
    (LoginMode.CERTIFICATE, "", PASSWORD, 530),
    (LoginMode.EITHER, "own", "", 232),
    (LoginMode.EITHER, "other", PASSWORD, 230),
    (LoginMode.EITHER, "", "wrong", 530),
    (LoginMode.BOTH, "own", PASSWORD, 230),
    (LoginMode.BOTH, "own", "wrong", 530),
    (LoginMode.BOTH, "other", PASSWORD, 530),
    (LoginMode.BOTH, "", PASSWORD, 530),
]


@pytest.mark.parametrize("inherited", [False, True], ids=["own", "of a group"])
@pytest.mark.parametrize(("mode", "shown", "password", "code"), MODES)
def test_what_proves_who_it_is(here, pki, mode, shown, password, code, inherited):
    pairs = {"own": pki.client("alice"), "other": pki.client("alice"), "": None}
    here.users.add_group(Group(name="staff", login=mode if inherited else None))
    own = None if inherited else mode
    here.add(login=own, groups=("staff",), certificates=(certificate_of(pairs["own"]),))
    client = here.dial(pairs[shown])
    assert login_code(client, password=password) == code
    client.ask("PWD", 257 if code < 300 else 530)


@pytest.mark.parametrize("demanded", LoginMode)
@pytest.mark.parametrize("mode", [None, *LoginMode])
def test_what_the_server_demands_holds_as_well(here, pki, demanded, mode):
    """Nothing that a record says makes a login easier than the server has it."""
    pair = pki.client("alice")
    here.add(login=mode, certificates=(certificate_of(pair),))
    here.start(login=demanded)
    certificate = login_code(here.dial(pair), password="wrong") < 300
    password = login_code(here.dial()) < 300
    both = login_code(here.dial(pair)) < 300
    by_certificate = {LoginMode.CERTIFICATE, LoginMode.EITHER}
    by_password = {LoginMode.PASSWORD, LoginMode.EITHER}
    wanted = {demanded, mode or LoginMode.EITHER}
    assert certificate == (wanted <= by_certificate)
    assert password == (wanted <= by_password)
    asks_for_none = demanded is LoginMode.CERTIFICATE  # password, though the user needs one
    assert both == (not asks_for_none or wanted <= by_certificate)


# --- files


def test_a_home_of_ones_own(here, tmp_path, log):
    for name in ("alice", "bob"):
        (tmp_path / "homes" / name).mkdir(parents=True)
        (tmp_path / "homes" / name / "mine").write_text(name)
    here.users.add_group(Group(name="staff", home=f"{tmp_path}/homes/{{user}}"))
    here.add(groups=("staff",))
    here.add("bob", groups=("staff",))
    here.add("carol", groups=("staff",))
    here.add("dave")
    assert here.enter().download("RETR mine") == b"alice"
    assert here.enter("bob").download("RETR mine") == b"bob"
    assert here.enter("dave").download("RETR f") == DATA
    assert login_code(here.dial(), "carol") == 530
    assert f"{tmp_path}/homes/carol" in log.text  # for the operator to make
    log.events.clear()


def test_rights(here):
    here.users.add_group(Group(name="partners", rights=("/** = read_only", "/in/** = upload_only")))
    here.add(groups=("partners",))
    here.add("bob", groups=("partners",), rights=("full",))
    bob = here.enter("bob")
    bob.ask("MKD in", 257)
    bob.upload("STOR in/old", b"old")
    alice = here.enter()
    assert alice.download("RETR f") == DATA
    alice.ask("DELE f", 550)
    alice.ask("RETR in/old", 550)
    alice.upload("STOR in/new", b"new")
    assert bob.download("RETR in/new") == b"new"
    here.users.edit_group("partners", rights=("read_only",))
    alice.upload("STOR in/newer", b"new")  # this login is as it began
    alice.log_in("alice", PASSWORD)
    alice.ask("PASV", 227)
    alice.ask("STOR in/newest", 550)


def test_rates(here):
    here.users.add_group(Group(name="slow", download_rate=RATE))
    here.add(groups=("slow",))
    here.add("bob", groups=("slow",), download_rate=0)
    assert here.enter("bob").download("RETR f") == DATA
    alice = here.enter()
    wire = alice.begin("RETR f")
    alice.wait(3)
    assert alice.quiet
    alice.wait(len(DATA) / RATE)
    alice.expect(226)
    assert wire.take() == DATA
    alice.upload("STOR g", DATA)
    here.users.edit("alice", upload_rate=RATE)
    alice.log_in("alice", PASSWORD)
    wire = alice.begin("STOR h")
    wire.send(DATA)
    wire.stop()
    alice.wait(3)
    assert alice.quiet
    alice.wait(len(DATA) / RATE)
    alice.expect(226)


# --- protection


def test_tls_before_the_login(here):
    here.start(relax=True, ccc=True)
    here.add()
    here.add("careful", login_protection=Requirement.REQUIRED)
    here.add("plain", login_protection=Requirement.FORBIDDEN)
    assert login_code(here.dial(secure=False)) == 230
    client = here.dial(secure=False)
    client.ask("USER careful", 331)
    client.send(f"PASS {PASSWORD}")
    client.wait(0)
    assert "send AUTH TLS first" in client.expect(530).text
    client.ask("PWD", 530)
    client.secure()
    assert login_code(client, "careful") == 230
    assert login_code(client, "plain") == 530
    assert login_code(here.dial(secure=False), "plain") == 230


def test_protected_transfers(here):
    here.start(relax=True)
    here.add(data_protection=Requirement.REQUIRED)
    here.add("bob", data_protection=Requirement.FORBIDDEN)
    client = here.enter()
    client.ask("PROT C", 200)
    assert "PROT P" in client.ask("RETR f", 521).text
    client.protect_data()
    assert client.download("RETR f") == DATA
    bob = here.enter("bob")
    bob.ask("RETR f", 521)
    bob.ask("PROT C", 200)
    bob.private = False
    assert bob.download("RETR f") == DATA


def test_what_a_record_says_takes_the_place_of_settings(here):
    here.start(download_rate=RATE)
    here.add(data_protection=Requirement.OPTIONAL, download_rate=0)
    here.add("bob")
    client = here.enter()
    client.ask("PROT C", 200)
    client.private = False
    assert client.download("RETR f") == DATA
    bob = here.enter("bob")
    bob.begin("RETR f")
    bob.wait(3)
    assert bob.quiet


def test_a_record_opens_no_way_around_tls(here):
    here.start()
    here.add(login_protection=Requirement.OPTIONAL)
    client = here.dial(secure=False)
    client.ask("USER alice", 530)


# --- where, when, and whether


@pytest.mark.parametrize(
    ("server", "networks", "client", "code"),
    [
        (SERVER, (f"{CLIENT}/32",), CLIENT, 230),
        (SERVER, ("10.0.0.0/8", "192.0.2.0/24"), CLIENT, 230),
        (SERVER, ("10.0.0.0/8",), CLIENT, 530),
        (SERVER, ("2001:db8::/32",), CLIENT, 530),
        (SERVER, (), CLIENT, 230),
        (SERVER_6, ("2001:db8::/32",), CLIENT_6, 230),
        (SERVER_6, ("2001:db8:1::/48", "192.0.2.0/24"), CLIENT_6, 530),
    ],
)
def test_networks(here, pki, server, networks, client, code):
    pair = pki.client()
    here.add(networks=networks, certificates=(certificate_of(pair),))
    here.start(host=server)
    assert login_code(here.dial(source=client)) == code
    assert login_code(here.dial(pair, client), password="wrong") == (232 if code == 230 else 530)


def test_no_network_is_said_against_that_of_a_group(here):
    here.users.add_group(Group(name="inside", networks=("10.0.0.0/8",)))
    here.add(groups=("inside",))
    here.add("bob", groups=("inside",), networks=())
    assert login_code(here.dial(), "alice") == 530
    assert login_code(here.dial(source="10.1.2.3"), "alice") == 230
    assert login_code(here.dial(), "bob") == 230


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"valid_from": NOW}, 230),
        ({"valid_from": NOW + timedelta(seconds=1)}, 530),
        ({"valid_until": NOW}, 530),
        ({"valid_until": NOW + timedelta(seconds=1)}, 230),
        ({"valid_from": NOW - DAY, "valid_until": NOW + DAY}, 230),
        ({"enabled": False}, 530),
    ],
)
@pytest.mark.parametrize("inherited", [False, True], ids=["own", "of a group"])
def test_when_and_whether(here, pki, said, code, inherited, log):
    pair = pki.client()
    here.users.add_group(Group(name="staff", **(said if inherited else {})))
    own = {} if inherited else said
    here.add(groups=("staff",), certificates=(certificate_of(pair),), **own)
    assert login_code(here.dial()) == code
    assert login_code(here.dial(pair), password="wrong") == (232 if code == 230 else 530)
    assert ("although the proof was right: 'alice'" in log.text) == (code == 530)


def test_changes_hold_for_the_next_login(here):
    client = here.dial()
    assert login_code(client) == 530
    here.add()
    assert login_code(client) == 230
    here.users.set_password("alice", b"another one")
    assert login_code(client) == 530
    assert login_code(client, password="another one") == 230
    here.users.edit("alice", name="alina")
    assert login_code(client, password="another one") == 530
    assert login_code(client, "alina", "another one") == 230
    here.users.edit("alina", enabled=False)
    assert login_code(client, "alina", "another one") == 530
    here.users.edit("alina", enabled=True)
    assert login_code(client, "alina", "another one") == 230
    here.users.remove("alina")
    assert login_code(client, "alina", "another one") == 530


# --- others


def test_users_of_another_checker(here):
    """They have the files of everybody, unless there is a record that says more."""
    others = InMemoryUsernamePasswordDatabaseDontUse()
    for name in (b"erin", b"frank", b"grace"):
        others.addUser(name, b"secret")
    here.add("frank", rights=("read_only",))
    here.add("grace", enabled=False)
    here.start(others)
    erin = here.enter("erin", "secret")
    erin.upload("STOR g", b"new")
    frank = here.enter("frank", "secret")
    frank.ask("DELE g", 550)
    assert login_code(here.dial(), "grace", "secret") == 530


def test_two_stores(here, tmp_path):
    """A user of one store is not what the other one says of that name."""
    with Users.open(f"{tmp_path}/more.db", create=True) as more:
        more.add(
            User(name="alice", password=hash_password(b"second", CHEAP), rights=("read_only",))
        )
        more.add(User(name="heidi", password=HASH))
        second = StoreChecker(more, InlineHashing(), InlineWorkers(), lambda: here.now)
        here.add(enabled=False)
        server = here.start(second)
        second.use(server.reactor, InlineWorkers())
        server.factory.portal.realm = second.realm(server.factory.portal.realm, InlineWorkers())
        assert login_code(here.dial()) == 530
        client = here.enter(password="second")
        client.ask("DELE f", 550)
        here.users.edit("alice", enabled=True)
        assert here.enter().ask("DELE f", 250)
        assert login_code(here.dial(), "heidi") == 230
        more.edit("alice", enabled=False)
        assert login_code(here.dial()) == 230


def test_a_checker_that_was_given_nothing_to_work_with(here):
    with pytest.raises(RuntimeError, match="call use"):
        StoreChecker(here.users).realm(None, InlineWorkers())


# --- a store that is down


@contextmanager
def broken(users, what="SELECT"):
    """The database refuses these statements."""
    guard = "RAISE(ABORT, 'the disk is on fire')"
    with users._engine.begin() as connection:
        if what == "UPDATE":
            connection.execute(
                text(f"CREATE TRIGGER t BEFORE UPDATE ON users BEGIN SELECT {guard}; END")
            )
        else:
            connection.execute(text("ALTER TABLE users RENAME TO gone"))
    yield
    with users._engine.begin() as connection:
        undo = "DROP TRIGGER t" if what == "UPDATE" else "ALTER TABLE gone RENAME TO users"
        connection.execute(text(undo))


def test_while_the_store_is_down_nobody_logs_in_and_nothing_is_held_against_him(here, pki, log):
    pair = pki.client()
    here.add(certificates=(certificate_of(pair),))
    client, certified = here.dial(), here.dial(pair)
    with broken(here.users):
        for name in ("alice", "nobody"):
            client.ask(f"USER {name}", 331)
            client.send(f"PASS {PASSWORD}")
            client.wait(0)
            said = str(client.expect(530))
            assert said == "530 Login is not possible now; try again later."
        assert "try again later" in certified.ask("USER alice", 530).text
        assert client.server.factory.door.attempts.addresses.count(CLIENT, 0) == 0
    assert "cannot be used now: no such table: users" in log.text
    log.events.clear()
    assert login_code(client) == 230
    assert login_code(certified) == 232


# --- sessions that are running


BARRING = {
    "disabled": lambda here: here.users.edit("alice", enabled=False),
    "a group of his disabled": lambda here: here.users.edit_group("staff", enabled=False),
    "removed": lambda here: here.users.remove("alice"),
    "another network": lambda here: here.users.edit("alice", networks=("10.0.0.0/8",)),
    "over": lambda here: setattr(here, "now", NOW + 2 * DAY),
}


@pytest.mark.parametrize("bar", BARRING.values(), ids=BARRING)
def test_whoever_is_barred_is_soon_logged_out(here, bar, log):
    here.users.add_group(Group(name="staff", valid_until=NOW + DAY))
    here.add(groups=("staff",))
    here.add("bob")
    alice, bob = here.enter(), here.enter("bob")
    alice.wait(3 * INTERVAL)
    assert alice.quiet
    bar(here)
    alice.wait(INTERVAL)
    assert str(alice.expect(421)) == "421 You may not be logged in any more; goodbye."
    assert alice.closed
    assert "alice" in log.text.partition("may not be logged in any more: h")[0].splitlines()[-1]
    bob.wait(3 * INTERVAL)
    bob.ask("PWD", 257)


def test_a_transfer_of_whoever_is_barred_is_aborted(here):
    here.add(download_rate=RATE)
    client = here.enter()
    client.begin("RETR f")
    here.users.edit("alice", enabled=False)
    client.wait(INTERVAL)
    client.expect(426)
    client.expect(421)
    assert client.closed


def test_other_changes_end_no_session(here):
    here.add()
    client = here.enter()
    here.users.set_password("alice", b"another one")
    here.users.edit("alice", rights=("read_only",), login=LoginMode.CERTIFICATE)
    client.wait(3 * INTERVAL)
    client.ask("PWD", 257)


def test_nobody_is_thrown_out_because_the_store_is_down(here, log):
    here.add()
    client = here.enter()
    with broken(here.users):
        client.wait(5 * INTERVAL)
        client.ask("PWD", 257)
    here.users.edit("alice", enabled=False)
    client.wait(2 * INTERVAL)
    client.expect(421)


def test_the_store_is_looked_at_while_somebody_is_logged_in_only(here):
    here.add()
    client = here.enter()
    reactor = client.server.reactor

    def looks():
        return [each for each in reactor.getDelayedCalls() if "Watch._look" in str(each)]

    assert len(looks()) == 1
    client.ask("USER nobody", 331)
    assert looks() == []
    assert login_code(client) == 230
    assert len(looks()) == 1
    client.leave()
    assert looks() == []


# --- the realm by itself


def test_the_realm_gives_filesystems_only(here):
    server = here.start()
    with pytest.raises(NotImplementedError, match="IFilesystem and nothing else"):
        server.factory.portal.realm.requestAvatar(b"alice", None, IDescriptor)


def test_whoever_was_removed_between_password_and_files(here, log):
    """Not even the files of everybody are his."""

    class Removing(InlineHashing):
        async def verify(self, *args):
            here.users.remove("alice")
            return await super().verify(*args)

    here.add()
    here.hashing = Removing()
    server = here.start()
    assert login_code(here.dial()) == 530
    assert server.logged_in == 0


def test_a_realm_of_ones_own_for_those_without_a_home(here):
    """It is asked for what it gives, and its policy holds where the record says nothing."""

    @implementer(IProtection)
    class Avatar:
        policy: ClassVar = {"download_rate": RATE, "upload_rate": RATE}

        def __init__(self, filesystem):
            self._filesystem = filesystem

        def __conform__(self, interface):
            return self._filesystem if interface is IFilesystem else None

    asked = []

    @implementer(IRealm)
    class Realm:
        def requestAvatar(self, avatar_id, mind, *interfaces):
            asked.append((avatar_id, interfaces))
            return interfaces[0], Avatar(MemoryFilesystem({"/f": DATA})), lambda: None

    here.add(download_rate=0)
    here.start(realm=Realm())
    client = here.enter()
    assert client.download("RETR f") == DATA
    wire = client.begin("STOR g")
    wire.send(DATA)
    wire.stop()
    client.wait(3)
    assert client.quiet
    ((avatar_id, interfaces),) = asked
    assert avatar_id == b"alice"
    assert IFilesystem in interfaces


# --- quotas


def test_a_quota_of_his_own_one_of_his_group_and_that_of_everybody(here, tmp_path):
    for name in ("alice", "bob", "carol"):
        (tmp_path / "homes" / name).mkdir(parents=True)
    quotas = Quotas(Ledger(f"{tmp_path}/ledger"), octets=3000)
    realm = LocalRealm(f"{tmp_path}/homes/{{user}}", InlineWorkers(), quotas=quotas)
    here.users.add_group(Group(name="team", quota_octets=5000))
    here.add(groups=("team",), quota_octets=4000)
    here.add("bob", groups=("team",), quota_octets=0)
    here.add("carol", home=f"{tmp_path}/homes/carol")
    here.start(realm=realm)
    alice, bob, carol = (here.enter(name) for name in ("alice", "bob", "carol"))
    alice.upload("STOR a", bytes(3500))
    alice.upload("STOR b", bytes(501), code=552)
    bob.upload("STOR b", bytes(1500))
    assert bob.ask("AVBL", 213).text == "0"
    assert carol.ask("AVBL", 213).text == "3000"
    bob.ask("STOR c", 552)
    carol.upload("STOR c", bytes(3000))
    alice.ask("DELE a", 250)
    bob.upload("STOR c", bytes(3500))
    assert quotas.ledger.usage()["group:team"] == Usage(5000, 2)
