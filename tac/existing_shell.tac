"""Avatars of ``twisted.protocols.ftp`` behind TLS: run ``twistd -ny tac/existing_shell.tac``.

The portal is one for Twisted's own FTP server, as it is: each user has a folder of his name.

Taken from the environment, each with a default:

FTPTLS_ROOT         folder of the home folders (./public)
FTPTLS_CERTIFICATE  PEM file (.state/certificate.pem, which `make serve` makes)
FTPTLS_KEY          PEM file (.state/key.pem)
FTPTLS_PORT         TCP port (2121)
FTPTLS_AUTH         file of names and passwords (./passwords), a line for each: alice:secret
"""

from __future__ import annotations

from os import environ

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.cred.checkers import FilePasswordDB
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.protocols.ftp import FTPRealm

from ftptls import FTPFactory, ServerContext

root = environ.get("FTPTLS_ROOT", "public")
checker = FilePasswordDB(environ.get("FTPTLS_AUTH", "passwords"))
portal = Portal(FTPRealm(anonymousRoot=root, userHome=root), [checker])  # nobody is anonymous
certificate = environ.get("FTPTLS_CERTIFICATE", ".state/certificate.pem")
tls = ServerContext.from_files(certificate, environ.get("FTPTLS_KEY", ".state/key.pem"))
endpoint = serverFromString(reactor, f"tcp:{environ.get('FTPTLS_PORT', '2121')}")
application = Application("ftptls")
service = StreamServerEndpointService(endpoint, FTPFactory(reactor, portal, tls))
service.setServiceParent(application)
