"""FTP over explicit TLS: AUTH TLS on port 2121; run it with ``twistd -ny tac/explicit.tac``.

Taken from the environment, each with a default:

FTPTLS_ROOT         folder to serve (./public)
FTPTLS_CERTIFICATE  PEM file (.state/certificate.pem, which `make serve` makes)
FTPTLS_KEY          PEM file (.state/key.pem)
FTPTLS_PORT         TCP port (2121)
FTPTLS_AUTH         Cred string (anonymous, who may only read)
"""

from __future__ import annotations

from os import environ

from twisted.application.service import Application
from twisted.internet import reactor

from ftptls.service import make_service
from ftptls.settings import TLS, Files, Listen, Settings

settings = Settings(
    auth=(environ.get("FTPTLS_AUTH", "anonymous"),),
    files=Files(root=environ.get("FTPTLS_ROOT", "public")),
    listen=Listen(explicit=(f"tcp:{environ.get('FTPTLS_PORT', '2121')}",)),
    tls=TLS(
        certificate=(environ.get("FTPTLS_CERTIFICATE", ".state/certificate.pem"),),
        key=(environ.get("FTPTLS_KEY", ".state/key.pem"),),
    ),
)
application = Application("ftptls")
make_service(settings, reactor).setServiceParent(application)
