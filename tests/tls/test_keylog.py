"""The file of keys: lines of both connections, for its owner alone, and only if asked for."""

from __future__ import annotations

import os
import stat

import pytest
from OpenSSL import SSL
from twisted.logger import LogLevel, capturedLogs, formatEvent

from ftptls.settings import TLS, Settings
from ftptls.tls.contexts import ServerContext
from ftptls.tls.keylog import KeyLog
from ftptls.tls.stream import TLSStream
from tests.tls.conftest import Peer


def shake(stream: TLSStream, peer: Peer) -> None:
    peer.take(b"")
    while not stream.established:
        stream.feed(peer.output())
        stream.handshake()
        peer.take(stream.output())


@pytest.fixture
def files(authority, tmp_path):
    return authority.write(tmp_path)


def settings(files, keylog) -> Settings:
    return Settings(tls=TLS(str(files.certificate), str(files.key), keylog=str(keylog)))


def test_control_and_data(authority, files, tmp_path, version):
    path = tmp_path / "keys"
    with capturedLogs() as logged:
        session = ServerContext.from_settings(settings(files, path)).new_session()
    (warning,) = [each for each in logged if each["log_level"] is LogLevel.warn]
    assert "INSECURE" in formatEvent(warning)
    assert str(path) in formatEvent(warning)
    context = authority.client_context(version)
    control, first = TLSStream(session.control_connection()), Peer(context)
    shake(control, first)
    lines = path.read_text().splitlines()
    assert lines
    data, second = TLSStream(session.connection()), Peer(context, first.session)
    shake(data, second)
    assert len(path.read_text().splitlines()) > len(lines)
    for peer in (first, second):
        assert peer.connection.client_random().hex() in path.read_text()
    words = {line.split()[0] for line in path.read_text().splitlines()}
    secret = "CLIENT_RANDOM" if version == SSL.TLS1_2_VERSION else "CLIENT_TRAFFIC_SECRET_0"
    assert secret in words
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_off_by_default(authority, files, tmp_path, monkeypatch, version):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    before = set(tmp_path.iterdir())
    session = ServerContext.from_settings(settings(files, "")).new_session()
    shake(TLSStream(session.connection()), Peer(authority.client_context(version)))
    assert set(tmp_path.iterdir()) == before


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# mine\n")
    path.chmod(0o644)
    KeyLog(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "# mine\n"


def test_what_cannot_be_the_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        for name in ("link", "fifo", "", "missing/keys"):
            with pytest.raises(ValueError, match=r"Cannot write tls\.keylog"):
                KeyLog(str(tmp_path / name))
    finally:
        os.close(reader)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_told_once(tmp_path, monkeypatch):
    log = KeyLog(str(tmp_path / "keys"))

    def fail(*_):
        raise OSError(28, "No space left on device")

    with capturedLogs() as logged, monkeypatch.context() as patched:
        patched.setattr("ftptls.tls.keylog.os.write", fail)
        log._take(None, b"a")
        log._take(None, b"b")
    (event,) = logged
    assert "No space left" in formatEvent(event)


def test_the_file_is_closed_with_the_last_context(tmp_path):
    log = KeyLog(str(tmp_path / "keys"))
    descriptor = log._file
    assert os.fstat(descriptor)
    del log
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
