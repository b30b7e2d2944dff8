"""Users of the operating system."""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.settings.about import setting


@dataclass(frozen=True, slots=True)
class Unix:
    """Whether users are those of this machine, and have the rights that they have there."""

    enabled: bool = setting(
        False,
        "Whether what a user does with files is done as the user of this machine who has his "
        "name, so that the system judges what he may, and new files are his. Who has no such "
        "name is refused. It takes a server that runs as root.",
        flag="unix-users",
    )
    minimum_uid: int = setting(
        1000, "Users with a lower number are refused: they are the system's own, such as root."
    )
    account_service: str = setting(
        "",
        "Service of PAM, a file of `/etc/pam.d`, that says at each login whether the account may "
        "be used now, however the user has proven who he is. Without it, the accounts of users "
        "with certificates are not looked at.",
    )
    anonymous: str = setting(
        "ftp",
        "User of this machine as whom anonymous users act; his number may be lower, but not 0.",
    )
