"""Many users from a file: all of them, or those that can be."""

from __future__ import annotations

import json

import pytest

from ftptls.cred.passwords import Cost, hash_password, verify
from ftptls.store import Certificate, Group, User
from ftptls.store.importing import BATCH, read_csv, read_json
from ftptls.store.records import KEY
from ftptls.store.texts import as_values, from_values

from .test_users import ALICE, HASH, PIN


def json_lines(*records):
    return read_json([json.dumps(each) for each in records])


def names(users):
    return [each.name for each in users.list()]


def test_what_is_exported_can_be_imported(users):
    for name in ALICE.groups:
        users.add_group(Group(name=name))
    found = users.import_many(json_lines(as_values(ALICE)))
    assert (found.added, found.replaced, found.problems) == (1, 0, [])
    assert users.get("alice") == ALICE
    assert from_values(User, as_values(ALICE)) == ALICE


def test_csv_has_the_same_fields(users):
    users.add_group(Group(name="staff"))
    cells = {
        "name": "alice",
        "password": f'"{HASH}"',
        "home": '"/srv/a,b"',
        "networks": "10.0.0.0/8; 192.0.2.0/24",
        "certificates": f"key:{PIN};email:a@example.com",
        "groups": "staff",
        "upload_rate": "500",
        "enabled": "false",
        "login": "both",
        "valid_until": "2030-01-31T12:00:00Z",
    }
    text = f"{','.join(cells)}\n{','.join(cells.values())}\n\nbob,,,,,,,,,\n"
    found = users.import_many(read_csv(text.splitlines(keepends=True)))
    assert found.problems == []
    alice = users.get("alice")
    assert alice.password == HASH
    assert alice.home == "/srv/a,b"
    assert alice.networks == ("10.0.0.0/8", "192.0.2.0/24")
    assert alice.certificates == (Certificate(PIN, KEY), Certificate("a@example.com", "email"))
    assert (alice.groups, alice.upload_rate, alice.enabled) == (("staff",), 500, False)
    assert alice.valid_until.isoformat() == "2030-01-31T12:00:00+00:00"
    assert users.get("bob") == User(name="bob")


def test_a_plain_password_is_hashed(users):
    found = users.import_many(json_lines({"name": "alice", "plain_password": "Zürich 1"}))
    assert found.added == 1
    stored = users.get("alice").password
    assert stored.startswith("$argon2id$")
    assert verify("Zürich 1".encode(), stored).ok


PROBLEMS = [
    ("{", "This is no JSON."),
    ("[1]", "This is no JSON object"),
    ("[" * 100_000, "This is no JSON."),
    ('{"password": ""}', "There is no name."),
    ('{"name": "bob", "shoe": 1}', "'shoe' is no field; there are"),
    ('{"name": 5}', "name is 5; it must be text"),
    ('{"name": "bob", "enabled": 1}', "enabled is 1; it must be true or false"),
    ('{"name": "bob", "quota_octets": true}', "it must be a whole number"),
    ('{"name": "bob", "login": "maybe"}', "one of password, certificate, either, both"),
    ('{"name": "bob", "valid_until": "2030-01-31"}', "a time with its zone"),
    ('{"name": "bob", "networks": "10.0.0.0/8"}', "a list of texts"),
    ('{"name": "bob", "certificates": [{"size": "1"}]}', "a list of fingerprints"),
    ('{"name": "bob", "certificates": ["abc"]}', "no SHA-256 fingerprint"),
    ('{"name": "bob", "plain_password": ""}', "It is refused: a password cannot be empty"),
    ('{"name": "bob", "plain_password": "a", "password": "b"}', "the only password"),
    ('{"name": "bob", "password": 7}', "password is of no use"),
    ('{"name": "bob", "password": "secret"}', "not a password hash of a known form"),
    ('{"name": "b\\u0000b"}', "cannot be a name"),
    ('{"name": "bob", "groups": ["none"]}', "There is no group 'none'."),
    ('{"name": "alice"}', "There is a user 'alice' already."),
    ('{"name": "carol"}', "'carol' is there twice."),
]


@pytest.mark.parametrize(("line", "why"), PROBLEMS, ids=lambda text: text[:40])
def test_all_or_nothing(users, line, why):
    users.add(User(name="alice", notes="before"))
    before = users.changes()
    lines = ['{"name": "carol"}', "", line, '{"name": "dave"}']
    found = users.import_many(read_json(lines))
    assert (found.added, found.replaced) == (0, 0)
    ((number, problem),) = found.problems
    assert number == 3
    assert why in problem
    assert "secret" not in problem
    assert names(users) == ["alice"]
    assert users.changes() == before


@pytest.mark.parametrize(("line", "why"), PROBLEMS, ids=lambda text: text[:40])
def test_what_is_good_can_be_kept(users, line, why):
    users.add(User(name="alice", notes="before"))
    lines = ['{"name": "carol"}', "", line, '{"name": "dave"}']
    found = users.import_many(read_json(lines), keep_good=True)
    assert (found.added, len(found.problems)) == (2, 1)
    assert names(users) == ["alice", "carol", "dave"]
    assert users.get("alice").notes == "before"


def test_users_who_are_there_can_be_replaced(users):
    users.add(User(name="alice", notes="before", certificates=(Certificate(PIN),)))
    lines = [{"name": "alice", "notes": "after"}, {"name": "bob"}]
    found = users.import_many(json_lines(*lines), replacing=True)
    assert (found.added, found.replaced) == (1, 1)
    assert users.get("alice") == User(name="alice", notes="after")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('name\n"ali', "This is no CSV"),
        ("name\nalice,x", "more cells than columns"),
        ("name,shoe\nalice,1", "'shoe' is no field"),
        ("name,upload_rate\nalice,fast", "upload_rate is 'fast'; it must be a whole number"),
        ("name,enabled\nalice,yes", "it must be true or false"),
    ],
)
def test_problems_of_csv(users, text, why):
    found = users.import_many(read_csv(text.splitlines(keepends=True)))
    ((number, problem),) = found.problems
    assert number == 2
    assert why in problem
    assert users.count() == 0


def test_lines_are_counted_where_cells_have_several(users):
    text = 'name,notes\nalice,"two\nlines"\nbob,"x",y\n'
    found = users.import_many(read_csv(text.splitlines(keepends=True)))
    assert [number for number, _ in found.problems] == [4]


def test_progress_is_told_and_batches_are_kept(users):
    told = []
    lines = ({"name": f"user{number}"} for number in range(BATCH * 2 + 1))
    found = users.import_many(
        json_lines(*lines), keep_good=True, progress=lambda *each: told.append(each)
    )
    assert found.added == users.count() == BATCH * 2 + 1
    assert told[-1] == (BATCH * 2 + 1, BATCH * 2 + 1)
    assert [stored for _, stored in told] == sorted(stored for _, stored in told)
    assert (BATCH, BATCH) in told


def test_hashes_of_other_programs_are_taken(users):
    from passlib.hash import bcrypt, pbkdf2_sha256, scrypt, sha512_crypt

    hashes = {
        "argon2id": hash_password(b"secret", Cost(64, 1)),
        "bcrypt": bcrypt.using(rounds=4).hash("secret"),
        "crypt": sha512_crypt.using(rounds=1000).hash("secret"),
        "pbkdf2": pbkdf2_sha256.using(rounds=10).hash("secret"),
        "scrypt": scrypt.using(rounds=4).hash("secret"),
    }
    lines = [{"name": name, "password": stored} for name, stored in hashes.items()]
    assert users.import_many(json_lines(*lines)).problems == []
    for name, stored in hashes.items():
        assert users.get(name).password == stored
