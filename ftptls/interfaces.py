"""Every interface of the project (:mod:`zope.interface`)."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.cred.credentials import ICredentials
from twisted.cred.portal import IRealm
from zope.interface import Attribute, Interface

from ftptls.wire.entries import Entry

if TYPE_CHECKING:
    from cryptography import x509

    from ftptls.hooks.events import Event
    from ftptls.settings import EventKind
    from ftptls.settings.rights import Right
    from ftptls.tls.report import Report

T = TypeVar("T")


class Store(enum.Enum):
    """How an upload meets what is there already."""

    REPLACE = "replace"
    """STOR: the whole file anew."""
    RESUME = "resume"
    """STOR or APPE behind REST: in place, from the restart marker on."""
    APPEND = "append"
    """APPE: in place, behind what is there."""
    NEW = "new"
    """STOR of who may replace nothing: the whole file, where there is none."""


class IFilesystem(Interface):
    """What an avatar gives a session: files and directories.

    Every path is absolute, clean (no ``.`` or ``..``) and starts at the root
    of this filesystem. Methods raise :class:`OSError` with an ``errno``, which
    :func:`ftptls.errors.from_os_error` turns into a reply, or an
    :class:`ftptls.errors.FTPError` of their own. They never block the reactor.
    """

    def stat(path: PurePosixPath) -> Awaitable[Entry]:
        """What ``path`` leads to, through links.

        A link that leads nowhere, or out of the filesystem, is its own entry,
        of kind ``LINK``.
        """

    def scan(path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """The entries of a directory, in batches, without ``.`` and ``..``.

        Entries are of the names themselves: a link is a ``LINK``. The order is
        the filesystem's. See also :class:`IBatches`.
        """

    def open_read(path: PurePosixPath) -> Awaitable[IFileReader]:
        """Open a regular file for reading."""

    def open_write(path: PurePosixPath, how: Store, offset: int) -> Awaitable[IUpload]:
        """Check that an upload may begin, and touch nothing.

        Args:
            path: The target.
            how: Whole, resumed, appended or new. A new one is ``EEXIST`` if there is
                something, also if that came between this check and the commit.
            offset: For ``RESUME``: where the first octet goes; at most the
                present size. Otherwise 0, but see :class:`IResumable`.
        """

    def make_directory(path: PurePosixPath) -> Awaitable[None]:
        """Make a directory; its parent must exist."""

    def remove_directory(path: PurePosixPath) -> Awaitable[None]:
        """Remove an empty directory."""

    def remove_file(path: PurePosixPath) -> Awaitable[None]:
        """Remove a file, or a link itself."""

    def rename(source: PurePosixPath, target: PurePosixPath) -> Awaitable[None]:
        """Give ``source`` a new path; a file at ``target`` is replaced."""


class IBatches(Interface):
    """Of what :meth:`IFilesystem.scan` returns: a batch can be worked on where it was read.

    That spares the reactor the work, and what comes out is all that leaves the thread.
    """

    def through(
        make: Callable[[Sequence[Entry]], T], *, names_only: bool = False
    ) -> AsyncIterator[T]:
        """What ``make`` makes of each batch, in their order, in place of the batches.

        Args:
            make: Called on any thread, with one batch at a time. What it makes is never
                ``None``, and what it raises ends the scan.
            names_only: Whether it looks at names and kinds alone; then nothing else of the
                entries need be right.
        """


class ISetFacts(Interface):
    """Of a filesystem: at least one fact about a file can be set (MFF).

    Which ones, say the interfaces made of this one.
    """


class ISetTimes(ISetFacts):
    """Of a filesystem: when a file was modified can be set (MFMT)."""

    def set_times(
        path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> Awaitable[None]:
        """Set when a file or directory was modified, and perhaps when it was last read.

        What the store cannot hold becomes the nearest it can: ``stat`` tells.

        Args:
            path: Which one, through links.
            modified: Seconds since the epoch; microseconds count.
            accessed: The same; ``None`` leaves it as it is. It may be ignored.
        """


class ISetCreated(ISetFacts):
    """Of a filesystem: when a file was created is known, and can be set (MFCT)."""

    def set_created(path: PurePosixPath, created: float) -> Awaitable[None]:
        """Set when a file or directory was created; seconds since the epoch."""


class IModes(ISetFacts):
    """Of a filesystem: files have permission bits, which can be set (SITE CHMOD)."""

    def set_mode(path: PurePosixPath, mode: int) -> Awaitable[None]:
        """Set permission bits, ``0o000`` to ``0o777``; others are ``EINVAL``."""


class IGroups(ISetFacts):
    """Of a filesystem: files belong to a group, which can be changed (MFF, SITE CHGRP)."""

    def set_group(path: PurePosixPath, group: str) -> Awaitable[None]:
        """Give a file or directory to a group, by name or number."""


class IUmask(Interface):
    """Of a filesystem: which permission bits new files do not get can be chosen (SITE UMASK)."""

    umask: int = Attribute("Permission bits that new files and directories do not get.")

    def with_umask(umask: int) -> IFilesystem:
        """The same files, where new ones get other permission bits."""


class ILinks(Interface):
    """Of a filesystem: names can stand for other names (SITE SYMLINK)."""

    def make_link(path: PurePosixPath, target: PurePosixPath) -> Awaitable[None]:
        """Make a symbolic link at ``path`` that leads to ``target`` in this filesystem.

        There need be nothing at ``target``.
        """


class IHardLinks(Interface):
    """Of a filesystem: one file can have several names, each as good as the other."""

    def add_name(path: PurePosixPath, other: PurePosixPath) -> Awaitable[None]:
        """Give a regular file another name, at which there is nothing yet.

        Args:
            path: The file; a link is ``EINVAL``.
            other: The other name.
        """


class ISpace(Interface):
    """Of a filesystem: how much room is left is known (AVBL)."""

    def available(path: PurePosixPath) -> Awaitable[int]:
        """Octets that the avatar may still store in a directory."""


class IResumable(Interface):
    """Of a filesystem: of a whole upload that broke off, what arrived is kept apart.

    The file itself is as it was before. Its user, and nobody else, goes on with it by
    ``Store.RESUME``, ``APPEND``, or ``NEW`` with an offset; only then does it become the
    file. A whole upload starts anew.
    """

    def arrived(path: PurePosixPath) -> Awaitable[int | None]:
        """Octets of the avatar's own upload of a file that arrived, if it is not whole.

        ``None`` if there is none to go on with. What ``stat`` tells is of the file itself.
        """


class IRealPaths(Interface):
    """Of a filesystem with links: where they lead is known.

    Rights that differ by path are judged by it. A filesystem around another one that
    provides this should do so, too.
    """

    def real_path(path: PurePosixPath) -> Awaitable[PurePosixPath]:
        """The path without links of what is there, or of where a file would be made."""

    def real_name(path: PurePosixPath) -> Awaitable[PurePosixPath]:
        """The same where the name itself is meant, which may be that of a link."""

    def without_links() -> IFilesystem:
        """The same files, reached through no link: a path with one is ``ELOOP``."""


class IKeepsVersions(Interface):
    """Of a filesystem: what files were before can be read, under paths of their own.

    Rights that differ by path are judged by what it is an old version of, too. A filesystem
    around another one that provides this should do so, too.
    """

    def current(path: PurePosixPath) -> PurePosixPath:
        """Of an old version, the path of the file; any other path is its own.

        Directories of old versions, and of directories of these, have some, too.
        """


class IRestricted(Interface):
    """Of a filesystem: not everybody may do everything there."""

    somewhere: Right = Attribute("What may be done with one path or another.")

    def demand(path: PurePosixPath, right: Right) -> Awaitable[None]:
        """Refuse what may not be done with a name: :class:`~ftptls.errors.PermanentError`, 550."""


class IFileReader(Interface):
    """An open file, read by offset."""

    size: int = Attribute("Octets in the file when it was opened.")

    def read_at(offset: int, size: int) -> Awaitable[bytes]:
        """At most ``size`` octets from ``offset``; empty at the end."""

    def close() -> Awaitable[None]:
        """Release it; harmless when repeated."""


class IContents(Interface):
    """A reader that has read all already; what it is asked for is there at once."""

    contents: bytes = Attribute("The octets of the file.")


class IUpload(Interface):
    """One upload: checked, then begun, then committed or abandoned."""

    in_place: bool = Attribute("Whether what arrived is kept when the transfer breaks.")
    offset: int = Attribute("Where the first octet goes; final once ``begin`` is done.")

    def begin() -> Awaitable[None]:
        """Open the target, or make the temporary file beside it."""

    def write_at(offset: int, data: bytes) -> Awaitable[None]:
        """Write all of ``data`` at ``offset``."""

    def commit() -> Awaitable[None]:
        """The upload is whole: make it the file."""

    def abandon() -> Awaitable[None]:
        """The upload broke: leave the target as it was, or keep the part if ``in_place``.

        Harmless when repeated and before ``begin``.
        """


class IKeepsPart(Interface):
    """Of an upload: what arrived can be kept when it breaks off (:class:`IResumable`)."""

    def keep() -> Awaitable[int]:
        """Abandon it, but keep what arrived; returns how many octets are kept.

        Harmless when repeated, before ``begin`` and after ``commit``.
        """


class IX509Credentials(ICredentials):
    """A name, and a client certificate that TLS has verified, for who checks whether they fit."""

    username: bytes = Attribute("The name in USER, in UTF-8.")
    chain: tuple[x509.Certificate, ...] = Attribute(
        "The client's certificate, then the ones that lead to its root."
    )
    certificate: x509.Certificate = Attribute("The client's own.")
    address: str = Attribute("Where the client is.")
    host: str = Attribute("The virtual host; empty without.")
    tls: Report = Attribute("What the control connection's handshake came to.")


class ICertificateAndPassword(ICredentials):
    """A certificate and a password, for users who need both, or the one of their choice.

    A checker of these decides for each user what is needed.
    """

    shown: IX509Credentials = Attribute("The name and the certificate.")
    username: bytes = Attribute("The name in USER, in UTF-8.")
    password: bytes = Attribute("What PASS said.")


class INeedsThreads(Interface):
    """Of a checker: some of its work blocks. The service lends it threads before it is asked."""

    def use(reactor: Any, workers: IWorkers) -> None:
        """Take what to work with.

        Args:
            reactor: What the server runs on.
            workers: Threads that it shares with the filesystems.
        """


class IGivesRealm(Interface):
    """Of a checker: what it knows of users is more than who they are."""

    def realm(fallback: IRealm, workers: IWorkers) -> IRealm:
        """A realm for the users of this checker, and for others.

        Args:
            fallback: Knows what users of other checkers are given.
            workers: Threads for filesystems.
        """


class IProtection(Interface):
    """Of an avatar: how its user's, or his group's, policy differs from everybody's."""

    policy: Mapping[str, Any] = Attribute(
        "Fields of `ftptls.settings.Policy` that differ, and their values."
    )


class IRevocable(Interface):
    """Of an avatar: its user may be barred while he is logged in."""

    def when_revoked(end: Callable[[str], object]) -> None:
        """What to call then, unless he was logged out before; at once, if he is barred already.

        Args:
            end: Ends his session; takes the reason, for the operator.
        """


class IDescriptor(Interface):
    """Of a reader, or of an upload that has begun: there is a file descriptor behind it.

    The data path may then read and write it by offset from a worker thread.
    """

    def fileno() -> int:
        """The descriptor, open until ``close``, ``commit`` or ``abandon``."""


class IQuickUpload(IDescriptor):
    """Of an upload: the worker that writes its octets can begin and commit it, too.

    That takes no longer than one more piece. To ask a worker anew each time costs more than
    all that a small file takes otherwise.
    """

    def begin_now() -> None:
        """Do what ``begin`` does; blocks."""

    def commit_now() -> bool:
        """Do what ``commit`` does, or nothing where that may take long; whether it did. Blocks."""


class IBounded(Interface):
    """Of an upload: it may not become any size."""

    end: int | None = Attribute("Where the file must end at last; EDQUOT behind it.")


class ICheckedUpload(IUpload):
    """An upload that somebody may refuse once it is whole."""

    def check() -> Awaitable[None]:
        """Ask whether it may become the file; may take long, and be cancelled.

        ``commit`` does it if nobody did.

        Raises:
            FTPError: It may not.
        """


class ILocalPaths(Interface):
    """Of a filesystem: its files are on a disk of this machine."""

    def local_path(path: PurePosixPath) -> Awaitable[str]:
        """Where the system has what is there, or where a file would be made."""


class IHook(Interface):
    """Who is told of what happens in all sessions."""

    kinds: frozenset[EventKind] = Attribute("Of what it is told.")
    sha256: bool = Attribute("Whether it wants to know the SHA-256 of what is uploaded.")

    def happened(event: Event) -> Awaitable[None]:
        """Take note of an event.

        The reply to the client waits for it, so it should be quick; what it raises is logged.
        """


class IUploadCheck(IHook):
    """Who is also asked about uploads; its ``kinds`` have ``UPLOAD_HELD``."""

    def check(event: Event, descriptor: int) -> Awaitable[str]:
        """Why an upload may not be, in words for the client; empty if it may.

        It may take long, and is cancelled if the client aborts. If it raises, the upload is
        refused with 451, or with the reply of an FTPError.

        Args:
            event: What is known of the upload.
            descriptor: The content: a file, open for reading at its start until this is answered.
        """


class ISharesQueue(Interface):
    """Of a hook that is a service: what happens waits in a file, and one process sends all."""

    def leave_sending_to(sender: Callable[[], object]) -> None:
        """Only put events into the file; to be called before the service starts.

        Args:
            sender: Called when there is one more; it tells the process that sends.
        """

    def look() -> None:
        """Another process has put something into the file."""


class IOwnWorkers(Interface):
    """Of what is an IDescriptor: only on these threads its descriptor is read or written.

    They act as the user, and the kernel judges every write by who makes it.
    """

    workers: IWorkers = Attribute("The threads.")


class IWorkers(Interface):
    """A bounded pool of threads for calls that block."""

    def run(call: Callable[..., T], *args: Any) -> Awaitable[T]:
        """``call(*args)`` on a thread; its result or exception on the reactor."""


class IThreads(IWorkers):
    """Workers that know how much there is to do; a step of a transfer may stay for a moment."""

    crowded: bool = Attribute("Whether calls wait for a thread; any thread may ask.")
