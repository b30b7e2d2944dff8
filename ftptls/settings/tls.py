"""Certificates, the TLS that is spoken, and what is wanted of clients' certificates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftptls.settings.about import setting
from ftptls.settings.choices import OCSP, ClientCertificate, Profile, Version


@dataclass(frozen=True, slots=True)
class TLS:
    """The server's certificates, and which TLS it speaks.

    A single certificate or key may be given as text instead of a tuple.
    """

    certificate: tuple[str, ...] = setting(
        (),
        "PEM file with the server's certificate, followed by its chain and perhaps its key; or "
        "a PKCS#12 file. May be repeated: one for each kind of key, such as RSA and EC. "
        "Without one, the server speaks clear text only.",
        flag="certificate",
        path=True,
    )
    key: tuple[str, ...] = setting(
        (),
        "PEM file with the private key, for each certificate in the same order; by default it "
        "is looked for in the certificate's file.",
        flag="key",
        path=True,
    )
    passphrase_program: tuple[str, ...] = setting(
        (),
        "Program with its arguments, run at the start for each encrypted key, with the path of "
        "its file as the last argument; the first line that it prints is the passphrase.",
        accepts="a program and its arguments, each in quotes",
    )
    profile: Profile = setting(
        Profile.INTERMEDIATE,
        "Which TLS is spoken: `modern` is 1.3 only, `intermediate` 1.2 and 1.3; `legacy` lets "
        "old devices in with 1.0 and weak ciphers, and is broken.",
        flag="tls-profile",
    )
    minimum_version: Version = setting(
        Version.PROFILE, "The oldest version that is spoken; by default what the profile says."
    )
    maximum_version: Version = setting(
        Version.PROFILE, "The newest version that is spoken; by default what the profile says."
    )
    ciphers: str = setting(
        "",
        "Ciphers for TLS 1.2 and older, the best first, as a list of OpenSSL's; by default "
        "what the profile says.",
        accepts='a list as "openssl ciphers" takes it',
        check=str.isascii,
    )
    suites: str = setting(
        "",
        "Cipher suites for TLS 1.3, the best first; by default what the profile says.",
        accepts='names such as "TLS_AES_256_GCM_SHA384", with colons between them',
        check=str.isascii,
    )
    fips: bool = setting(
        False, "Whether to start only if OpenSSL is in FIPS mode, with approved algorithms alone."
    )
    strict_sni: bool = setting(
        False,
        "Whether clients that name a host that is none of `[[hosts]]` in the TLS handshake are "
        "refused with `unrecognized_name`, instead of seeing the certificate above.",
    )
    reload_interval: float = setting(
        60.0,
        "Seconds between two looks at the files of certificates, keys and CRLs; what changed "
        "is loaded anew. 0 is never: then SIGHUP alone does it.",
    )
    keylog: str = setting(
        "",
        "File to which the keys of every TLS connection are written, for Wireshark "
        "(SSLKEYLOGFILE). Whoever reads it can read what was said: for finding faults only.",
        path=True,
    )

    def __post_init__(self) -> None:
        for name in ("certificate", "key", "passphrase_program"):
            given: object = getattr(self, name)
            if isinstance(given, str):
                object.__setattr__(self, name, (given,) if given else ())


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Whether clients show certificates, and who vouches for them."""

    mode: ClientCertificate = setting(
        ClientCertificate.NONE,
        "Whether a client is asked for a certificate, and refused in the handshake without one. "
        "One that is shown must be valid in any case, for TLS clients, and of an authority below.",
        flag="client-certificates",
    )
    authorities: tuple[str, ...] = setting(
        (),
        "PEM file with certificates of authorities, or folder of such files. May be repeated.",
        flag="client-authorities",
        path=True,
    )
    send_names: bool = setting(
        True,
        "Whether the names of the authorities are sent, by which clients choose among their "
        "certificates; some clients choke on many.",
    )
    depth: int = setting(
        9, "How many authorities there may be between a client's certificate and a root."
    )

    def __post_init__(self) -> None:
        given: object = self.authorities
        if isinstance(given, str):
            object.__setattr__(self, "authorities", (given,) if given else ())


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is known of certificates that were withdrawn: the clients', and the server's own."""

    crls: tuple[str, ...] = setting(
        (),
        "File with certificate revocation lists (PEM, or one in DER), or folder of such files, "
        "by which client certificates are refused. May be repeated.",
        flag="crl",
        path=True,
    )
    crl_whole_chain: bool = setting(
        False,
        "Whether every authority in a client's chain needs a CRL of its issuer, too, and not "
        "the client's certificate alone.",
    )
    ocsp: OCSP = setting(
        OCSP.OFF,
        "Whether the responder of a client certificate is asked about it before USER is "
        "answered: without an answer, `soft` lets the client in and `hard` does not.",
        flag="ocsp",
    )
    ocsp_responder: str = setting(
        "",
        "URL of the responder for all client certificates; by default, the one that each names.",
        accepts="a URL that begins with http://",
        check=lambda text: not text or re.fullmatch(r"http://[!-~]+", text) is not None,
    )
    ocsp_timeout: float = setting(5.0, "Seconds a responder has for its answer.", minimum=0.1)
    staple: bool = setting(
        False,
        "Whether the responder that the server's certificate names is asked about it, and the "
        "answer stapled to handshakes.",
        flag="staple",
    )
    staple_file: str = setting(
        "",
        "File with an OCSP answer in DER about the server's certificate, to be stapled to "
        "handshakes; something else has to renew it.",
        path=True,
    )

    def __post_init__(self) -> None:
        given: object = self.crls
        if isinstance(given, str):
            object.__setattr__(self, "crls", (given,) if given else ())
