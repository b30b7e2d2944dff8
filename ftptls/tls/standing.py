"""Whether a client's certificate still stands, by OCSP: the policy, and a bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from twisted.internet.defer import Deferred

from ftptls.settings import OCSP
from ftptls.tls.ocsp import Answer, OCSPError, Standing

if TYPE_CHECKING:
    from ftptls.tls.responder import Responders

# Some hundred octets each, and an answer of some thousand.
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check.

    Attributes:
        standing: What is known of the certificate, for the log.
        refusal: Why the client is refused; empty if it is not.
    """

    standing: str
    refusal: str = ""


class ClientCheck(Protocol):
    """What the control connection needs of a check."""

    def verdict(self, chain: Sequence[x509.Certificate]) -> Deferred[Verdict]:
        """What is known of a client's certificate; cancel it to stop waiting."""


class OCSPCheck:
    """Asks about client certificates, and remembers answers until their nextUpdate.

    A certificate that is revoked is refused, and so is one that the responder never heard
    of. Where there is no answer that counts, ``soft`` lets the client in and ``hard`` does
    not.

    Args:
        responders: Who is asked.
        mode: What happens without an answer.
        most: How many answers are remembered.
    """

    def __init__(
        self, responders: Responders, mode: OCSP = OCSP.HARD, most: int = _MOST_REMEMBERED
    ) -> None:
        self._responders = responders
        self._mode = mode
        self._most = most
        self._remembered: OrderedDict[bytes, Answer] = OrderedDict()

    def verdict(self, chain: Sequence[x509.Certificate]) -> Deferred[Verdict]:
        """What is known of a client's certificate; cancel it to stop waiting.

        Args:
            chain: The certificate and its issuer, and perhaps more, as OpenSSL verified them.
        """
        return Deferred.fromCoroutine(self._verdict(chain))

    async def _verdict(self, chain: Sequence[x509.Certificate]) -> Verdict:
        try:
            answer = await self._answer(chain)
        except OCSPError as error:
            standing = f"not known: {error}"
            if self._mode is OCSP.HARD:
                return Verdict(standing, "it cannot be found out whether it was revoked")
            return Verdict(standing)
        known = " ".join(filter(None, (answer.standing.value, answer.detail)))
        match answer.standing:
            case Standing.GOOD:
                return Verdict(known)
            case Standing.REVOKED:
                return Verdict(known, "it is revoked")
            case Standing.UNKNOWN:
                return Verdict(known, "its authority does not know it")

    async def _answer(self, chain: Sequence[x509.Certificate]) -> Answer:
        if len(chain) < 2:
            raise OCSPError("its issuer is not known")
        certificate, issuer = chain[:2]
        key = certificate.fingerprint(hashes.SHA256())
        remembered = self._remembered.get(key)
        if remembered is not None and remembered.counts(self._responders.now()):
            self._remembered.move_to_end(key)
            return remembered
        self._remembered.pop(key, None)
        answer = await self._responders.ask(certificate, issuer)
        if answer.next_update is not None:
            self._remembered[key] = answer
            while len(self._remembered) > self._most:
                self._remembered.popitem(last=False)
        return answer
