"""S3: a browser or mailer that was talked into speaking to us (ALPACA, CVE-2021-3618)."""

from __future__ import annotations

import pytest

POST = (
    b"POST / HTTP/1.1\r\nHost: ftp.example.com\r\nContent-Length: 60\r\n\r\n"
    b"USER alice\r\nPASS open sesame\r\nDELE precious\r\n"
)
REQUESTS = [
    POST,
    b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n\r\n",
    b"PUT /x HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"CONNECT x:21 HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"EHLO mail.example.com\r\nMAIL FROM:<alice>\r\n",
    b"HELO mail.example.com\r\n",
    b"STARTTLS\r\nUSER alice\r\n",
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.split()[0].decode())
def test_other_protocols_are_shown_the_door_at_once(greet, mode, request_):
    client = greet({"/precious": b"gold"}, mode=mode)
    client.control.send(request_)
    client.expect(421)
    assert client.quiet
    assert client.closed
    assert client.server.logged_in == 0
    assert client.server.filesystem.contents() == {"/precious": b"gold"}


MARKER = "aLPaCa-<script>"


@pytest.mark.parametrize(
    "line",
    [
        f"{MARKER}",
        f"X{MARKER}",
        f"GET /{MARKER} HTTP/1.1",
        f"USER {MARKER}",
        f"PASS {MARKER}",
        f"AUTH {MARKER}",
        f"PROT {MARKER}",
        f"PBSZ {MARKER}",
        f"OPTS {MARKER}",
        f"OPTS UTF8 {MARKER}",
        f"OPTS MLST {MARKER};",
        f"HELP {MARKER}",
        f"FEAT {MARKER}",
        f"SYST {MARKER}",
        f"NOOP {MARKER}",
        f"QUIT {MARKER}",
        f"HOST {MARKER}",
        f"LANG {MARKER}",
        f"CWD {MARKER}",
        f"RETR {MARKER}",
        f"SITE {MARKER}",
    ],
)
def test_nothing_is_reflected_to_one_who_did_not_log_in(greet, line):
    client = greet()
    client.send(line)
    client.wait(2)
    data = client.control.take()
    assert data
    assert MARKER.encode().lower() not in data.lower()


@pytest.mark.parametrize(
    "verb",
    [
        *("TYPE", "STRU", "MODE", "REST", "ALLO", "PORT", "EPRT", "EPSV", "CWD", "SIZE", "MDTM"),
        *("MLST", "MLSD", "LIST", "RETR", "DELE", "RMD", "RNFR", "RNTO", "STAT"),
    ],
)
def test_errors_reflect_nothing_after_login_either(enter, verb):
    client = enter()
    client.send(f"{verb} {MARKER}")
    data = client.control.take()
    assert data[:1] in (b"4", b"5")
    assert MARKER.encode() not in data


def test_an_http_request_over_many_unknown_headers_ends_soon(greet):
    client = greet()
    client.control.send(b"".join(b"X-Header-%d: value\r\n" % number for number in range(1000)))
    data = client.control.take()
    assert data.count(b"\r\n") <= 20
    assert data.splitlines()[-1].startswith(b"421 ")
    assert client.closed
