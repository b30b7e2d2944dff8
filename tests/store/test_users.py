"""What is stored is what is found: one suite for every kind of database."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from ftptls.cred.passwords import Cost, PasswordError, hash_password, verify
from ftptls.settings import LoginMode, Requirement
from ftptls.store import (
    Certificate,
    Group,
    NameTakenError,
    StoreError,
    UnknownNameError,
    User,
)
from ftptls.store.importing import Line
from ftptls.store.records import KEY
from ftptls.vfs.book import Account

HASH = hash_password(b"correct horse", Cost(memory=64, passes=1))
PIN, OTHER_PIN = "a1" * 32, "b2" * 32

TERMS = {
    "login": LoginMode.BOTH,
    "home": "/srv/drop/{user}",
    "rights": ("/** = read_only", "/in/** = upload_only"),
    "quota_octets": 2**40,
    "quota_files": 10,
    "download_rate": 0,
    "upload_rate": 125_000,
    "login_protection": Requirement.REQUIRED,
    "data_protection": Requirement.OPTIONAL,
    "networks": ("192.0.2.0/24", "2001:db8::/32"),
    "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
    "valid_until": datetime(2027, 1, 1, 12, 30, 15, tzinfo=UTC),
    "enabled": False,
    "notes": "Ärger mit 'Bobby'; DROP TABLE users;\nzwei Zeilen",
}
ALICE = User(
    name="alice",
    password=HASH,
    certificates=(Certificate(PIN, notes="the new one"), Certificate(PIN, KEY)),
    groups=("staff", "partners"),
    **TERMS,
)


@pytest.fixture
def groups(users):
    """Two groups that say nothing."""
    users.add_group(Group(name="partners"))
    users.add_group(Group(name="staff"))


# --- fields


def test_every_field_comes_back(users, groups):
    assert {each.name for each in fields(User)} == {
        "name",
        "password",
        "certificates",
        "groups",
    } | set(TERMS)
    users.add(ALICE)
    assert users.get("alice") == ALICE
    assert list(users.list()) == [ALICE]


def test_every_field_of_a_group_comes_back(users):
    group = Group(name="staff", **TERMS)
    users.add_group(group)
    assert users.get_group("staff") == group
    assert list(users.list_groups()) == [group]


def test_a_line_of_rights_stays_one(users):
    """Whatever other programs take for the end of a line."""
    signs = "\r\v\f\x1c\x85\u2028"
    rights = tuple(f"/{sign}full = nothing" for sign in signs)
    users.add(User(name="bob", rights=rights))
    assert users.get("bob").rights == rights


def test_what_is_not_said_is_not_stored(users):
    users.add(User(name="bob"))
    assert users.get("bob") == User(name="bob")


@pytest.mark.parametrize("field", [*TERMS, "password", "certificates", "groups"])
def test_each_field_can_be_changed_and_unsaid(users, groups, field):
    users.add(User(name="alice"))
    said = getattr(ALICE, field)
    assert users.edit("alice", **{field: said}) == users.get("alice")
    assert users.get("alice") == replace(User(name="alice"), **{field: said})
    users.edit("alice", **{field: getattr(User(name=""), field)})
    assert users.get("alice") == User(name="alice")


def test_a_change_leaves_the_rest(users, groups):
    users.add(ALICE)
    users.edit("alice", enabled=True)
    assert users.get("alice") == replace(ALICE, enabled=True)


def test_a_user_is_renamed_with_all_that_is_his(users, groups):
    users.add(ALICE)
    users.edit("alice", name="alina")
    assert users.get("alina") == replace(ALICE, name="alina")
    with pytest.raises(UnknownNameError, match="There is no user 'alice'"):
        users.get("alice")


def test_whoever_is_removed_leaves_nothing_behind(users, groups):
    users.add(ALICE)
    users.remove("alice")
    assert users.count() == 0
    users.add(User(name="alice"))
    assert users.get("alice") == User(name="alice")


REFUSED = [
    ({"networks": ("10.0.0.1/8",)}, "'10.0.0.1/8' is no network"),
    ({"networks": ("",)}, "is no network"),
    ({"home": "srv"}, "no absolute path"),
    ({"home": "/srv/\0"}, "a character in home"),
    ({"home": "/srv/\ud800"}, "a character in home"),
    ({"rights": ("/** = fly",)}, "The rights cannot be used"),
    ({"rights": ("full\nfull",)}, "rights"),
    ({"rights": ("",)}, "not empty"),
    ({"rights": ()}, "an empty list; write full or nothing"),
    ({"quota_octets": -1}, "quota_octets is -1"),
    ({"upload_rate": 2**63}, "upload_rate is 9223372036854775808"),
    ({"valid_from": datetime(2026, 1, 1)}, "valid_from has no time zone"),
    ({"valid_from": TERMS["valid_until"], "valid_until": TERMS["valid_from"]}, "not later"),
    ({"notes": "a\0b"}, "a character in the notes"),
    ({"password": "plain"}, "not a password hash"),
    ({"password": "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$QUJD"}, "damaged"),
    ({"certificates": (Certificate(PIN.upper()),)}, "lower-case"),
    ({"certificates": (Certificate("ab"),)}, "no SHA-256 fingerprint"),
    ({"certificates": (Certificate("x", "shoe size"),)}, "no field of a certificate"),
    ({"certificates": (Certificate(PIN), Certificate(PIN, notes="2"))}, "there twice"),
    ({"groups": ("staff", "staff")}, "there twice"),
    ({"groups": ("nobody",)}, "There is no group 'nobody'"),
]


@pytest.mark.parametrize(("said", "why"), REFUSED)
def test_what_cannot_be_kept_is_refused_and_nothing_changes(users, groups, said, why):
    with pytest.raises(StoreError, match=why):
        users.add(replace(User(name="alice"), **said))
    assert users.count() == 0
    users.add(User(name="alice", notes="as before"))
    with pytest.raises(StoreError, match=why):
        users.edit("alice", **said)
    assert users.get("alice") == User(name="alice", notes="as before")


TIMES = st.none() | st.datetimes(
    datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)
).map(lambda time: time.replace(microsecond=0))
NUMBERS = st.none() | st.integers(0, 2**63 - 1)
ANYTHING = st.text(st.characters(), max_size=30)
RECORDS = st.builds(
    User,
    name=st.just("alice"),
    login=st.sampled_from([None, *LoginMode]),
    home=st.none() | ANYTHING.map("/{}".format),
    rights=st.none()
    | st.lists(st.sampled_from(["full", "#"]) | ANYTHING.map("/{} = full".format)).map(tuple),
    quota_octets=NUMBERS,
    upload_rate=NUMBERS,
    data_protection=st.sampled_from([None, *Requirement]),
    networks=st.none() | st.lists(st.ip_addresses().map(str)).map(tuple),
    valid_from=TIMES,
    valid_until=TIMES,
    enabled=st.booleans(),
    notes=ANYTHING,
    certificates=st.lists(
        st.builds(Certificate, ANYTHING, st.sampled_from(["cn", "email", "dn"]), ANYTHING),
        max_size=3,
    ).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(RECORDS)
def test_a_user_is_refused_or_comes_back_as_he_was(users, user):
    try:
        users.add(user)
    except StoreError:
        assert users.count() == 0
        return
    try:
        assert users.get("alice") == user
        assert users.find("alice") == user
    finally:
        users.remove("alice")


# --- names

HOSTILE = [
    "",
    " alice",
    "alice\n",
    "al\0ice",
    "al\ud800ice",
    "x" * 256,
    "ali\u200bce",
    "\u202ealice",
    "аlice",  # noqa: RUF001 - a Cyrillic letter
    "ａlice",  # noqa: RUF001 - a wide letter
    "ali\u0301ce",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_that_can_be_nobodys(users, name):
    with pytest.raises(StoreError, match="cannot be a name"):
        users.add(User(name=name))
    with pytest.raises(StoreError, match="cannot be a name"):
        users.add_group(Group(name=name))
    assert users.find(name) is None
    assert users.find_with_decoy(name, 0) == (None, "")


ODD = ["O'Brien", "'; DROP TABLE users; --", "%", "_", "*", "a\\b", "Zoë", "李", "x" * 255]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_an_odd_name_is_only_itself(users, name):
    users.add(User(name="alice"))
    users.add(User(name=name))
    assert users.find(name) == users.get(name) == User(name=name)
    assert {each.name for each in users.list()} == {"alice", name}
    users.remove(name)
    assert [each.name for each in users.list()] == ["alice"]


def test_case_counts(users):
    for name in ("bob", "Bob", "BOB"):
        users.add(User(name=name, notes=name))
    assert users.find("Bob").notes == "Bob"
    assert users.find("bOb") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(st.characters(), max_size=300))
def test_whatever_a_client_calls_itself_can_be_looked_for(users, name):
    assert users.find(name) is None
    assert users.find_with_decoy(name, 1) == (None, "")


def test_a_name_belongs_to_one(users):
    users.add(User(name="alice"))
    users.add(User(name="bob"))
    with pytest.raises(NameTakenError, match="There is a user 'alice' already"):
        users.add(User(name="alice"))
    with pytest.raises(NameTakenError):
        users.edit("bob", name="alice")


@pytest.mark.parametrize(
    "call",
    [
        lambda users: users.get("nobody"),
        lambda users: users.edit("nobody", enabled=False),
        lambda users: users.remove("nobody"),
        lambda users: users.set_password("nobody", b"secret"),
        lambda users: users.add_certificate("nobody", Certificate(PIN)),
        lambda users: users.remove_certificate("nobody", PIN),
        lambda users: users.get_group("nobody"),
        lambda users: users.edit_group("nobody", enabled=False),
        lambda users: users.remove_group("nobody"),
    ],
)
def test_nobody_can_be_changed(users, call):
    before = users.changes()
    with pytest.raises(UnknownNameError, match="'nobody'"):
        call(users)
    assert users.changes() == before


def test_users_are_listed_by_name_in_pieces(users):
    names = [f"user{number:05}" for number in range(2500)]
    users.import_many(lines_of(reversed(names)))
    assert [each.name for each in users.list()] == names
    assert [each.name for each in users.list(after="user02400")] == names[2401:]
    assert users.count() == 2500


def lines_of(names):
    for number, name in enumerate(names, 1):
        yield Line(number, User(name=name))


# --- passwords and certificates


def test_a_password_is_kept_as_a_hash(users):
    users.add(User(name="alice"))
    users.set_password("alice", b"correct horse")
    stored = users.get("alice").password
    assert stored.startswith("$argon2id$")
    assert verify(b"correct horse", stored).ok
    assert stored not in repr(users.get("alice"))
    with pytest.raises(PasswordError, match="cannot be empty"):
        users.set_password("alice", b"")


def test_a_better_hash_replaces_only_the_one_that_was_verified(users):
    users.add(User(name="alice", password=HASH))
    better = hash_password(b"correct horse", Cost(memory=128, passes=1))
    users.upgrade_password("alice", "another", better)
    assert users.get("alice").password == HASH
    users.upgrade_password("alice", HASH, better)
    assert users.get("alice").password == better


def test_certificates_come_and_go(users):
    users.add(User(name="alice"))
    old, new = Certificate(PIN), Certificate(OTHER_PIN, KEY, "since May")
    users.add_certificate("alice", old)
    users.add_certificate("alice", new)
    assert users.get("alice").certificates == (old, new)
    users.add_certificate("alice", replace(old, notes="until June"))
    assert users.get("alice").certificates == (new, replace(old, notes="until June"))
    users.remove_certificate("alice", PIN)
    assert users.get("alice").certificates == (new,)
    with pytest.raises(StoreError, match="No such certificate stands for the user 'alice'"):
        users.remove_certificate("alice", OTHER_PIN)


def test_one_certificate_may_stand_for_several_users(users):
    for name in ("alice", "bob"):
        users.add(User(name=name, certificates=(Certificate(PIN),)))
    users.remove_certificate("alice", PIN)
    assert users.get("bob").certificates == (Certificate(PIN),)


# --- groups


def test_a_user_says_it_himself_or_the_first_group_that_says_it(users):
    users.add_group(Group(name="a", home="/a"))
    users.add_group(Group(name="b", home="/b", upload_rate=5, rights=("read_only",)))
    users.add_group(Group(name="c", upload_rate=7, networks=("10.0.0.0/8",)))
    users.add(User(name="alice", groups=("a", "b", "c"), rights=("full",)))
    found = users.find("alice")
    assert (found.home, found.upload_rate, found.rights) == ("/a", 5, ("full",))
    assert found.networks == ("10.0.0.0/8",)
    assert found.enabled
    users.edit("alice", groups=("c", "b", "a"))
    found = users.find("alice")
    assert (found.home, found.upload_rate) == ("/b", 7)
    assert users.get("alice").home is None


NOT_INHERITED = ("enabled", "notes", "quota_octets", "quota_files")


@pytest.mark.parametrize("field", [name for name in TERMS if name not in NOT_INHERITED])
def test_every_field_is_inherited(users, field):
    users.add_group(Group(name="staff", **{field: TERMS[field]}))
    users.add(User(name="alice", groups=("staff",)))
    assert getattr(users.find("alice"), field) == TERMS[field]


def test_what_is_nothing_is_said_all_the_same(users):
    users.add_group(Group(name="staff", networks=("10.0.0.0/8",), upload_rate=5))
    users.add(User(name="alice", groups=("staff",), upload_rate=0))
    assert users.find("alice").upload_rate == 0


def test_one_disabled_group_bars_its_members(users):
    users.add_group(Group(name="a"))
    users.add_group(Group(name="b", enabled=False, notes="on strike"))
    users.add(User(name="alice", groups=("a", "b"), notes="own"))
    assert not users.find("alice").enabled
    assert users.find("alice").notes == "own"
    users.edit_group("b", enabled=True)
    assert users.find("alice").enabled


def test_a_group_is_renamed_with_its_members(users, groups):
    users.add(ALICE)
    users.edit_group("staff", name="crew")
    assert users.get("alice").groups == ("crew", "partners")
    with pytest.raises(NameTakenError, match="There is a group 'crew' already"):
        users.edit_group("partners", name="crew")
    with pytest.raises(NameTakenError):
        users.add_group(Group(name="crew"))


def test_a_group_with_members_stays(users, groups):
    users.add(ALICE)
    with pytest.raises(StoreError, match="has members; take them out of it first"):
        users.remove_group("staff")
    users.edit("alice", groups=("partners",))
    users.remove_group("staff")
    assert [each.name for each in users.list_groups()] == ["partners"]


# --- work


@pytest.fixture
def statements(users):
    """Every statement that was sent to the database."""
    found = []

    def see(_connection, _cursor, statement, *_):
        found.append(statement)

    event.listen(users._engine, "before_cursor_execute", see)
    yield found
    event.remove(users._engine, "before_cursor_execute", see)


def test_somebody_and_nobody_take_the_same_statements(users, groups, statements):
    users.add(ALICE)
    users.add(User(name="bob", password=HASH))
    taken = []
    for name in ("alice", "bob", "nobody", "al\0ice", "x" * 2000):
        statements.clear()
        users.find_with_decoy(name, 12345)
        taken.append(list(statements))
    assert all(each == taken[0] for each in taken)
    assert 3 < len(taken[0]) < 7


def test_a_login_reads_no_table_from_end_to_end(users, kind):
    users.import_many(lines_of(f"user{number}" for number in range(1000)))
    if kind == "sqlite":
        explained = plans(users, "EXPLAIN QUERY PLAN ")
        whole = [each for each in explained if each.startswith("SCAN")]
    else:
        with users._engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        explained = plans(users, "EXPLAIN ")
        whole = [each for each in explained if "Seq Scan on users" in each]
    assert explained
    assert not whole


def plans(users, prefix):
    """How the database finds somebody, line by line."""
    found = []

    def explain(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            with closing(connection.connection.cursor()) as extra:
                extra.execute(prefix + statement, parameters)
                found.extend(str(row[-1]) for row in extra.fetchall())

    event.listen(users._engine, "before_cursor_execute", explain)
    users.find_with_decoy("user500", 500)
    event.remove(users._engine, "before_cursor_execute", explain)
    return found


def test_nobodys_hash_is_always_that_of_the_same_one(users):
    for number in range(20):
        users.add(User(name=f"user{number}", password=hash_password(b"x", Cost(64, 1))))
    chosen = [users.find_with_decoy("nobody", place)[1] for place in range(100)]
    assert chosen == [users.find_with_decoy("nobody", place)[1] for place in range(100)]
    assert len(set(chosen)) == 20
    users.remove("user3")
    assert all(users.find_with_decoy("nobody", place)[1] for place in range(100))
    assert users.find_with_decoy("nobody", 2**56 - 1)[1]


def test_changes_are_counted(users, groups):
    seen = {users.changes()}
    for change in (
        lambda: users.add(ALICE),
        lambda: users.edit("alice", notes=""),
        lambda: users.add_certificate("alice", Certificate(OTHER_PIN)),
        lambda: users.edit_group("staff", enabled=False),
        lambda: users.remove("alice"),
        lambda: users.import_many(lines_of(["bob"])),
    ):
        change()
        assert users.changes() not in seen
        seen.add(users.changes())
    users.find("bob")
    assert users.changes() in seen


# --- quotas


def test_a_user_has_his_own_quota_and_shares_those_of_his_groups(users):
    users.add_group(Group(name="a", quota_octets=100, quota_files=3))
    users.add_group(Group(name="b"))
    users.add(User(name="alice", groups=("b", "a"), quota_octets=10))
    users.add(User(name="bob"))
    assert list(users.quotas("alice")) == [
        Account("user:alice", 10, None),
        Account("group:b", None, None),
        Account("group:a", 100, 3),
    ]
    assert list(users.quotas("bob")) == [Account("user:bob", None, None)]
    assert list(users.quotas("carol")) == list(users.quotas("\0")) == []
    assert users.find("alice").quota_files is None
