"""A checker and a realm of one's own: run it with ``twistd -ny tac/own_realm.tac``.

People of known companies log in by their certificates, with an e-mail address that is in
there as the name in USER. Those of one company share one folder.

Taken from the environment, each with a default:

FTPTLS_ROOT         folder of the companies' folders (./public)
FTPTLS_CERTIFICATE  PEM file (.state/certificate.pem, which `make serve` makes)
FTPTLS_KEY          PEM file (.state/key.pem)
FTPTLS_AUTHORITIES  PEM file of who vouches for clients (ca/ca.pem, which `ftptls ca new` makes)
FTPTLS_PORT         TCP port (2121)
"""

from __future__ import annotations

from os import environ
from pathlib import Path
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from ftptls import FTPFactory, ServerContext, Settings, Workers
from ftptls.cred.fields import UnusableError, field
from ftptls.interfaces import IFilesystem, IX509Credentials
from ftptls.settings import TLS, ClientCertificate, ClientCertificates, LoginMode, Policy
from ftptls.vfs.local import LocalFilesystem

COMPANIES = {"acme.example": "acme", "initech.example": "initech"}
ROOT = Path(environ.get("FTPTLS_ROOT", "public"))


@implementer(ICredentialsChecker)
class ByMailbox:
    """Lets in who has the e-mail address of USER in his certificate."""

    credentialInterfaces = (IX509Credentials,)

    def requestAvatarId(self, credentials: Any) -> Any:
        """The address; at once, or by a Deferred if one has to ask somebody."""
        try:
            mailboxes = field("email")(credentials.certificate)
        except UnusableError:
            raise UnauthorizedLogin from None
        if credentials.username not in [each.encode() for each in mailboxes]:
            raise UnauthorizedLogin
        return credentials.username


@implementer(IRealm)
class Companies:
    """Gives the people of each company its folder."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        for folder in COMPANIES.values():
            (ROOT / folder).mkdir(exist_ok=True)

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:  # noqa: N803
        """Interface, filesystem, and what is called when the session ends."""
        company = COMPANIES.get(avatarId.decode().rpartition("@")[2])
        if company is None:
            raise UnauthorizedLogin
        return IFilesystem, LocalFilesystem(str(ROOT / company), self._workers), lambda: None


settings = Settings(
    tls=TLS(
        certificate=(environ.get("FTPTLS_CERTIFICATE", ".state/certificate.pem"),),
        key=(environ.get("FTPTLS_KEY", ".state/key.pem"),),
    ),
    client_certificates=ClientCertificates(
        ClientCertificate.REQUIRED, (environ.get("FTPTLS_AUTHORITIES", "ca/ca.pem"),)
    ),
    policy=Policy(login=LoginMode.CERTIFICATE),
)
workers = Workers(reactor)
portal = Portal(Companies(workers), [ByMailbox()])
factory = FTPFactory(
    reactor, portal, ServerContext.from_settings(settings), settings, workers=workers
)
endpoint = serverFromString(reactor, f"tcp:{environ.get('FTPTLS_PORT', '2121')}")
application = Application("ftptls")
StreamServerEndpointService(endpoint, factory).setServiceParent(application)
