"""Password hashes: our own, and those of other programs."""

from __future__ import annotations

import builtins
import subprocess

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import (
    django_pbkdf2_sha256,
    pbkdf2_sha1,
    pbkdf2_sha256,
    pbkdf2_sha512,
    scrypt,
)

from ftptls.cred import passwords
from ftptls.cred.passwords import (
    DUMMY,
    LONGEST,
    Cost,
    HashError,
    PasswordError,
    Verified,
    check_hash,
    hash_password,
    verify,
)
from ftptls.errors import MissingExtraError

CHEAP = Cost(memory=64, passes=1)
WORD = "correct horse Zürich"
PASSWORD = WORD.encode()

# As their own standards and manuals print them.
VECTORS = [
    # The text about SHA-crypt of Ulrich Drepper, which defines it.
    (
        b"Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJu"
        "esI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (b"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        b"Hello world!",
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSn"
        "CM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    ),
    # Those of OpenWall's crypt_blowfish.
    (b"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (b"U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (b"U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    # Argon2's own tests.
    (
        b"password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    # The documents of Passlib and Django.
    (
        b"password",
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
    ),
]


def openssl(form: str) -> str:
    run = ["openssl", "passwd", form, "-stdin"]
    return (
        subprocess.run(run, input=PASSWORD, stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )


def htpasswd(*flags: str) -> str:
    run = ["htpasswd", "-n", "-i", *flags, "alice"]
    made = subprocess.run(run, input=PASSWORD, capture_output=True, check=True)
    return made.stdout.decode().strip().partition(":")[2]


OTHERS = {
    "openssl -6": lambda: openssl("-6"),
    "openssl -5": lambda: openssl("-5"),
    "openssl -1": lambda: openssl("-1"),
    "openssl -apr1": lambda: openssl("-apr1"),
    "htpasswd -B": lambda: htpasswd("-B", "-C", "5"),
    "htpasswd -m": lambda: htpasswd("-m"),
    "htpasswd -2": lambda: htpasswd("-2"),
    "htpasswd -5": lambda: htpasswd("-5"),
    "scrypt": lambda: scrypt.using(rounds=4).hash(PASSWORD),
    "pbkdf2": lambda: pbkdf2_sha1.using(rounds=10).hash(PASSWORD),
    "pbkdf2-sha256": lambda: pbkdf2_sha256.using(rounds=10).hash(PASSWORD),
    "pbkdf2-sha512": lambda: pbkdf2_sha512.using(rounds=10).hash(PASSWORD),
    "django": lambda: django_pbkdf2_sha256.using(rounds=10).hash(PASSWORD),
}
MD5 = {"openssl -1", "openssl -apr1", "htpasswd -m"}


def test_a_new_hash_is_argon2id_of_the_stated_cost() -> None:
    stored = hash_password(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify(PASSWORD, stored) == Verified(ok=True)
    assert verify(PASSWORD + b"!", stored) == Verified(ok=False)
    assert hash_password(PASSWORD) != stored  # a salt of its own


@pytest.mark.parametrize(("password", "stored"), VECTORS, ids=[each[1][:12] for each in VECTORS])
def test_published_hashes(password: bytes, stored: str) -> None:
    assert check_hash(stored) == ""
    assert verify(password, stored, CHEAP).ok
    assert not verify(password.swapcase(), stored, CHEAP).ok


@pytest.mark.parametrize("maker", OTHERS)
def test_hashes_of_other_programs_are_verified_and_upgraded(maker: str) -> None:
    stored = OTHERS[maker]()
    assert ("MD5" in check_hash(stored)) is (maker in MD5)
    assert verify(b"wrong", stored, CHEAP) == Verified(ok=False)
    found = verify(PASSWORD, stored, CHEAP)
    assert found.ok
    assert found.upgraded is not None
    assert found.upgraded.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert verify(PASSWORD, found.upgraded, CHEAP) == Verified(ok=True)


def test_no_hash_is_made_that_nobody_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password(b"wonderland", Cost(memory=64, passes=1))
    monkeypatch.setattr(passwords, "hash_password", lambda *_: pytest.fail("made"))
    assert verify(b"wonderland", stored, upgrade=False) == Verified(ok=True)


def test_a_hash_of_less_work_is_upgraded_and_one_of_more_is_kept() -> None:
    stored = hash_password(PASSWORD, CHEAP)
    assert verify(PASSWORD, stored, Cost(memory=128, passes=1)).upgraded is not None
    assert verify(PASSWORD, stored, Cost(memory=32, passes=2)) == Verified(ok=True)
    assert verify(PASSWORD, stored, Cost(memory=32, passes=1)) == Verified(ok=True)


def test_bcrypt_reads_72_octets_and_its_upgrade_all() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    found = verify(b"x" * 72 + b"more", stored, CHEAP)
    assert found.upgraded is not None
    assert verify(b"x" * 72 + b"more", found.upgraded, CHEAP).ok
    assert not verify(b"x" * 72, found.upgraded, CHEAP).ok


@pytest.mark.parametrize(
    ("password", "why"),
    [
        (b"", "a password cannot be empty"),
        (b"a\0b", "a password has no NUL in it"),
        (b"\0", "a password has no NUL in it"),
        (b"x" * (LONGEST + 1), "a password has at most 1024 octets"),
    ],
)
def test_what_cannot_be_a_password_is_none(password: bytes, why: str) -> None:
    with pytest.raises(PasswordError, match=why):
        hash_password(password, CHEAP)
    for stored in (hash_password(b"a", CHEAP), OTHERS["openssl -6"]()):
        assert verify(password, stored, CHEAP) == Verified(ok=False)


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=LONGEST).filter(lambda octets: b"\0" not in octets))
def test_any_octets_are_a_password(password: bytes) -> None:
    stored = hash_password(password, CHEAP)
    assert verify(password, stored, CHEAP).ok
    assert not verify(password[:-1] + bytes([password[-1] % 255 + 1]), stored, CHEAP).ok


@pytest.mark.parametrize(
    "stored",
    ["", "!", "*", "x", DUMMY, "plain", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "rl.3StKT.4T8M", "é"],
)
def test_a_hash_of_no_known_form_lets_nobody_in(stored: str) -> None:
    for password in (b"plain", b"password", b"x", stored.encode()):
        assert verify(password, stored, CHEAP) == Verified(ok=False)
    with pytest.raises(HashError, match="not a password hash of a known form"):
        check_hash(stored)


@pytest.mark.parametrize(
    "stored",
    [
        "$6$",
        "$6$saltstring",
        "$2b$12$short",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AQ",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + "A" * 20,
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdeg",
        "pbkdf2_sha256$many$salt$hash",
        "$scrypt$ln=2,r=8,p=1$c29tZXNhbHQ",
        "$apr1$",
    ],
)
def test_a_damaged_hash_is_told(stored: str) -> None:
    with pytest.raises(HashError, match="damaged"):
        check_hash(stored)
    assert verify(b"password", stored, CHEAP) == Verified(ok=False)


@pytest.mark.parametrize(
    ("stored", "cheap", "dear"),
    [
        (VECTORS[2][1], "rounds=10000", "rounds=999999999"),
        (VECTORS[3][1], "$05$", "$31$"),
        (VECTORS[6][1], "m=65536", "m=4194304"),
        (VECTORS[6][1], "t=2", "t=1000"),
        (VECTORS[7][1], "$6400$", "$99999999$"),
        (scrypt.using(rounds=4).hash("x"), "ln=4,r=8", "ln=24,r=8"),
        (scrypt.using(rounds=4).hash("x"), "ln=4,r=8", "ln=16,r=4096"),
    ],
    ids=lambda text: text[:12],
)
def test_a_hash_that_would_take_for_ever_is_refused(stored: str, cheap: str, dear: str) -> None:
    assert cheap in stored
    assert check_hash(stored) == ""
    with pytest.raises(HashError, match="takes too long"):
        check_hash(stored.replace(cheap, dear))
    assert verify(b"password", stored.replace(cheap, dear), CHEAP) == Verified(ok=False)


@settings(deadline=None)
@given(
    st.text(max_size=80)
    | st.builds(
        "{}{}".format,
        st.sampled_from(["$6$", "$2b$04$", "$argon2id$", "$scrypt$", "pbkdf2_sha256$", "$apr1$"]),
        st.text(max_size=80),
    )
)
def test_no_text_breaks_the_check_of_a_hash(stored: str) -> None:
    try:
        check_hash(stored)
    except HashError:
        assert verify(b"x", stored, CHEAP) == Verified(ok=False)


def test_for_nobody_the_work_of_a_new_hash_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    context = passwords._context(CHEAP)
    real = context.verify

    def spy(password: bytes, stored: str) -> bool:
        verified.append(stored)
        return bool(real(password, stored))

    monkeypatch.setattr(context, "verify", spy)
    for password, stored in ((b"x", DUMMY), (b"", hash_password(b"a", CHEAP)), (b"x", "$6$")):
        verified.clear()
        assert verify(password, stored, CHEAP) == Verified(ok=False)
        assert [each.split("$")[1:4] for each in verified] == [["argon2id", "v=19", "m=64,t=1,p=1"]]


@pytest.mark.parametrize("missing", ["argon2", "bcrypt", "passlib"])
def test_a_missing_library_is_told_in_one_sentence(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def without(name: str, *args, **more):
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return load(name, *args, **more)

    passwords._context.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"^To hash passwords, .*'ftptls\[passwords\]'$"):
        hash_password(PASSWORD)
