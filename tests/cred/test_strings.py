"""``--auth`` and its kinds: what is made of each, and what is wrong with it, in a sentence."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import (
    ICheckerFactory,
    InvalidAuthArgumentString,
    InvalidAuthType,
    findCheckerFactories,
)
from zope.interface.verify import verifyObject

from ftptls.cred import make_checker
from ftptls.cred.fields import fingerprint, key_fingerprint
from ftptls.cred.strings import AuthStringError
from ftptls.interfaces import ICertificateAndPassword, IX509Credentials
from tests.conftest import CHECKOUT

from .conftest import ask, called, certificate, shown

OURS = ("htpasswd", "pam", "sqlite", "store", "x509")
STORED = {IUsernamePassword, IX509Credentials, ICertificateAndPassword}
ALICE = certificate(
    [(NameOID.COMMON_NAME, "alice"), (NameOID.TITLE, "clerk")],
    [x509.RFC822Name("a@example.org"), x509.UniformResourceIdentifier("spiffe://example/alice")],
)
ROOT = called("Root")


def factories() -> dict[str, ICheckerFactory]:
    return {each.authType: each for each in findCheckerFactories()}


def test_all_kinds_are_found_beside_twisteds_own():
    assert {*OURS, "anonymous", "file", "memory", "unix"} <= set(factories())


@pytest.mark.parametrize("kind", OURS)
def test_each_kind_says_how_it_is_written(kind):
    factory = factories()[kind]
    assert verifyObject(ICheckerFactory, factory)
    assert f"Example: {kind}:" in factory.authHelp
    assert max(map(len, factory.authHelp.splitlines())) <= 80
    assert "\n" not in factory.argStringFormat


def test_what_they_check():
    looked_at = {kind: set(factories()[kind].credentialInterfaces) for kind in OURS}
    assert looked_at["x509"] == {IX509Credentials}
    assert looked_at["htpasswd"] == looked_at["pam"] == {IUsernamePassword}
    assert looked_at["sqlite"] == looked_at["store"] == STORED


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("cn", ["alice"]),
        ("CN", ["alice"]),
        ("2.5.4.12", ["clerk"]),
        ("cn:email", ["alice", "a@example.org"]),
        ("email:cn", ["alice", "a@example.org"]),
        ("uri", ["spiffe://example/alice"]),
        ("cn:issuer=CN=Root", ["alice"]),
        ("issuer=CN=Other:cn:issuer=CN=Root", ["alice"]),
        ("cn:issuer=CN=Other", []),
        pytest.param(f"cn:issuer={fingerprint(ROOT).hex()}", ["alice"], id="issuer's pin"),
        ("uid", []),
        ("pins=%(pins)s", ["pinned"]),
        ("subjects=%(subjects)s", ["whole"]),
        ("map=%(map)s", ["svc-alice"]),
        ("pins=%(pins)s:map=%(map)s:cn", ["pinned", "svc-alice", "alice"]),
    ],
)
def test_x509(tmp_path, argument, names):
    files = {each: tmp_path / f"{each}: a file" for each in ("pins", "subjects", "map")}
    files["pins"].write_text(f"pinned: key:{key_fingerprint(ALICE).hex()}\n")
    files["subjects"].write_text("whole: title=clerk,CN=alice\n")
    files["map"].write_text("uri /spiffe:.*example.(\\w+)/ svc-\\1\n")
    written = {kind: str(path).replace(":", "\\:") for kind, path in files.items()}
    checker = make_checker(f"x509:{argument % written}")
    everybody = ["alice", "clerk", "a@example.org", "spiffe://example/alice", "pinned", "whole",
                 "svc-alice", "mallory"]  # fmt: skip
    let_in = [each for each in everybody if ask(checker, shown(each, ALICE, ROOT))]
    assert sorted(let_in) == sorted(names)


def test_a_backslash_of_rfc_4514_stays():
    comma = called("Partners, Inc")
    checker = make_checker(r"x509:cn:issuer=CN=Partners\, Inc")
    assert ask(checker, shown("alice", ALICE, comma)) == b"alice"
    assert ask(checker, shown("alice", ALICE, ROOT)) is None


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("x509", "it needs MAPPER.* behind the colon"),
        ("x509:", "it needs MAPPER.* behind the colon"),
        ("x509:zork", "zork cannot be used: 'zork' is no field of a certificate: there are dn, cn"),
        ("x509:cn:zork=1", "zork=1 cannot be used: there are only pins, subjects, map and issuer"),
        ("x509:issuer=CN=Root", "it does not say how a certificate is mapped to a user; write"),
        ("x509::", "it does not say how a certificate is mapped to a user; write"),
        ("x509:pins=", "there is nothing behind pins="),
        ("x509:cn:issuer=", "there is nothing behind issuer="),
        ("x509:cn:issuer=Root", "issuer=Root cannot be used: 'Root' is no distinguished name"),
        ("x509:cn:issuer=AB:CD", "issuer=AB cannot be used: .* and no SHA-256 fingerprint"),
        ("x509:pins=/nowhere/pins", "cannot read /nowhere/pins: No such file or directory"),
        ("x509:map=/", "cannot read /: Is a directory"),
        ("x509:subjects=/\0", "cannot be used: embedded null byte"),
        ("htpasswd", "it needs FILE behind the colon"),
        ("htpasswd:/nowhere/users", "cannot read /nowhere/users: No such file or directory"),
        ("pam:", "it needs SERVICE behind the colon"),
        ("sqlite:", "it needs FILE behind the colon"),
        ("sqlite:/nowhere/users.db", "/nowhere/users.db: No such file or directory"),
        ("store:", "it needs URL behind the colon"),
        ("store:mysql://alice:zebra@db/users", "A user store is sqlite:.* or postgresql:"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(description, sentence):
    with pytest.raises(AuthStringError, match=sentence) as caught:
        make_checker(description)
    text = str(caught.value)
    assert text.endswith(".")
    assert not text.endswith("..")
    assert "\n" not in text
    assert "zebra" not in text
    assert isinstance(caught.value, InvalidAuthArgumentString)


def test_a_wrong_file_is_told_with_its_line(tmp_path):
    file = tmp_path / "pins"
    file.write_text("# partners\nalice: 1234\n")
    with pytest.raises(AuthStringError, match=r"pins cannot be used: line 2: there is something"):
        make_checker(f"x509:pins={file}")


def test_there_is_no_other_kind():
    with pytest.raises(InvalidAuthType):
        make_checker("x508:cn")


# An installation that lacks the libraries of an extra.
LACKING = """
import sys
import textwrap
for name in {names}:
    sys.modules[name] = None
from ftptls.cred import make_checker
from ftptls.cred.strings import AuthStringError
try:
    make_checker(sys.argv[1])
except AuthStringError as error:
    print(error)
"""


def run(program: str, argument: str) -> str:
    """What another Python says."""
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("description", "names", "extra"),
    [
        ("x509:map=%s/file", ["re2"], "maps"),
        ("htpasswd:%s/file", ["passlib", "argon2"], "passwords"),
        ("pam:login", ["pamela"], "pam"),
        ("sqlite:%s/file", ["sqlalchemy"], "store"),
        ("store:sqlite:%s/file", ["alembic", "sqlalchemy"], "store"),
        ("store:postgresql://localhost/users", ["psycopg"], "postgresql"),
    ],
)
def test_a_missing_extra_is_one_sentence(tmp_path, description, names, extra):
    (tmp_path / "file").write_text("alice:$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA\n")
    said = run(LACKING.format(names=names), description.replace("%s", str(tmp_path)))
    (line,) = said.splitlines()
    assert line.endswith(f"install the extra: pip install 'ftptls[{extra}]'.")


def test_certificates_need_no_extra():
    everything = ["re2", "passlib", "argon2", "pamela", "sqlalchemy", "alembic", "psycopg"]
    assert run(LACKING.format(names=everything) + "print('made')", "x509:cn") == "made\n"


def test_the_files_in_the_guide_can_be_read(tmp_path):
    text = (CHECKOUT / "docs" / "howto" / "certificate-logins.rst").read_text()
    for kind in ("Pins", "Subjects", "Map files"):
        (block,) = re.findall(rf"^{kind}\n~+\n\n::\n\n((?:   .*\n)+)", text, re.MULTILINE)
        file = tmp_path / kind
        file.write_text(textwrap.dedent(block))
        assert make_checker(f"x509:{kind.split()[0].lower()}={file}")
