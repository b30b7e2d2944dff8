"""Asking a real responder over HTTP: each way in which it may fail, and what is remembered."""

from __future__ import annotations

import datetime
import socket
from contextlib import ExitStack

from cryptography.x509.ocsp import OCSPCertStatus
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ftptls.settings import OCSP
from ftptls.testing.certificates import PKI
from ftptls.testing.responder import Responder, found_at
from ftptls.tls.ocsp import OCSPError, Standing
from ftptls.tls.responder import Responders, utc_now
from ftptls.tls.standing import OCSPCheck

PATIENCE = 20  # seconds, for what answers at once
HOUR = datetime.timedelta(hours=1)


class Served(TestCase):
    """A responder that listens, and a certificate that names it."""

    timeout = 60

    def setUp(self) -> None:
        self.pki = PKI()
        self.responder = Responder(self.pki.intermediate)
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.url = stack.enter_context(self.responder.serve())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        self.certificate = self.pki.issue("bob", found_at(self.url), usage=usage).certificate
        self.issuer = self.pki.intermediate.certificate
        self.responders = Responders(reactor, PATIENCE)

    def revoke(self, status: OCSPCertStatus = OCSPCertStatus.REVOKED) -> None:
        self.responder.standings[self.certificate.serial_number] = status


class TestResponders(Served):
    async def failure(self, responders: Responders | None = None) -> str:
        asked = (responders or self.responders).ask(self.certificate, self.issuer)
        error = await self.assertFailure(asked, OCSPError)
        return str(error)

    async def test_good(self):
        answer = await self.responders.ask(self.certificate, self.issuer)
        assert answer.standing is Standing.GOOD
        assert self.responder.asked == 1

    async def test_revoked(self):
        self.revoke()
        answer = await self.responders.ask(self.certificate, self.issuer)
        assert answer.standing is Standing.REVOKED

    async def test_unknown(self):
        self.revoke(OCSPCertStatus.UNKNOWN)
        answer = await self.responders.ask(self.certificate, self.issuer)
        assert answer.standing is Standing.UNKNOWN

    async def test_the_wrong_signer(self):
        self.responder.signer = self.pki.client("mallory")
        assert "not signed by" in await self.failure()

    async def test_an_expired_answer(self):
        self.responder.begins, self.responder.ends = -2 * HOUR, -HOUR
        assert "expired" in await self.failure()

    async def test_garbage(self):
        self.responder.body = b"<html>It works!</html>"
        assert await self.failure() == "what the responder sent is no OCSP answer"

    async def test_an_answer_that_never_ends(self):
        self.responder.body = bytes(1 << 20)
        assert "too long" in await self.failure()

    async def test_an_answer_that_is_cut_short(self):
        self.responder.missing = 10
        assert "cannot be asked" in await self.failure()

    async def test_status_500(self):
        self.responder.status = 500
        assert await self.failure() == (
            f"{self.url} cannot be asked: it says 500 Internal Server Error"
        )

    async def test_no_answer_in_time(self):
        self.responder.silent = True
        assert await self.failure(Responders(reactor, 0.2)) == (
            f"{self.url} does not answer within 0.2 s"
        )

    async def test_nobody_listens(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
            failure = await self.failure(Responders(reactor, PATIENCE, url))
        assert failure.startswith(f"{url} cannot be asked: Connection was refused")

    async def test_urls_that_cannot_be_asked(self):
        for url in ("https://127.0.0.1/", "ldap://127.0.0.1/", "http:///", "http://ä/", "x"):
            assert url in await self.failure(Responders(reactor, PATIENCE, url))

    async def test_a_certificate_that_names_nobody(self):
        asked = self.responders.ask(self.pki.client().certificate, self.issuer)
        error = await self.assertFailure(asked, OCSPError)
        assert str(error) == "the certificate names no responder"

    async def test_a_responder_for_all(self):
        responders = Responders(reactor, PATIENCE, self.url)
        answer = await responders.ask(self.pki.client().certificate, self.issuer)
        assert answer.standing is Standing.GOOD

    async def test_waiting_can_be_given_up(self):
        self.responder.silent = True
        asking = self.responders.ask(self.certificate, self.issuer)
        while not self.responder.asked:
            await deferLater(reactor, 0.01)
        asking.cancel()
        await self.assertFailure(asking, CancelledError)


class TestOCSPCheck(Served):
    def setUp(self) -> None:
        super().setUp()
        self.now = utc_now()
        self.responders = Responders(reactor, PATIENCE, now=lambda: self.now)
        self.check = OCSPCheck(self.responders, OCSP.HARD)
        self.chain = [self.certificate, self.issuer]

    async def test_a_good_one_is_let_in(self):
        verdict = await self.check.verdict(self.chain)
        assert (verdict.standing, verdict.refusal) == ("good", "")

    async def test_a_revoked_one_is_refused(self):
        self.revoke()
        for mode in (OCSP.SOFT, OCSP.HARD):
            verdict = await OCSPCheck(self.responders, mode).verdict(self.chain)
            assert verdict.refusal == "it is revoked"
            assert verdict.standing.startswith("revoked since 20")

    async def test_one_that_nobody_knows_is_refused(self):
        self.revoke(OCSPCertStatus.UNKNOWN)
        for mode in (OCSP.SOFT, OCSP.HARD):
            verdict = await OCSPCheck(self.responders, mode).verdict(self.chain)
            assert verdict.refusal == "its authority does not know it"

    async def test_without_an_answer_hard_refuses_and_soft_does_not(self):
        self.responder.status = 500
        hard = await self.check.verdict(self.chain)
        assert hard.refusal == "it cannot be found out whether it was revoked"
        soft = await OCSPCheck(self.responders, OCSP.SOFT).verdict(self.chain)
        assert soft.refusal == ""
        assert soft.standing == hard.standing
        assert soft.standing.endswith("it says 500 Internal Server Error")

    async def test_without_an_issuer_there_is_nobody_to_ask(self):
        verdict = await self.check.verdict(self.chain[:1])
        assert verdict.standing == "not known: its issuer is not known"
        assert verdict.refusal

    async def test_an_answer_is_remembered_until_its_next_update(self):
        for _ in range(3):
            await self.check.verdict(self.chain)
        assert self.responder.asked == 1
        self.now += 2 * HOUR
        self.responder.begins, self.responder.ends = HOUR, 3 * HOUR
        self.revoke()
        assert (await self.check.verdict(self.chain)).refusal == "it is revoked"
        assert self.responder.asked == 2

    async def test_what_is_for_the_moment_and_what_failed_is_not_remembered(self):
        self.responder.begins, self.responder.ends = HOUR * 0, None
        await self.check.verdict(self.chain)
        self.responder.status = 500
        await self.check.verdict(self.chain)
        await self.check.verdict(self.chain)
        assert self.responder.asked == 3

    async def test_only_so_many_are_remembered(self):
        check = OCSPCheck(Responders(reactor, PATIENCE, self.url), OCSP.HARD, most=2)
        chains = [[self.pki.client(name).certificate, self.issuer] for name in "abc"]
        for chain in chains:
            await check.verdict(chain)
        await check.verdict(chains[2])
        assert self.responder.asked == 3
        await check.verdict(chains[0])
        assert self.responder.asked == 4
