"""The verdict: what is a problem, what is advice, and what is neither."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from ftptls.client.findings import Certificate, Findings, remarks

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LEAF = Certificate(
    "CN=a", "CN=b", "2025-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00", "RSA 2048", (), "00"
)
GOOD = Findings(
    "a:21",
    "explicit",
    chain=(LEAF,),
    versions={"TLS 1.0": False, "TLS 1.1": False, "TLS 1.2": True, "TLS 1.3": True},
    ciphers={
        "TLS 1.2": ("ECDHE-RSA-AES128-GCM-SHA256",),
        "TLS 1.3": ("TLS_AES_128_GCM_SHA256",),
    },
    control_resumed=True,
    data_resumed=True,
    data_unresumed=False,
    alpn_ftp="chosen",
    alpn_foreign="refused",
    renegotiation=False,
    features=("AUTH TLS", "PBSZ", "PROT"),
    injection="refused",
)


def test_nothing_to_say():
    assert remarks(GOOD, NOW) == []


@pytest.mark.parametrize(
    ("change", "is_problem", "words"),
    [
        ({"refusal": "502 No"}, True, "There is no TLS: 502 No"),
        ({"silence": "tlsv13 alert certificate required"}, True, "--certificate"),
        ({"objection": "self-signed certificate"}, True, "--cafile"),
        ({"versions": {"TLS 1.1": False, "TLS 1.2": False}}, True, "Neither TLS 1.2"),
        ({"versions": {**GOOD.versions, "TLS 1.0": True}}, True, "TLS 1.0 are broken"),
        ({"ciphers": {"TLS 1.2": ("ECDHE-RSA-RC4-SHA",)}}, True, "ECDHE-RSA-RC4-SHA"),
        ({"ciphers": {"TLS 1.2": ("ECDHE-ECDSA-NULL-SHA",)}}, True, "Weak ciphers"),
        ({"injection": "carried out inside TLS"}, True, "CVE-2011-0411"),
        ({"renegotiation": True}, True, "CVE-2009-3555"),
        ({"alpn_foreign": "chosen"}, True, "ALPACA"),
        ({"data_resumed": False}, True, "FileZilla warns"),
        ({"chain": (replace(LEAF, not_after="2026-01-05T00:00:00+00:00"),)}, False, "2026-01-05"),
        ({"versions": {"TLS 1.2": True, "TLS 1.3": False}}, False, "TLS 1.3 is not accepted"),
        ({"ciphers": {"TLS 1.2": ("AES128-GCM-SHA256",)}}, False, "Without forward secrecy"),
        ({"data_unresumed": True}, False, "policy.session_reuse"),
        ({"alpn_foreign": "ignored"}, False, "ALPACA"),
        ({"injection": "answered in clear"}, False, "clear text"),
        ({"features": ()}, False, "FEAT"),
    ],
)
def test_one_thing(change, is_problem, words):
    (remark,) = remarks(replace(GOOD, **change), NOW)
    assert remark.is_problem is is_problem
    assert words in remark.text


def test_problems_come_first():
    said = remarks(replace(GOOD, renegotiation=True, features=()), NOW)
    assert [each.is_problem for each in said] == [True, False]
