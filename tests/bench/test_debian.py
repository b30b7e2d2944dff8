"""Peers are fetched with the libraries that are missing, or a sentence says why they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import debian, peers


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is called, in a folder: it knows one server with a library that is missing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {
        "apt-get": f'echo "$@" >> {tmp_path}/asked; test "$1" != download || : > some.deb',
        "apt-cache": 'test "$2" != server || printf "  Depends: libnew\\n |Depends: libc6\\n"',
        "dpkg-query": 'case "$*" in *libc6) echo installed;; *) exit 1;; esac',
        "dpkg": 'mkdir -p "$3/usr/share/doc/server"',
    }
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(debian, "FOLDER", tmp_path / "unpacked")
    return folder


def test_once_with_its_libraries(tools, tmp_path):
    for _ in range(2):
        debian.unpack("server")
    assert (tmp_path / "asked").read_text() == "download -qq server libnew\n"


def test_lists_are_fetched_when_it_is_unknown(tools, tmp_path):
    (tools / "apt-get").write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/asked; exit 100\n')
    with pytest.raises(SystemExit, match="cannot download server; run apt-get update as root, or"):
        debian.unpack("server")
    assert (tmp_path / "asked").read_text().split() == ["download", "update", "download"]


def test_without_apt(tools):
    (tools / "apt-get").unlink()
    with pytest.raises(SystemExit, match=r"only Debian's apt-get can fetch .* leave .* --only"):
        debian.unpack("server")


@pytest.mark.parametrize("peer", [peers.vsftpd, peers.proftpd, peers.pureftpd])
def test_without_the_rights_of_root(peer, tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    place = peers.place(tmp_path / "server", Authority(), KeyKind.EC)
    with pytest.raises(SystemExit, match="has to be started by root; leave it out with --only"):
        peer(place)
