"""The register: it is whole, and every setting that it names exists."""

from __future__ import annotations

import importlib
import re
import sys

import pytest

from ftptls import config
from ftptls.cred import make_checker
from ftptls.settings import Policy, Requirement
from tests.conftest import CHECKOUT
from tests.server.test_policy_rules import TLS_REQUIRED

EXTENSIONS = CHECKOUT / "docs" / "_ext"

DIRECTIVES = """
CACertificateFile CACertificatePath CARevocationFile CARevocationPath CertificateChainFile
CipherSuite ControlsACLs CryptoDevice DHParamFile DSACertificateFile DSACertificateKeyFile
ECCertificateFile ECCertificateKeyFile ECDHCurve Engine Log MasqueradeAddress NextProtocol
Options PassPhraseProvider PKCS12File PreSharedKey Protocol RandomSeed Renegotiate Required
RSACertificateFile RSACertificateKeyFile ServerCipherPreference ServerInfoFile SessionCache
SessionTickets SessionTicketKeys Stapling StaplingCache StaplingOptions StaplingResponder
StaplingTimeout TimeoutHandshake UserName VerifyClient VerifyDepth VerifyOrder VerifyServer
"""

OPTIONS = """
AllowClientRenegotiations AllowDotLogin AllowPerUser AllowWeakDH AllowWeakSecurity
CommonNameRequired EnableDiags ExportCertData IgnoreSNI NoAutoECDH NoCertRequest
NoEmptyFragments NoSessionReuseRequired StdEnvVars UseImplicitSSL dNSNameRequired
iPAddressRequired
"""

COLUMNS = ["SSL connect", "AUTH SSL", "AUTH TLS", "Libraries", "Platforms"]
CLIENT_AUTHENTICATION = ["optional", "required", "maps to a user", "extra mapping"]
KINDS = ["client", "server", "library", "client proxy", "server proxy"]


@pytest.fixture(scope="module")
def register():
    """The module, which is not on the path outside of Sphinx."""
    sys.path.insert(0, str(EXTENSIONS))
    try:
        return importlib.import_module("ftptls_register")
    finally:
        sys.path.remove(str(EXTENSIONS))


def rows(register):
    return [*register.DIRECTIVES, *register.FORD_HUTCHINSON]


def test_every_directive_of_mod_tls(register):
    names = [row.name for row in register.DIRECTIVES]
    assert len(names) == len(set(names))
    assert {name.split()[0].removeprefix("TLS") for name in names} == set(DIRECTIVES.split())
    values = {name.split()[1] for name in names if name.startswith("TLSOptions ")}
    assert values == set(OPTIONS.split())


def test_tls_required_as_the_server_is_tested_with(register):
    made = {
        value: Policy(**{name: Requirement(word) for name, word in policy.items()})
        for value, policy in register.TLS_REQUIRED.items()
    }
    assert made == TLS_REQUIRED
    for value in TLS_REQUIRED:
        assert f"TLSRequired {value}" in [row.name for row in register.DIRECTIVES]


def test_every_column_of_ford_hutchinson(register):
    names = [row.name for row in register.FORD_HUTCHINSON]
    due = [*COLUMNS, *(f"Kind: {kind}" for kind in KINDS)]
    due += [f"X.509 client authentication: {form}" for form in CLIENT_AUTHENTICATION]
    assert set(due) <= set(names)


def test_settings_that_are_named_exist(register):
    known = config.options()
    tables = {f"[{option.section}]" for option in known.values()}
    tables |= {"[[rules]]", "[[hosts]]", "[[listeners]]"}
    for row in rows(register):
        for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", row.answer.split(":doc:")[0]):
            key, _, value = code.partition(" = ")
            if key.startswith("["):
                assert key in tables, row
            elif "." in key:
                assert key in known, row
                kind = known[key].type
                if value:
                    assert value.strip('"') in {each.value for each in kind}, row


def test_each_has_a_setting_or_a_reason(register):
    for row in rows(register):
        named = re.search(r"`(\[|[a-z_]+\.)", row.answer)
        assert named or re.match(r"always|not offered: \w|not yet", row.answer), row


def test_mappers_that_are_named_exist(register, tmp_path):
    named = [found for row in rows(register) for found in re.findall(r"x509:[\w=]+", row.answer)]
    assert len(named) > 4
    (tmp_path / "FILE").write_text("# nobody\n")
    for each in named:
        make_checker(each.replace("FILE", str(tmp_path / "FILE")))
