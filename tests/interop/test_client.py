"""Our own user-PI against our own server."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftptls.client import ClientError, UserPI
from tests.interop.server import PASSWORD, USER

VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])


def context(server, version=SSL.TLS1_3_VERSION) -> SSL.Context:
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_min_proto_version(version)
    made.set_max_proto_version(version)
    made.load_verify_locations(str(server.authority))
    made.set_verify(SSL.VERIFY_PEER)
    return made


@pytest.fixture(scope="module")
def server(start_server):
    config = 'ccc = true\nsession_reuse = "require"'
    return start_server(limits=["refusal_grace = 0.1", "[policy]", config])


def enter(server, version, kind) -> UserPI:
    made = context(server, version)
    implicit = made if kind == "implicit" else None
    client = UserPI.connect("127.0.0.1", server.port(kind), implicit=implicit, name="localhost")
    if implicit is None:
        client.secure(made)
        client.protect_data()
    client.log_in(USER, PASSWORD)
    return client


@VERSIONS
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_there_and_back(server, folder, version, kind):
    content = bytes(range(256)) * 1000
    with enter(server, version, kind) as client:
        client.upload("STOR", f"{folder.name}/f", content)
        client.upload("STOR", f"{folder.name}/empty", b"")
        assert client.download("RETR", f"{folder.name}/f") == content
        listed = client.download("NLST", folder.name).decode().split()
        assert sorted(listed) == [f"{folder.name}/{name}" for name in ("empty", "f")]
        with client.begin("RETR", f"{folder.name}/f") as data:
            assert data.resumed
    assert (folder / "f").read_bytes() == content


@VERSIONS
def test_a_data_connection_that_resumes_nothing(server, folder, version):
    (folder / "f").write_bytes(b"0123")
    with enter(server, version, "explicit") as client:
        client.resume = False
        data = client.begin("RETR", f"{folder.name}/f")
        assert not data.resumed
        data.close()
        with pytest.raises(ClientError, match="522 "):
            client.expect(226)


@VERSIONS
def test_ccc(server, version):
    with enter(server, version, "explicit") as client:
        client.clear()
        assert client.ask("PWD").code == 257
        client.secure(context(server, version))
        assert client.ask("FEAT").code == 211


def test_a_certificate_that_is_not_trusted(server):
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_verify(SSL.VERIFY_PEER)
    client = UserPI.connect("127.0.0.1", server.port())
    with client, pytest.raises(ClientError, match="certificate verify failed"):
        client.secure(made)
