"""The checker of client certificates: whose they are, whose they are not, and what the log says."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from zope.interface.verify import verifyObject

from ftptls.cred import LocalRealm, X509Credentials
from ftptls.cred.fields import fingerprint
from ftptls.cred.mappers import Field, Issuer, Pins
from ftptls.cred.x509 import X509Checker
from ftptls.interfaces import IFilesystem, INeedsThreads, IX509Credentials
from ftptls.workers import InlineWorkers

from .conftest import ask, called, certificate, shown

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

ROOT, PARTNERS = called("Root"), called("Partners")
SEVERAL = certificate(
    [(NameOID.COMMON_NAME, "Alice Example"), (NameOID.USER_ID, "a17")],
    [x509.RFC822Name("alice@example.org"), x509.RFC822Name("a@example.com"),
     x509.DNSName("alice.example.org")],
)  # fmt: skip


def by(*kinds: str, **more) -> X509Checker:
    return X509Checker([Field(kind) for kind in kinds], **more)


def test_it_is_a_checker():
    checker = by("cn")
    assert verifyObject(ICredentialsChecker, checker)
    assert verifyObject(INeedsThreads, checker)
    assert verifyObject(IX509Credentials, shown("alice", SEVERAL))


@pytest.mark.parametrize(
    ("kinds", "name", "fits"),
    [
        (["cn"], "Alice Example", True),
        (["cn"], "alice example", False),
        (["cn"], "Alice", False),
        (["uid"], "a17", True),
        (["email"], "alice@example.org", True),
        (["email"], "a@example.com", True),
        (["email"], "alice@EXAMPLE.org", False),
        (["email"], "alice", False),
        (["dns"], "alice.example.org", True),
        (["uri"], "alice.example.org", False),
        (["uri", "dns"], "alice.example.org", True),
        (["dns", "uid", "cn"], "a17", True),
        (["dns", "uid", "cn"], "mallory", False),
        (["cn"], "", False),
    ],
)
def test_the_name_must_be_one_of_the_certificates(kinds, name, fits):
    assert ask(by(*kinds), shown(name, SEVERAL)) == (name.encode() if fits else None)


class Listed:
    """A mapper that says what it was told, and remembers whether it was asked."""

    def __init__(self, *names: str) -> None:
        self._names, self.asked = names, 0

    def names(self, certificate):
        self.asked += 1
        return self._names


def test_mappers_are_asked_in_their_order_until_one_has_the_name():
    first, second, third = Listed("alice"), Listed("bob"), Listed("carol")
    checker = X509Checker([first, second, third])
    assert ask(checker, shown("bob", SEVERAL)) == b"bob"
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


def test_a_wrong_name_is_logged_with_both(log):
    assert ask(by("uid", "email"), shown("mallory", SEVERAL)) is None
    (event,) = log.events
    for part in ("192.0.2.1", "refused for 'mallory'", f"SHA-256 {'ab' * 32}",
                 "is for 'a17', 'alice@example.org', 'a@example.com'"):  # fmt: skip
        assert part in event["text"]


def test_a_right_name_is_logged_by_nobody_here(log):
    assert ask(by("uid"), shown("a17", SEVERAL)) == b"a17"
    assert log.events == []


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (called("alice\0.evil"), "is for nobody; cn: there is a NUL in it"),
        (called("alice", "alice"), "is for nobody; there is more than one cn"),
        (called("\u0430lice"), "is for nobody; cn: a word in it mixes scripts"),
        (called("alice\n"), "is for nobody; cn: there are characters in it that cannot be seen"),
        (certificate(), "is for nobody; the subject is empty"),
        (certificate([(NameOID.USER_ID, "alice")]), "is for nobody"),
    ],
    ids=["NUL", "two", "script", "lines", "empty", "none"],
)
def test_a_hostile_certificate_is_nobodys_and_the_log_says_why(log, certificate, reason):
    for name in ("alice", "alice\0.evil", "\u0430lice", "alice\n", ""):
        assert ask(by("cn"), shown(name, certificate)) is None
    assert all(reason in event["text"] for event in log.events)
    assert len(log.events) == 5
    assert "\0" not in log.text
    assert log.text.isascii()


def test_an_objection_to_one_field_is_no_matter_to_another():
    two = certificate(
        [(NameOID.COMMON_NAME, "alice"), (NameOID.COMMON_NAME, "bob")], [x509.RFC822Name("alice")]
    )
    assert ask(by("cn"), shown("alice", two)) is None
    assert ask(by("cn", "email"), shown("alice", two)) == b"alice"


def test_what_looks_like_a_name_is_another(log):
    """Wholly Cyrillic: nothing is mixed, and yet it looks like the Latin name."""
    cyrillic = "\u0430\u0441\u0435"  # looks like "ace"
    assert ask(by("cn"), shown("ace", called(cyrillic))) is None
    assert r"refused for 'ace'" in log.text
    assert r"is for '\u0430\u0441\u0435'" in log.text
    assert ask(by("cn"), shown(cyrillic, called(cyrillic))) == cyrillic.encode()


def test_one_form_of_a_name_is_not_the_other():
    composed, decomposed = "j\u00fcrgen", "ju\u0308rgen"
    assert ask(by("cn"), shown(composed, called(composed))) == composed.encode()
    assert ask(by("cn"), shown(decomposed, called(composed))) is None
    assert ask(by("cn"), shown(decomposed, called(decomposed))) is None


def test_octets_that_are_no_text_are_nobodys(log):
    credentials = shown("", called("alice"))
    hostile = X509Credentials(b"alice\xff", credentials.chain, "192.0.2.1", "", credentials.tls)
    assert ask(by("cn"), hostile) is None
    assert r"refused for 'alice\udcff'" in log.text


@pytest.mark.parametrize("name", ["anonymous", "ftp", "FTP", "Anonymous"])
def test_a_certificate_makes_nobody_anonymous(log, name):
    assert ask(by("cn"), shown(name, called(name))) is None
    assert "this name is nobody's" in log.text


def test_only_below_an_issuer(log):
    below, beside = [called("alice"), PARTNERS, ROOT], [called("alice"), called("Other"), ROOT]
    for issuer in (Issuer("CN=Partners"), Issuer(fingerprint(PARTNERS).hex())):
        checker = by("cn", issuers=[Issuer("CN=Elsewhere"), issuer])
        assert ask(checker, shown("alice", *below)) == b"alice"
        assert ask(checker, shown("alice", *beside)) is None
        assert ask(checker, shown("alice", called("alice"))) is None
    assert "is for nobody; it is not below the issuers that are accepted" in log.text
    assert ask(by("cn", issuers=[Issuer("CN=Root")]), shown("alice", *beside)) == b"alice"


def test_a_pin_for_rollover(tmp_path):
    old, new = called("alice"), called("Alice Example")
    file = tmp_path / "pins"
    file.write_text(f"alice: {fingerprint(old).hex()} {fingerprint(new).hex()}\n")
    checker = X509Checker([Pins(str(file))])
    assert ask(checker, shown("alice", old)) == ask(checker, shown("alice", new)) == b"alice"
    file.write_text(f"alice: {fingerprint(new).hex()}\n")
    assert ask(checker, shown("alice", old)) is None
    assert ask(checker, shown("alice", new)) == b"alice"


def test_a_long_list_of_names_is_told_in_part(log):
    many = certificate(alternatives=[x509.DNSName(f"h{at}.example") for at in range(100)])
    assert ask(by("dns"), shown("mallory", many)) is None
    assert "'h7.example'" in log.text
    assert "'h8.example'" not in log.text


def test_it_works_on_the_threads_it_is_given():
    class Threads(InlineWorkers):
        ran = 0

        async def run(self, call, *args):
            self.ran += 1
            return await super().run(call, *args)

    threads, checker = Threads(), by("cn")
    checker.use(None, threads)
    assert ask(checker, shown("alice", called("alice"))) == b"alice"
    assert threads.ran == 1


def test_any_portal_will_do(tmp_path):
    portal = Portal(LocalRealm(str(tmp_path), InlineWorkers()), [by("cn")])
    entered: list[object] = []
    portal.login(shown("alice", called("alice")), None, IFilesystem).addBoth(entered.append)
    assert IFilesystem.providedBy(entered[0][1])
    portal.login(shown("bob", called("alice")), None, IFilesystem).addBoth(entered.append)
    assert entered[1].check(UnauthorizedLogin)


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=2))
def test_only_the_one_name_of_a_certificate_lets_in(name, names):
    found = ask(by("cn"), shown(name.encode("utf-8", "replace").decode(), called(*names)))
    if found is not None:
        assert names == [found.decode()]
