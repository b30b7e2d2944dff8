"""How guessing and floods of connections are held back."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.settings.about import is_network, setting


@dataclass(frozen=True, slots=True)
class Guard:
    """Bounds on guessing and on connections, for all listeners together. Times are seconds.

    An address stands for itself under IPv4, and for its network of 64 bits under IPv6.
    """

    window: float = setting(
        600.0, "How long a failed login is held against its address and its name.", minimum=1
    )
    wary_after: int = setting(
        5,
        "Failed logins of an address or a name after which a password has to wait before it is "
        "looked at. A name waits for nobody who logged in with it from the same address lately.",
        minimum=1,
    )
    delay_maximum: float = setting(
        16.0, "Longest wait; it begins with `limits.login_delay`, and doubles each time."
    )
    checks: int = setting(
        8,
        "Logins of one address, and of one name, that are looked at at the same time; others "
        "wait for their turn.",
        minimum=1,
    )
    ban_after: int = setting(
        20, "Failed logins within the window for which an address is banned.", minimum=1
    )
    ban_time: float = setting(
        900.0, "How long a banned address is refused, before TLS; 0 is never.", minimum=0
    )
    lock_names: bool = setting(
        False,
        "Whether names are banned like addresses: then their right passwords are refused, too. "
        "Anybody can so lock out anybody whose name he knows; without it, names are slowed.",
    )
    silent: bool = setting(
        False, "Whether banned addresses are closed at once, without the 421 that tells them."
    )
    trusted: tuple[str, ...] = setting(
        (),
        "Networks that are neither slowed nor banned, and may connect as often as they like, "
        "such as `10.0.0.0/8`.",
        accepts="a network such as 10.0.0.0/8",
        check=is_network,
    )
    state: str = setting(
        "",
        "SQLite file that keeps the bans when the server ends. Servers that name the same file "
        "share their bans, and `ftptls ban` lists and lifts them. Without one they are forgotten.",
        path=True,
    )
    remembered: int = setting(
        10_000, "Addresses, and names, that are kept in mind; of more, the oldest go.", minimum=1
    )
    waiting: int = setting(
        500,
        "Connections on which nobody is logged in, in all. For a further one, the address that "
        "has most of them loses the one that waited for longest (421).",
        minimum=1,
    )
    waiting_per_address: int = setting(
        50, "Connections on which nobody is logged in, of one address.", minimum=1
    )
    sessions: int = setting(0, "Connections in all; 0 is any number.")
    sessions_per_address: int = setting(0, "Connections of one address; 0 is any number.")
    sessions_per_user: int = setting(0, "Sessions of one user; 0 is any number.")
