"""The register: what others call a capability, and what it is called here.

``tests/test_register.py`` proves that every setting that is named exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftptls_reference import Generated, prose
from sphinx.application import Sphinx


@dataclass(frozen=True, slots=True)
class Row:
    """One capability.

    Attributes:
        name: What it is called there.
        answer: What it is here: settings in backticks, or ``always``, ``not offered: why``
            or ``not yet``.
    """

    name: str
    answer: str


TLS_REQUIRED: Mapping[str, Mapping[str, str]] = {
    "off": {"login_protection": "optional", "data_protection": "optional"},
    "on": {"control_protection": "required"},
    "ctrl": {"control_protection": "required", "data_protection": "optional"},
    "data": {"login_protection": "optional", "data_protection": "required"},
    "!data": {"login_protection": "optional", "data_protection": "forbidden"},
    "auth": {"data_protection": "optional"},
    "auth+data": {},
    "auth+!data": {"data_protection": "forbidden"},
    "ctrl+data": {"control_protection": "required"},
    "ctrl+!data": {"control_protection": "required", "data_protection": "forbidden"},
}
"""What differs from the defaults, in ``[policy]``, for each value of TLSRequired."""


def _required(value: str, policy: Mapping[str, str]) -> Row:
    settings = ", ".join(f'`policy.{name} = "{word}"`' for name, word in policy.items())
    return Row(f"TLSRequired {value}", settings or "the defaults of `[policy]`")


DIRECTIVES = (
    Row(
        "TLSCACertificateFile",
        "`client_certificates.authorities`, for clients alone. The server's own chain comes from "
        "`tls.certificate`",
    ),
    Row("TLSCACertificatePath", "`client_certificates.authorities`, which takes folders, too"),
    Row("TLSCARevocationFile", "`revocation.crls`"),
    Row("TLSCARevocationPath", "`revocation.crls`, which takes folders, too"),
    Row("TLSCertificateChainFile", "`tls.certificate`: the chain stands behind the certificate"),
    Row("TLSCipherSuite", "`tls.profile`, `tls.ciphers` and `tls.suites`"),
    Row("TLSControlsACLs", "not offered: AUTH, PBSZ, PROT and CCC are matters of `[policy]`"),
    Row("TLSCryptoDevice", "not offered: OpenSSL's own configuration chooses providers"),
    Row("TLSDHParamFile", "not offered: key exchange is by elliptic curves"),
    Row("TLSDSACertificateFile", "not offered: DSA is no longer a part of TLS"),
    Row("TLSDSACertificateKeyFile", "not offered: DSA is no longer a part of TLS"),
    Row("TLSECCertificateFile", "`tls.certificate`, beside an RSA one if there is one"),
    Row("TLSECCertificateKeyFile", "`tls.key`"),
    Row("TLSECDHCurve", "not offered: OpenSSL's own configuration chooses groups (`Groups`)"),
    Row("TLSEngine", "`tls.certificate`: with one there is TLS"),
    Row("TLSLog", "always: a line in the log for each handshake; see :doc:`/howto/diagnosis`"),
    Row("TLSMasqueradeAddress", "`passive.masquerade`, the same under TLS"),
    Row("TLSNextProtocol", "always: ALPN `ftp` is accepted, and other protocols are refused"),
    Row("TLSOptions AllowClientRenegotiations", "not offered: renegotiation is never safe"),
    Row(
        "TLSOptions AllowDotLogin",
        "`policy.login`, with `--auth x509:pins=FILE`, a file of the server and not of the user",
    ),
    Row(
        "TLSOptions AllowPerUser",
        "`[[rules]]`, which choose by name before a password is sent; and avatars",
    ),
    Row("TLSOptions AllowWeakDH", "not offered: key exchange is by elliptic curves"),
    Row("TLSOptions AllowWeakSecurity", '`tls.profile = "legacy"`'),
    Row("TLSOptions CommonNameRequired", "not offered: a client is not its host's name"),
    Row("TLSOptions EnableDiags", "always: each failure is told with its cause and remedy"),
    Row("TLSOptions ExportCertData", "not yet: commands that run behind an upload"),
    Row("TLSOptions IgnoreSNI", "always, unless there are `[[hosts]]` or `tls.strict_sni`"),
    Row("TLSOptions NoAutoECDH", "not offered: OpenSSL chooses among its groups"),
    Row("TLSOptions NoCertRequest", '`client_certificates.mode = "none"`, which is the default'),
    Row("TLSOptions NoEmptyFragments", "not offered: it is about ciphers of SSL 3.0 and TLS 1.0"),
    Row(
        "TLSOptions NoSessionReuseRequired",
        '`policy.session_reuse = "prefer"`, which is the default, or `"off"`',
    ),
    Row("TLSOptions StdEnvVars", "not yet: commands that run behind an upload"),
    Row("TLSOptions UseImplicitSSL", "`listen.implicit`"),
    Row("TLSOptions dNSNameRequired", "not offered: a client is not its host's name"),
    Row("TLSOptions iPAddressRequired", "not offered: a client is not its host's address"),
    Row("TLSPassPhraseProvider", "`tls.passphrase_program`"),
    Row("TLSPKCS12File", "`tls.certificate`, which takes PKCS#12, too"),
    Row("TLSPreSharedKey", "not offered: pyOpenSSL has no pre-shared keys"),
    Row("TLSProtocol", "`tls.profile`, `tls.minimum_version` and `tls.maximum_version`"),
    Row("TLSRandomSeed", "not offered: the kernel seeds OpenSSL"),
    Row("TLSRenegotiate", "not offered: sessions are good for seven days, and never renegotiate"),
    *(_required(value, policy) for value, policy in TLS_REQUIRED.items()),
    Row("TLSRSACertificateFile", "`tls.certificate`"),
    Row("TLSRSACertificateKeyFile", "`tls.key`"),
    Row("TLSServerCipherPreference", "always"),
    Row("TLSServerInfoFile", "not offered: no client of FTP asks for it"),
    Row("TLSSessionCache", "always: sessions are in tickets, of one control connection each"),
    Row("TLSSessionTickets", "always"),
    Row("TLSSessionTicketKeys", "not offered: each control connection has keys of its own"),
    Row("TLSStapling", "`revocation.staple`"),
    Row("TLSStaplingCache", "always, in memory, for as long as an answer is good"),
    Row("TLSStaplingOptions", "not offered: an answer that cannot be had is left out"),
    Row("TLSStaplingResponder", "`revocation.staple_file`, or the responder in the certificate"),
    Row("TLSStaplingTimeout", "`revocation.ocsp_timeout`"),
    Row("TLSTimeoutHandshake", "`limits.handshake_timeout`"),
    Row(
        "TLSUserName",
        "`policy.login`, with `--auth x509:cn`, `x509:email` or an OID; see "
        ":doc:`/howto/certificate-logins`",
    ),
    Row("TLSVerifyClient", "`client_certificates.mode`"),
    Row("TLSVerifyDepth", "`client_certificates.depth`"),
    Row("TLSVerifyOrder", "`revocation.crls` and `revocation.ocsp`: both count where both are set"),
    Row("TLSVerifyServer", "always, in copies: `fxp.authorities`, `fxp.names` and `fxp.pins`"),
)
"""Every directive of mod_tls."""

FORD_HUTCHINSON = (
    Row("SSL connect", "`listen.implicit`"),
    Row("AUTH SSL", "always, where there is a certificate: data connections are then private"),
    Row("AUTH TLS", "always, where there is a certificate; AUTH TLS-C and TLS-P, too"),
    Row("234 or 334 to AUTH SSL", "always 234"),
    Row("X.509 client authentication: optional", '`client_certificates.mode = "optional"`'),
    Row("X.509 client authentication: required", '`client_certificates.mode = "required"`'),
    Row(
        "X.509 client authentication: maps to a user",
        "`policy.login`, with `--auth x509:cn`, for example; see :doc:`/howto/certificate-logins`",
    ),
    Row(
        "X.509 client authentication: extra mapping",
        "`policy.login`, with `x509:map=FILE`, `x509:subjects=FILE` or `x509:pins=FILE`",
    ),
    Row("X.509 client authentication per host", "`[[hosts]]`"),
    Row("CCC", "`policy.ccc`"),
    Row("Encryption of data connections", "`policy.data_protection`"),
    Row("Libraries", "always OpenSSL, by way of pyOpenSSL and cryptography"),
    Row("Platforms", "always Linux, with Python 3.11 or newer"),
    Row("Kind: server", "always; see :doc:`/tutorial`"),
    Row("Kind: client", "not yet: ``ftptls tls-check`` is the only one"),
    Row("Kind: library", "always; see :doc:`/howto/embedding`"),
    Row("Kind: client proxy", "not yet"),
    Row("Kind: server proxy", "not yet"),
    Row("SFTP (over SSH), too", "not yet"),
)
"""The columns of Ford-Hutchinson's register of FTP with TLS (2006), and its kinds."""


class Register(Generated):
    """One of the tables, by its name."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        table = {"mod_tls": DIRECTIVES, "ford_hutchinson": FORD_HUTCHINSON}[self.arguments[0]]
        yield from (".. list-table::", "   :header-rows: 1", "   :widths: 40 60", "")
        yield from ("   * - There", "     - Here")
        for row in table:
            yield f"   * - {row.name}"
            yield f"     - {shown(row.answer)}"


def shown(answer: str) -> str:
    """An answer as reStructuredText; roles and literals stay as they are."""
    return answer if "``" in answer or ":doc:" in answer else prose(answer)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-register", Register)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
