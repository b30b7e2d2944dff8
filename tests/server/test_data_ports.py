"""Where data connections come from: passive and active ports, and their life."""

from __future__ import annotations

import itertools

import pytest

from ftptls.settings import Passive, PortRange, Settings
from ftptls.testing.dialogue import CLIENT, SERVER_6
from ftptls.testing.wires import End, Wire

pytestmark = pytest.mark.both_paths

CONTENT = {"/f": b"0123"}


def listening(client) -> int:
    """Passive ports that are open."""
    return len(client.server.reactor.listeners) - 1


def test_a_port_is_closed_behind_its_transfer(enter, mode):
    client = enter(CONTENT, mode=mode)
    for verb in ("PASV", "EPSV"):
        port = client.passive_port(verb)
        wire = client.dial(port)
        client.ask("RETR f", 150)
        if mode.private:
            client.protect(wire)
        assert wire.take() == b"0123"
        client.expect(226)
        assert listening(client) == 0
        late = client.dial(port)
        client.server.reactor.settle()
        assert late.end is End.REFUSED


def test_a_port_is_for_one_transfer(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert client.download("RETR f") == b"0123"
    client.send("RETR f")
    assert client.expect(150, 425).code == 425 or client.expect(425)


def test_each_pasv_takes_the_place_of_the_one_before(enter, mode):
    client = enter(CONTENT, mode=mode)
    first = client.passive_port()
    old = client.dial(first)
    second = client.passive_port("EPSV")
    assert first != second
    assert listening(client) == 1
    assert old.take() == b""
    assert old.end is not None
    wire = client.dial(second)
    client.ask("RETR f", 150)
    if mode.private:
        client.protect(wire)
    assert wire.take() == b"0123"
    client.expect(226)


def test_port_and_pasv_replace_each_other(enter):
    client = enter(CONTENT)
    client.passive_port()
    active = client.open("PORT")
    assert listening(client) == 1  # the client's own
    client.ask("RETR f", 150)
    client.protect(active.wire)
    assert active.wire.take() == b"0123"
    client.expect(226)
    client.open("EPRT")
    assert client.download("RETR f", "PASV") == b"0123"


def test_the_passive_port_announced_is_where_the_client_reached_the_server(enter):
    client = enter(CONTENT)
    assert "(198,51,100,1," in client.ask("PASV", 227).text
    assert "(|||" in client.ask("EPSV", 229).text


def test_masquerade(enter):
    client = enter(CONTENT, Settings(passive=Passive(masquerade="203.0.113.7")))
    assert "(203,0,113,7," in client.ask("PASV", 227).text
    assert client.download("RETR f", "EPSV") == b"0123"


def test_ports_of_the_range_only_and_425_when_all_are_taken(enter):
    client = enter(CONTENT, Settings(passive=Passive(ports=PortRange(50000, 50002))))
    others = [client.server.connect() for _ in range(3)]
    ports = set()
    for other in others:
        other.secure()
        other.log_in()
        ports.add(other.passive_port())
    assert ports == {50000, 50001, 50002}
    client.ask("PASV", 425)
    client.ask("EPSV", 425)
    others[0].leave()
    assert client.download("RETR f") == b"0123"


def test_the_choice_of_a_port_cannot_be_foreseen(enter):
    client = enter(CONTENT, Settings(passive=Passive(ports=PortRange(50000, 59999))))
    ports = [client.passive_port() for _ in range(300)]
    steps = {after - before for before, after in itertools.pairwise(ports)}
    assert len(set(ports)) > 280
    assert len(steps) > 280
    assert sum(port < 55000 for port in ports) in range(90, 211)


def test_epsv_all_allows_nothing_else(enter):
    client = enter(CONTENT)
    client.ask("EPSV ALL", 200)
    client.ask("PASV", 503)
    client.ask("PORT 192,0,2,1,200,0", 503)
    client.ask("EPRT |1|192.0.2.1|51200|", 503)
    assert listening(client) == 0
    assert client.download("RETR f", "EPSV") == b"0123"
    client.ask("PASV", 503)


def test_s21_epsv_all_outlives_an_abort(enter):
    client = enter(CONTENT)
    client.ask("EPSV ALL", 200)
    client.ask("ABOR", 226)
    client.ask("PASV", 503)
    client.begin("RETR f", "EPSV")
    client.ask("PORT 192,0,2,1,200,0", 226)
    client.expect(503)


def test_an_unused_port_expires(enter, settings):
    client = enter(CONTENT, settings(passive_timeout=30))
    port = client.passive_port()
    client.wait(29)
    assert listening(client) == 1
    client.wait(2)
    assert listening(client) == 0
    wire = client.dial(port)
    client.server.reactor.settle()
    assert wire.end is End.REFUSED
    client.ask("NOOP", 200)
    assert client.download("RETR f") == b"0123"


def test_quit_and_a_lost_control_connection_close_the_port(enter):
    for way in ("QUIT", "RST", "FIN"):
        client = enter(CONTENT)
        wire = client.dial(client.passive_port())
        if way == "QUIT":
            client.ask("QUIT", 221)
        elif way == "RST":
            client.control.reset()
        else:
            client.control.finish()
        client.server.reactor.settle()
        assert listening(client) == 0
        assert wire.take() == b""
        assert wire.end is not None


def test_nobody_comes(enter, settings, mode):
    client = enter(CONTENT, settings(connect_timeout=10), mode=mode)
    client.passive_port()
    client.ask("RETR f", 150)
    client.wait(9)
    assert client.quiet
    client.wait(2)
    client.expect(425)
    assert client.download("RETR f") == b"0123"


def test_a_late_one_is_served(enter, mode):
    client = enter(CONTENT, mode=mode)
    port = client.passive_port()
    client.ask("RETR f", 150)
    client.wait(10)
    wire = client.dial(port)
    if mode.private:
        client.protect(wire)
    assert wire.take() == b"0123"
    client.expect(226)


def test_an_active_port_nobody_listens_on(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.ask("PORT 192,0,2,1,200,0", 200)
    client.ask("RETR f", 150)
    client.expect(425)
    client.ask("STOR g", 150, 425)
    assert "/g" not in client.server.filesystem.contents()


def test_an_active_port_that_never_answers(enter, settings):
    client = enter(CONTENT, settings(connect_timeout=10))
    client.server.reactor.silent.add(CLIENT)
    client.ask("PORT 192,0,2,1,200,0", 200)
    client.ask("RETR f", 150)
    client.wait(11)
    client.expect(425)


def test_an_active_connection_comes_from_where_the_client_reached_the_server(enter):
    client = enter(CONTENT, host=SERVER_6)
    port = client.open("EPRT")
    client.ask("RETR f", 150)
    assert port.wire.memory.getPeer().host == SERVER_6
    client.protect(port.wire)
    assert port.wire.take() == b"0123"
    client.expect(226)


def test_an_active_client_that_never_shakes_hands(enter, settings):
    client = enter(CONTENT, settings(connect_timeout=10, handshake_timeout=5))
    port = client.open("PORT")
    client.ask("STOR g", 150)
    client.server.reactor.settle()
    client.wait(11)
    client.expect(425, 522)
    assert port.wire.end is not None
    assert client.server.filesystem.contents() == CONTENT


# --- PROT ----------------------------------------------------------------------------------


def test_prot_p_after_pasv_and_connect(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    client.ask("PROT C", 200)
    wire = client.open().wire
    client.ask("PROT P", 200)
    client.ask("RETR f", 150)
    client.protect(wire)
    assert wire.take() == b"0123"
    client.expect(226)


def test_prot_c_after_pasv_and_connect(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    wire = client.open().wire
    client.ask("PROT C", 200)
    client.ask("RETR f", 150)
    assert wire.take() == b"0123"
    client.expect(226)


def test_prot_c_drops_what_has_begun_a_handshake(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    port = client.passive_port()
    wire = client.dial(port)
    client.protect(wire)
    client.ask("PROT C", 200)
    assert wire.take() == b""
    assert wire.end is not None
    plain = client.dial(port)
    client.ask("RETR f", 150)
    assert plain.take() == b"0123"
    client.expect(226)


def test_prot_p_and_clear_octets_do_not_go_together(enter):
    client = enter(CONTENT)
    wire = client.open().wire
    client.ask("STOR g", 150)
    wire.send(b"clear text")
    wire.finish()
    client.wait(5)
    client.expect(522)
    assert client.server.filesystem.contents() == CONTENT


def test_a_stranger_to_tcp_pays_for_himself_only(enter):
    """Nobody keeps a port of the server busy by connecting and going away."""
    client = enter(CONTENT)
    port = client.passive_port()
    for _ in range(20):
        wire = client.dial(port)
        client.server.reactor.settle()
        wire.close()
        client.server.reactor.settle()
    wire = client.dial(port)
    client.ask("RETR f", 150)
    client.protect(wire)
    assert wire.take() == b"0123"
    client.expect(226)


def test_a_backlog_that_overflows_is_served_later(serve):
    server = serve()
    for port in server.reactor.listeners:
        port.backlog = 2
    wires = [Wire.connect(server.reactor, server.host, server.port, CLIENT) for _ in range(8)]
    server.reactor.advance(5)
    assert all(wire.take().startswith(b"220") for wire in wires)
    for wire in wires:
        wire.close()
    server.reactor.settle()
