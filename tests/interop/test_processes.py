"""Several processes that serve as one: what they share holds, and what ends is replaced."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from ftptls.guard import lift
from tests.interop.clients import PATIENCE, Bare, everything
from tests.interop.server import PASSWORD, USER, Server, eventually

StartServer = Callable[..., Server]


@pytest.fixture
def two(start_server: StartServer) -> StartServer:
    """Start servers with two workers, and wait for both."""

    def start(**settings: object) -> Server:
        server = start_server(flags=["--workers", "2"], **settings)
        server.wait_for("2 workers serve")
        return server

    return start


def workers(server: Server) -> dict[int, int]:
    """The processes that serve now, by their number."""
    found = {}
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    for pid in map(int, children.split()):
        with suppress(FileNotFoundError):
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if "ftptls.processes" in command:
                found[int(command[-2])] = pid
    return found


def is_there(pid: int) -> bool:
    """Whether any thread of a process runs; what nobody has waited for yet does not."""
    try:
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return is_there(pid)  # one of them has just ended
    return any(text.rpartition(")")[2].split()[0] not in "ZX" for text in tasks)


def held_up(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextmanager
def nobody_but(server: Server, number: int) -> Iterator[None]:
    """The kernel stops the other workers meanwhile, so that this one accepts."""
    others = [pid for each, pid in workers(server).items() if each != number]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: all(map(held_up, others)))
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def at(server: Server, number: int, *, login: bool = True) -> Bare:
    """A client of one worker."""
    with nobody_but(server, number):
        client = Bare(server, login=login)
    port = client.sock.getsockname()[1]
    server.wait_for(rf"worker {number}\] \S+@127\.0\.0\.1:{port} connected")
    return client


def log_in(server: Server, client: Bare, user: str = USER, password: str = PASSWORD) -> str:
    """What comes of it, under TLS."""
    client.command("AUTH TLS", 234)
    client.sock = client.context.wrap_socket(client.sock, server_hostname="localhost")
    client.command(f"USER {user}", 331)
    client.send(f"PASS {password}")
    return client.reply()


def refusal(server: Server, number: int) -> str:
    """What a worker tells a client that it does not let in."""
    with nobody_but(server, number), socket.create_connection(("127.0.0.1", server.port())) as sock:
        sock.settimeout(PATIENCE)
        return everything(sock).decode()


# What is shared


def test_all_of_them_serve_and_nothing_shows(two: StartServer) -> None:
    server = two()
    (server.root / "file").write_bytes(b"content")
    for number, pid in workers(server).items():
        with at(server, number) as client:
            with client.transfer("RETR file") as data:
                assert everything(data) == b"content"
            client.expect(226)
            port = client.sock.getsockname()[1]
            server.wait_for(f"-@127.0.0.1:{port} connected")
        shown = Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
        assert PASSWORD not in shown
    assert server.log.count("ftptls: explicit TLS on 127.0.0.1") == 1


def test_connections_of_an_address(two: StartServer) -> None:
    server = two(guard=["sessions_per_address = 2"])
    with at(server, 1), at(server, 2) as second:
        for number in (1, 2):
            assert refusal(server, number).startswith("421 Too many connections from your address")
        second.command("QUIT", 221)
        server.wait_for("disconnected: said goodbye")
        at(server, 1).close()


def test_sessions_of_a_user(two: StartServer) -> None:
    server = two(guard=["sessions_per_user = 1"])
    with at(server, 1) as first, at(server, 2, login=False) as second:
        assert log_in(server, second).startswith("530 This user has too many sessions")
        first.command("QUIT", 221)
        server.wait_for("disconnected: said goodbye")
        second.command(f"USER {USER}", 331)
        second.command(f"PASS {PASSWORD}", 230)


def test_anonymous_users(two: StartServer) -> None:
    server = two(anonymous=["enabled = true", "sessions = 1"])
    with at(server, 1, login=False) as first, at(server, 2, login=False) as second:
        assert log_in(server, first, "anonymous", "me@").startswith("230")
        assert log_in(server, second, "anonymous", "me@").startswith("421 Too many anonymous")


def test_a_ban(two: StartServer, tmp_path: Path) -> None:
    """Made of what two workers saw, it holds at both, until it is lifted."""
    server = two(
        limits=["login_delay = 0.01"],
        guard=["ban_after = 2", f'state = "{tmp_path}/bans"'],
    )
    with at(server, 1, login=False) as first, at(server, 2, login=False) as second:
        assert log_in(server, first, password="wrong").startswith("530")
        assert log_in(server, second, password="wrong").startswith("421")
    for number in (1, 2):
        assert refusal(server, number).startswith("421 Too many failed logins")
    eventually(lambda: lift(tmp_path / "bans"))
    server.wait_for("was lifted")
    at(server, 2).close()


def test_making_way(two: StartServer) -> None:
    server = two(guard=["waiting = 2"])
    where, elsewhere = ("127.0.0.1", server.port()), ("127.0.3.1", 0)
    with at(server, 1, login=False) as first, at(server, 2, login=False) as second:
        with nobody_but(server, 2):
            third = socket.create_connection(where, PATIENCE, elsewhere)
            assert third.recv(1000).startswith(b"220 ")
        first.expect(421)
        second.command("NOOP", 200)
        third.close()


def test_a_file_that_is_being_uploaded(two: StartServer) -> None:
    server = two(files=["lock_uploads = true"])
    with at(server, 1) as first, at(server, 2) as second:
        with first.transfer("STOR file") as data:
            data.sendall(b"content")
            eventually(lambda: os.listdir(server.root))
            second.command("EPSV", 229)
            second.command("STOR file", 450)
            pid = workers(server)[1]
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: not is_there(pid))
        with second.transfer("STOR file") as data:
            data.sendall(b"other")
            data.unwrap()
        second.expect(226)
        assert (server.root / "file").read_bytes() == b"other"


# Ends


def test_what_waits_to_be_accepted_is_not_lost(two: StartServer) -> None:
    server = two()
    there = workers(server)
    with ExitStack() as stack:
        for pid in there.values():
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: all(map(held_up, there.values())))
        where = ("127.0.0.1", server.port())
        crowd = [stack.enter_context(socket.create_connection(where, PATIENCE)) for _ in range(40)]
        os.kill(there[1], signal.SIGKILL)
        os.kill(there[2], signal.SIGCONT)
        for each in crowd:
            assert each.recv(1000).startswith(b"220 ")
    server.wait_for(rf"worker 1 \(process {there[1]}\) was ended by signal 9; another one starts")
    eventually(lambda: workers(server).keys() == {1, 2})
    assert workers(server)[2] == there[2]
    at(server, 1).close()


def test_a_stream_of_clients_while_a_worker_is_killed(two: StartServer) -> None:
    """Lost are those that it had accepted; each of these clients has one connection at a time."""
    server = two()
    there, streams, enough = workers(server)[1], 4, threading.Event()

    def stream() -> tuple[int, int]:
        served = lost = 0
        while not enough.is_set():
            with socket.create_connection(("127.0.0.1", server.port()), PATIENCE) as client:
                try:
                    served += client.recv(1000).startswith(b"220 ")
                    client.sendall(b"QUIT\r\n")
                    assert client.recv(1000).startswith(b"221 ")
                except (AssertionError, ConnectionError):
                    lost += 1
        return served, lost

    with ThreadPoolExecutor(streams) as pool:
        found = [pool.submit(stream) for _ in range(streams)]
        try:
            server.wait_for(r"worker 1\] \S+ connected")
            os.kill(there, signal.SIGKILL)
            eventually(lambda: workers(server).get(1, there) != there)
            before = server.log.count("worker 1] -@127.0.0.1")
            eventually(lambda: server.log.count("worker 1] -@127.0.0.1") > before)
        finally:
            enough.set()
    served, lost = map(sum, zip(*(each.result() for each in found), strict=True))
    assert lost <= streams
    assert served > 0


def test_a_worker_that_ends_gives_back_what_it_held(two: StartServer) -> None:
    server = two(guard=["sessions_per_user = 2"])
    with at(server, 1), at(server, 2) as second:
        os.kill(workers(server)[1], signal.SIGKILL)
        server.wait_for("another one starts")
        at(server, 2).close()
        second.command("NOOP", 200)


def test_a_worker_is_replaced_by_hand(two: StartServer) -> None:
    server = two()
    pid = workers(server)[1]
    with at(server, 1) as first, at(server, 2) as second:
        os.kill(pid, signal.SIGTERM)
        first.expect(421)
        server.wait_for(rf"worker 1 \(process {pid}\) ended with status 0; another one starts")
        eventually(lambda: workers(server).keys() == {1, 2})
        at(server, 1).close()
        second.command("NOOP", 200)


def test_clients_are_told_of_the_end(two: StartServer) -> None:
    server = two()
    there = workers(server)
    with at(server, 1) as first, at(server, 2) as second:
        server.stop()
        for client in (first, second):
            client.expect(421)
            assert client.line() == ""
    assert not any(map(is_there, there.values()))


def test_nobody_outlives_the_supervisor(two: StartServer) -> None:
    server = two()
    there = workers(server)
    with at(server, 1) as first, at(server, 2) as second:
        server.kill()
        for client in (first, second):
            client.expect(421)
        eventually(lambda: not any(map(is_there, there.values())))


def test_a_hang_up_has_all_of_them_load_certificates_anew(two: StartServer) -> None:
    server = two()
    os.kill(server.pid, signal.SIGHUP)
    for number in (1, 2):
        server.wait_for(rf"worker {number}\] ftptls: certificates loaded anew")
