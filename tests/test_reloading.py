"""Revocation and stapling as settings: what is refused before anything listens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet import reactor

from ftptls.config import ConfigError
from ftptls.reloading import FTPService
from ftptls.service import make_service
from ftptls.settings import (
    OCSP,
    TLS,
    ClientCertificate,
    ClientCertificates,
    Files,
    Host,
    Listen,
    Revocation,
    Settings,
)
from ftptls.testing.certificates import PKI, pem
from ftptls.testing.responder import revocation_list


@pytest.fixture
def settings(tmp_path) -> Settings:
    pki = PKI()
    chain, key = pem(pki.server())
    (tmp_path / "server.pem").write_bytes(chain + key)
    lists = revocation_list(pki.intermediate).public_bytes(Encoding.DER)
    (tmp_path / "clients.crl").write_bytes(lists)
    (tmp_path / "root.pem").write_bytes(pki.root.certificate_pem)
    return Settings(
        auth=("memory:alice:secret",),
        listen=Listen(explicit=("tcp:0:interface=127.0.0.1",)),
        tls=TLS(str(tmp_path / "server.pem")),
        files=Files(str(tmp_path)),
    )


def asking(settings: Settings, folder) -> Settings:
    wanted = ClientCertificates(ClientCertificate.OPTIONAL, str(folder / "root.pem"))
    return replace(settings, client_certificates=wanted)


def refusal(settings: Settings, **revocation: object) -> str:
    with pytest.raises(ConfigError) as caught:
        make_service(replace(settings, revocation=Revocation(**revocation)), reactor)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_checks_of_clients_that_show_nothing(settings, tmp_path):
    crl = str(tmp_path / "clients.crl")
    assert "revocation.crls is for client certificates" in refusal(settings, crls=(crl,))
    assert "revocation.ocsp is for client certificates" in refusal(settings, ocsp=OCSP.HARD)
    one_host = replace(
        settings,
        hosts=(
            Host(
                ("partners.example.com",),
                client_certificates={
                    "mode": ClientCertificate.REQUIRED,
                    "authorities": (str(tmp_path / "root.pem"),),
                },
            ),
        ),
        revocation=Revocation(ocsp=OCSP.HARD),
    )
    assert isinstance(make_service(one_host, reactor), FTPService)


def test_lists_that_cannot_be_loaded(settings, tmp_path):
    settings = asking(settings, tmp_path)
    missing = tmp_path / "missing.crl"
    assert refusal(settings, crls=(str(missing),)) == (
        f"Cannot read {missing}: No such file or directory."
    )
    root = tmp_path / "root.pem"
    assert f"There is no whole CRL in {root}" in refusal(settings, crls=(str(root),))


def test_answers_that_cannot_be_stapled(settings, tmp_path):
    assert "names no OCSP responder" in refusal(settings, staple=True)
    root = str(tmp_path / "root.pem")
    assert "no OCSP answer" in refusal(settings, staple_file=root)
    assert "exclude each other" in refusal(settings, staple=True, staple_file=root)
