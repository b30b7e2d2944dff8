"""Users of the operating system: what they make is theirs, and the kernel says what they may."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftptls.cred import LocalRealm, make_checker
from ftptls.cred.unix import UnixUsers
from ftptls.settings import ClientCertificate, LoginMode, Unix, UploadMode
from ftptls.testing.dialogue import CLIENT, PASSWORD, STRANGER
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.workers import InlineWorkers
from tests.pam import Services
from tests.unix import ALICE, BOB, as_root, give, reachable_folder

MODES = pytest.mark.parametrize("upload_mode", list(UploadMode), ids=lambda mode: mode.value)


@pytest.fixture
def root():
    """A folder for everybody, in which each may remove only what is his."""
    with reachable_folder() as folder:
        folder.chmod(0o1777)
        for entry in (ALICE, BOB):
            (folder / entry.pw_name).mkdir()
            give(folder / entry.pw_name, entry, 0o700)
        yield folder


@pytest.fixture
def start(serve, root):
    """A server for these users."""

    def make(unix=None, upload_mode=UploadMode.ATOMIC, **options):
        options.setdefault("users", {entry.pw_name: PASSWORD for entry in (ALICE, BOB)})
        server = serve(**options)
        users = UnixUsers(unix or Unix(enabled=True, minimum_uid=1), InlineWorkers())
        server.factory.portal.realm = LocalRealm(
            str(root), InlineWorkers(), upload_mode=upload_mode, unix=users
        )
        return server

    return make


def enter(server, entry, source=""):
    """A client of this user, logged in."""
    client = server.connect(source)
    client.secure()
    client.log_in(entry.pw_name)
    return client


def owner(path):
    info = path.lstat()
    return info.st_uid, info.st_gid


@as_root
@MODES
def test_what_is_new_is_the_users(start, root, upload_mode):
    client = enter(start(upload_mode=upload_mode), ALICE)
    hers = (ALICE.pw_uid, ALICE.pw_gid)
    client.upload("STOR file", b"0123")
    client.upload("APPE grown", b"0123")
    client.ask("MKD folder", 257)
    client.ask("SITE SYMLINK file link", 200)
    client.ask("RNFR file", 350)
    client.ask("RNTO folder/moved", 250)
    for name in ("grown", "folder", "link", "folder/moved"):
        assert owner(root / name) == hers, name
    assert client.download("RETR folder/moved") == b"0123"
    client.ask("SITE CHMOD 600 folder/moved", 200)
    assert stat.S_IMODE((root / "folder/moved").stat().st_mode) == 0o600
    client.ask("DELE folder/moved", 250)
    client.ask("RMD folder", 250)
    assert (os.geteuid(), os.getegid()) == (0, 0)


@as_root
@MODES
def test_what_is_somebody_elses_is_550(start, root, upload_mode):
    server = start(upload_mode=upload_mode)
    alice = enter(server, ALICE, CLIENT)
    bob = enter(server, BOB, STRANGER)
    alice.ask("MKD hers", 257)
    alice.upload("STOR hers/file", b"0123")
    alice.ask("SITE CHMOD 600 hers/file", 200)
    bob.open()
    for line in ("RETR hers/file", "STOR hers/file", "APPE hers/file", "STOR hers/new"):
        assert bob.ask(line, 550).text == "Permission denied.", line
    for line in (
        "MKD hers/folder",
        "DELE hers/file",
        "RMD hers",
        "SITE CHMOD 666 hers/file",
        "MFMT 20200101000000 hers/file",
        "SITE SYMLINK hers/file hers/link",
    ):
        assert bob.ask(line, 550).text == "Permission denied.", line
    bob.ask("RNFR hers/file", 350)
    bob.ask("RNTO stolen", 550)
    bob.ask(f"CWD {ALICE.pw_name}", 550)
    bob.ask("CWD hers", 250)
    bob.ask("CDUP", 250)
    bob.ask(f"STAT {ALICE.pw_name}/", 550)
    bob.ask(f"STAT {BOB.pw_name}/", 212)
    assert alice.download("RETR hers/file") == b"0123"


@as_root
def test_a_new_user_has_nothing_of_the_one_before(start, root):
    client = enter(start(), ALICE)
    client.upload("STOR hers", b"0123")
    client.ask("SITE CHMOD 600 hers", 200)
    client.ask("RNFR hers", 350)
    client.log_in(BOB.pw_name)
    client.ask("RNTO stolen", 503)
    client.open()
    client.ask("RETR hers", 550)
    client.upload("STOR his", b"0123")
    assert owner(root / "his") == (BOB.pw_uid, BOB.pw_gid)
    assert owner(root / "hers") == (ALICE.pw_uid, ALICE.pw_gid)


@as_root
def test_the_perm_fact_is_the_users(start):
    server = start()
    alice = enter(server, ALICE, CLIENT)
    alice.upload("STOR file", b"0123")
    bob = enter(server, BOB, STRANGER)
    assert "perm=adfrw;" in alice.ask("MLST file", 250).lines[1].lower()
    assert "perm=dfr;" in bob.ask("MLST file", 250).lines[1].lower()


@pytest.mark.parametrize(
    ("name", "least"), [("root", 1), (ALICE.pw_name, ALICE.pw_uid + 1), ("no such user", 0)]
)
def test_who_is_refused(start, log, name, least):
    server = start(Unix(enabled=True, minimum_uid=least), users={name: PASSWORD})
    client = server.connect()
    client.secure()
    client.ask(f"USER {name}", 331)
    client.send(f"PASS {PASSWORD}")
    client.wait(5)
    assert client.expect(530).text == "Login incorrect."
    client.ask("PWD", 530)
    assert f"Login refused: {name!r}" in log.text


@as_root
def test_root_may_be_let_in(start, root):
    server = start(Unix(enabled=True, minimum_uid=0), users={"root": PASSWORD})
    client = server.connect()
    client.secure()
    client.log_in("root")
    client.upload("STOR file", b"0123")
    assert owner(root / "file") == (0, 0)


# By certificate


@pytest.fixture
def show(start, pki, settings):
    """A client that shows a certificate, to a server that maps its common name."""

    def make(entry, **unix):
        pair = pki.server()
        verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
        server = start(
            Unix(enabled=True, minimum_uid=1, **unix),
            tls=ServerContext(pair.key, pair.chain, verification=verification),
            settings=settings(login=LoginMode.CERTIFICATE, login_delay=0),
            checkers=[make_checker("x509:cn")],
        )
        client = server.connect()
        client.context = pki.client_context(shown=pki.client(entry.pw_name))
        client.secure()
        return client

    return make


@as_root
def test_a_certificate_is_mapped_to_a_user(show, root):
    client = show(ALICE)
    client.ask(f"USER {ALICE.pw_name}", 232)
    client.ask("TYPE I", 200)
    client.upload("STOR file", b"0123")
    assert owner(root / "file") == (ALICE.pw_uid, ALICE.pw_gid)
    client.ask(f"MKD {BOB.pw_name}/new", 550)
    client.ask(f"MKD {ALICE.pw_name}/new", 257)


def test_a_certificate_is_for_one_user(show):
    show(ALICE).ask(f"USER {BOB.pw_name}", 530)


@as_root
def test_the_account_behind_a_certificate_must_be_in_use(show, log, tmp_path, monkeypatch):
    services = Services(tmp_path, {})
    services.use(monkeypatch)
    services.write("accounts", "account required pam_debug.so acct=acct_expired")
    client = show(ALICE, account_service="accounts")
    client.ask(f"USER {ALICE.pw_name}", 530)
    assert "User account has expired" in log.text
    services.from_only("accounts", CLIENT)
    client.ask(f"USER {ALICE.pw_name}", 232)


# Two users, one server

TURNS = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["STOR", "APPE", "MKD", "DELE", "RMD", "RNFR", "CWD", "NOOP", "USER"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@as_root
@given(TURNS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_turns_of_two_users_do_not_mix(start, turns):
    with reachable_folder() as root:
        root.chmod(0o1777)
        server = start()
        server.factory.portal.realm = server.factory.portal.realm.with_root(str(root))
        clients = {e: enter(server, e, s) for e, s in ((ALICE, CLIENT), (BOB, STRANGER))}
        model: dict[str, tuple[object, str]] = {}  # whose it is, and what
        for number, (is_alice, verb, on_what_is_there) in enumerate(turns):
            entry = ALICE if is_alice else BOB
            there = sorted(model)[number % len(model)] if model else ""
            name = there if there and on_what_is_there else f"n{number}"
            take_turn(clients[entry], entry, verb, name, model)
        found = {path.name: (path.stat().st_uid, path.is_dir()) for path in root.iterdir()}
        told = {n: (e.pw_uid, kind == "folder") for n, (e, kind) in model.items()}
        assert found == told
        assert (os.geteuid(), os.getegid()) == (0, 0)
        for client in clients.values():
            client.leave()


def take_turn(client, entry, verb, name, model):
    """Say it, and see that the answer is what the modes of Unix make of it."""
    whose, kind = model.get(name, (None, ""))
    mine = whose in (None, entry)
    if verb in ("STOR", "APPE"):
        allowed = mine and kind != "folder"
        if allowed:
            client.upload(f"{verb} {name}", b"0123")
            model[name] = (entry, "file")
        else:
            client.open()
            client.ask(f"{verb} {name}", 550)
    elif verb == "MKD":
        client.ask(f"MKD {name}", 257 if not kind else 550)
        model.setdefault(name, (entry, "folder"))
    elif verb in ("DELE", "RMD"):
        allowed = whose is entry and kind == ("file" if verb == "DELE" else "folder")
        client.ask(f"{verb} {name}", 250 if allowed else 550)
        if allowed:
            del model[name]
    elif verb == "RNFR":
        client.ask(f"RNFR {name}", 350 if kind else 550)
        if kind:
            client.ask(f"RNTO {name}.moved", 250 if mine else 550)
            if mine:
                model[f"{name}.moved"] = model.pop(name)
    elif verb == "USER":
        client.log_in(entry.pw_name)
    elif verb == "CWD":
        client.ask(f"CWD {name}", 250 if kind == "folder" else 550)
        client.ask("CWD /", 250)
    else:
        client.ask("NOOP", 200)
