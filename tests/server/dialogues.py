"""Turns that several dialogues take."""

from __future__ import annotations

from ftptls.testing.dialogue import Client


def clear(client: Client) -> None:
    """CCC, the polite way: from here on the control connection is in clear text."""
    client.ask("CCC", 200)
    lower(client)


def lower(client: Client) -> None:
    """Close TLS after the server said that it goes down, by CCC or REIN."""
    client.control.tls.shutdown()
    client.control._flush()
    client.wait(1)
    client.control.take()
    client.control.stop_tls()
