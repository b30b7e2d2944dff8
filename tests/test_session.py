"""What one control connection knows, and what makes it forget."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ftptls.session import ROOT, DataPort, Login, Parameters, Peers, Session
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.checksums import Algorithm
from ftptls.wire.ranges import Range
from ftptls.wire.representation import Representation


@pytest.fixture
def logouts() -> list[str]:
    return []


@pytest.fixture
def session(logouts) -> Session:
    """One in which nothing is as it was at first."""
    made = Session(Peers("192.0.2.1", "198.51.100.1", 50000))
    made.login = Login(
        pending="bob",
        user="alice",
        filesystem=object(),
        logout=lambda: logouts.append("alice"),
        failures=2,
    )
    made.parameters = Parameters(
        Representation.IMAGE,
        directory=PurePosixPath("/sub"),
        marker=100,
        range=Range(2, 3),
        rename_from=PurePosixPath("/f"),
        copy_from=PurePosixPath("/f"),
        algorithm=Algorithm.CRC32,
        facts=frozenset(),
    )
    made.data_port = DataPort(DataAddress(4, "192.0.2.1", 2000), extended_only=True)
    made.security.buffer_agreed = True
    made.security.level = ProtectionLevel.PRIVATE
    made.security.secured = True
    return made


def test_logging_out_tells_cred_once_and_keeps_the_failures(session, logouts):
    session.log_out()
    session.log_out()
    assert logouts == ["alice"]
    assert session.login == Login(failures=2)
    assert session.parameters.directory == PurePosixPath("/sub")


def test_a_logout_that_fails_leaves_nobody_logged_in(session):
    def fail() -> None:
        raise RuntimeError("cred")

    session.login.logout = fail
    with pytest.raises(RuntimeError):
        session.log_out()
    assert session.login == Login(failures=2)


def test_reset_leaves_the_connection_and_the_failures_only(session, logouts):
    session.reset()
    assert logouts == ["alice"]
    assert session.login == Login(failures=2)
    assert session.parameters == Parameters()
    assert session.data_port == DataPort()
    assert not session.security.buffer_agreed
    assert session.security.level is ProtectionLevel.CLEAR
    assert session.security.secured
    assert session.peers == Peers("192.0.2.1", "198.51.100.1", 50000)


def test_at_first():
    session = Session(Peers("192.0.2.1", "198.51.100.1"))
    assert session.login.filesystem is None
    assert session.parameters.directory == ROOT
    assert session.parameters.representation is Representation.ASCII
    assert session.security.level is ProtectionLevel.CLEAR


def test_a_session_is_called_the_same_each_time_and_as_no_other(session):
    other = Session(session.peers)
    assert session.id == session.id != other.id


def test_the_door_is_told_before_cred(session, logouts):
    session.login.leave = lambda: logouts.append("the door")
    session.log_out()
    session.log_out()
    assert logouts == ["the door", "alice"]


def test_who_is_only_named_has_nothing_to_leave(session, logouts):
    session.login = Login(pending="bob", failures=1)
    session.log_out()
    assert session.login == Login(failures=1)
    assert logouts == []
