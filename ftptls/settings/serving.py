"""Where the server listens, what it serves, and its bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftptls.settings.about import is_ipv4, is_media_type, is_mount, setting
from ftptls.settings.choices import HiddenNames, Links, OwnerNames, PortRange, UploadMode
from ftptls.settings.rights import RIGHTS_LINE, is_rights_line
from ftptls.settings.zones import UTC, is_time_zone


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens: Twisted endpoint strings."""

    explicit: tuple[str, ...] = setting(
        (),
        "Endpoint on which clients start in clear text and send AUTH TLS, such as "
        "`tcp:21` or `tcp6:2121:interface=\\:\\:1`. May be repeated.",
        flag="explicit",
    )
    implicit: tuple[str, ...] = setting(
        (),
        "Endpoint on which TLS starts at once, such as `tcp:990`. May be repeated.",
        flag="implicit",
    )


@dataclass(frozen=True, slots=True)
class Passive:
    """Passive data connections."""

    ports: PortRange = setting(
        PortRange(),
        "Ports for passive data connections, such as `50000-50100`; `0-0` lets the system choose.",
        flag="passive-ports",
    )
    masquerade: str = setting(
        "",
        "IPv4 address that PASV announces instead of the server's own, for a server behind NAT.",
        flag="masquerade-address",
        accepts="an IPv4 address",
        check=lambda text: not text or is_ipv4(text),
    )


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are served."""

    root: str = setting(
        "",
        "Folder to serve; `{user}` in it stands for the name of the user. Or a store by its URL, "
        "such as `s3://bucket/prefix/{user}`.",
        flag="root",
        path=True,
    )
    upload_mode: UploadMode = setting(
        UploadMode.ATOMIC,
        "`atomic` writes a STOR to a hidden temporary file and renames it when it is whole; "
        "`atomic-resume` does so, too, and keeps what arrived of one that broke off, hidden, so "
        "that its user can go on; `direct` writes in place and keeps what arrived for a resume.",
        flag="upload-mode",
    )
    partials_kept: float = setting(
        7.0,
        "Days that what arrived of an upload that broke off is kept, with `atomic-resume`; older "
        "ones are deleted when the server starts, and once a day.",
    )
    fsync: bool = setting(
        False,
        "Whether an upload is written to the disk itself before it counts as stored, so that it "
        "survives a power failure.",
    )
    lock_uploads: bool = setting(
        False,
        "Whether a file that is being uploaded is refused to other uploads meanwhile (450). "
        "Otherwise each of them is whole, and the last to end stays.",
    )
    links: Links = setting(
        Links.FOLLOW,
        "Symbolic links on the disk: `follow` takes each for what it leads to, never out of the "
        "folder; `hide` acts as if there were none; `refuse` lists them, and refuses their use.",
    )
    owner_names: OwnerNames = setting(
        OwnerNames.REAL,
        "Whom listings name as owner and group of a file: `real` names, `numeric` ones, or `ftp` "
        "for every file.",
    )
    read_only: bool = setting(
        False, "Whether every change is refused, whatever rights say.", flag="read-only"
    )
    rights: tuple[str, ...] = setting(
        (),
        "What users may do, by path: lines such as `/in/** = list write_new`, of which the last "
        "one that matches a path counts for it, or a profile for everything, such as "
        "`no_delete`. Without any, everything; rules can differ.",
        flag="rights",
        accepts=RIGHTS_LINE,
        check=is_rights_line,
    )
    mounts: tuple[str, ...] = setting(
        (),
        "What else is served, and where: lines such as `/archive = /srv/archive/{user}`. What is "
        "there hides what the root has under that path. Rights are set for both in one.",
        accepts='a path, = and a folder, such as "/archive = /srv/archive"',
        check=is_mount,
    )
    umask: str = setting(
        "022",
        "Permission bits that new files and directories do not get, in octal: with `027`, others "
        "than the owner and the group get none. Clients can choose another one by SITE UMASK.",
        accepts='three octal digits, such as "027"',
        check=lambda text: re.fullmatch("[0-7]{3}", text) is not None,
    )
    versions: int = setting(
        0,
        "How many old versions are kept of each file that is overwritten, in the folder "
        "`/.versions`, where nobody can change them; 0 keeps none.",
    )
    fold_case: bool = setting(
        False, "Whether the case of names does not count: `README` finds `readme`."
    )
    hidden_names: HiddenNames = setting(
        HiddenNames.SHOW,
        "Names that begin with a dot: `show` lists them; `on_request` lists them for `LIST -a` "
        "and for programs (MLSD); `never` lists them for nobody. This is about listings only: "
        "who knows such a name can use it.",
        flag="hidden-names",
    )
    time_zone: str = setting(
        UTC,
        "Zone of the times in LIST: `UTC`, `local`, or a name of the time zone database such as "
        "`Europe/Berlin`. MLSD and MDTM are always in UTC.",
        flag="time-zone",
        accepts="UTC, local, or the name of a time zone that this system knows",
        check=is_time_zone,
    )
    media_types: tuple[str, ...] = setting(
        (),
        "Media type of files whose names end so, for the `media-type` fact of MLSD, such as "
        "`csv=text/csv`. None is guessed.",
        accepts="an ending and a media type, such as csv=text/csv",
        check=is_media_type,
    )


@dataclass(frozen=True, slots=True)
class Encryption:
    """Encryption of the files that are stored; with a key, all files are encrypted.

    A key is 32 octets, written as 64 hexadecimal digits (`openssl rand -hex 32` makes one).
    New files get the first key; others are for files that are there.
    """

    key_files: tuple[str, ...] = setting((), "Files that hold keys, a line for each.", path=True)
    key_program: tuple[str, ...] = setting(
        (),
        "Program, with its arguments, that prints keys, a line for each; they come before those "
        "of files. It is run when the server starts.",
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """How much may be stored. What a user of the store may is said in his record."""

    ledger: str = setting(
        "",
        "SQLite file that keeps who stored what; without one, nothing is counted. Servers that "
        "serve the same files share it.",
        path=True,
    )
    octets: int = setting(0, "Octets that each user may store; 0 is any amount.")
    files: int = setting(0, "Files that each user may store; 0 is any number.")


@dataclass(frozen=True, slots=True)
class Log:
    """What the log tells."""

    debug: bool = setting(
        False,
        "Whether the log also has every command with its reply, and connections that were refused "
        "at the door, at the level *debug*. Secrets are left out.",
        flag="log-debug",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on time, size and patience. Times are seconds."""

    line_length: int = setting(8192, "Longest command line accepted, in octets.", minimum=512)
    idle_timeout: float = setting(
        300.0, "Time without a command or transfer before 421.", minimum=1
    )
    idle_maximum: float = setting(
        3600.0, "Longest idle timeout that a client may choose by SITE IDLE.", minimum=1
    )
    login_timeout: float = setting(60.0, "Time from connection to login before 421.", minimum=1)
    handshake_timeout: float = setting(20.0, "Time for a TLS handshake.", minimum=1)
    connect_timeout: float = setting(
        20.0,
        "Time for a data connection to be made and protected, once a transfer asks for it.",
        minimum=1,
    )
    passive_timeout: float = setting(
        120.0, "Time a passive port stays open without a transfer command.", minimum=1
    )
    stall_timeout: float = setting(120.0, "Time a transfer may go without progress.", minimum=1)
    close_timeout: float = setting(1.0, "Time the other side is given to close behind us.")
    resume_grace: float = setting(
        0.25, "Under `prefer`: time a resumed data connection is waited for when several compete."
    )
    refusal_grace: float = setting(
        2.0, "Time the right data connection is waited for after a wrong one was refused."
    )
    login_attempts: int = setting(3, "Failed logins before the connection is closed.", minimum=1)
    login_delay: float = setting(0.5, "Wait before a failed login is answered; doubles each time.")
    bad_commands: int = setting(
        20, "Unknown or malformed commands before the connection closes.", minimum=1
    )
    candidates: int = setting(4, "Data connections that may compete for one transfer.", minimum=1)
    listed_directories: int = setting(
        10_000, "Directories that one recursive listing, or one pattern, looks into.", minimum=1
    )
    sorted_names: int = setting(
        10_000,
        "Names of a directory that LIST -t and -S sort; larger directories are not sorted.",
        minimum=0,
    )
    inflation: int = setting(
        200,
        "In MODE Z: how many octets may come of each one received, beyond the first 16 MiB of a "
        "file. Logs make 5 to 50, and bombs 1000. A client that is refused can use MODE S.",
        minimum=1,
    )
    checksum_octets: int = setting(
        2**36,
        "Octets of a file that one checksum (HASH, XCRC and the like) may be of; larger ones are "
        "refused with 556.",
        minimum=1,
    )
    threads: int = setting(
        8, "Threads for what the disk takes its time for, except in transfers.", minimum=1
    )
    transfer_threads: int = setting(
        0,
        "Threads that read, encrypt, send, and back, for all transfers; 0 is one more than there "
        "are processors. On fast disks more of them only get in each other's way; on slow ones "
        "some may wait while others work. A transfer that waits for its client takes none.",
    )
