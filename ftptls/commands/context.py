"""What a command sees of the server: the session, and two services, never a transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from twisted.cred.portal import Portal

from ftptls import policy
from ftptls.errors import PermanentError
from ftptls.guard import AnyVisit, Waiter
from ftptls.hooks import Reporter
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IProtection,
    IUpload,
    IWorkers,
    IX509Credentials,
)
from ftptls.progress import Progress
from ftptls.session import Session
from ftptls.settings import Settings
from ftptls.vfs.rights import Restricted
from ftptls.wire.addresses import DataAddress
from ftptls.wire.arguments import Mechanism
from ftptls.wire.languages import Translation
from ftptls.wire.paths import resolve
from ftptls.wire.replies import Reply

if TYPE_CHECKING:
    from ftptls.commands.registry import CommandTable


class Control(Waiter, Protocol):
    """The control connection, as commands may use it."""

    @property
    def offers_tls(self) -> bool:
        """Whether the listener has a certificate."""

    @property
    def input_pending(self) -> bool:
        """Whether anything was received behind the present command."""

    def choose_host(self, name: str) -> str:
        """HOST names a virtual host, or with no name the default one; why it cannot be."""

    def raise_tls(self, mechanism: Mechanism) -> None:
        """Once the reply is sent: expect the TLS handshake."""

    def lower_tls(self) -> None:
        """Once the reply is sent: close TLS and go on in clear text."""

    def start_anew(self) -> None:
        """Once the reply is sent: the connection is as it was when the client made it."""

    def allow_idleness(self, seconds: float) -> None:
        """Let the client be idle for so long."""

    def close_after_reply(self) -> None:
        """Once the reply is sent: close the connection."""

    def revoke_login(self, reason: str) -> None:
        """End the session: its user may not be logged in any more, for this reason."""

    def shown_certificate(self, name: str) -> IX509Credentials | None:
        """The client's certificate as credentials for a name; ``None`` without one."""

    def certificate_objection(self) -> Awaitable[str]:
        """Why the client's certificate is refused, once that is known; empty if it is not."""

    def transfer_answered(self) -> Awaitable[None] | None:
        """Until the transfer in progress has its reply; ``None`` if there is none."""


class DataTransfer(Protocol):
    """The server-DTP, as commands may use it; errors are raised as FTPError."""

    def listen(self, *, as_client: bool = False) -> int:
        """Open a passive port; returns its number.

        Args:
            as_client: Whether this server is the TLS client of what connects there.
        """

    def target(self, address: DataAddress) -> None:
        """Connect there at the next transfer."""

    def forget_port(self) -> None:
        """Neither listen nor have a target any more."""

    def protection_changed(self) -> None:
        """PROT was given."""

    @property
    def progress(self) -> Progress:
        """Of the command in progress that transfers or takes long.

        A handler that takes long counts there, and calls ``check`` between two pieces:
        that ends it when it is aborted, with the 426 that is due.
        """

    def abort(self) -> bool:
        """Abort the transfer in progress; whether there was one."""

    def describe(self) -> str:
        """The transfer in progress in a line; empty without one."""

    def send_file(
        self, path: str, reader: IFileReader, offset: int, end: int | None = None
    ) -> Awaitable[Reply]:
        """Send an open file and close it.

        Args:
            path: Its name, for the log.
            reader: The file.
            offset: Where its first octet is.
            end: Where its last one was; ``None`` for the end of the file.
        """

    def send_lines(self, path: str, lines: AsyncIterator[bytes]) -> Awaitable[Reply]:
        """Send text that is made while it goes."""

    def receive_file(self, path: str, upload: IUpload, announced: str = "") -> Awaitable[Reply]:
        """Receive a file.

        Args:
            path: Its name, for the log.
            upload: The target.
            announced: What the 150 says, where the standard prescribes it.
        """


@dataclass(slots=True)
class Context:
    """Everything a command needs.

    Attributes:
        session: The state that commands read and change.
        settings: What the server was told.
        portal: Cred's door.
        commands: The table, by verb.
        languages: What puts replies into other languages, by tag; the first is the default.
        visit: The connection as the door sees it: what is held against it.
        control: The control connection.
        dtp: Data connections and transfers.
        workers: Threads for what takes the processor long.
        reporter: Tells the hooks.
    """

    session: Session
    settings: Settings
    portal: Portal
    commands: CommandTable
    languages: Mapping[str, Translation]
    visit: AnyVisit
    control: Control
    dtp: DataTransfer
    workers: IWorkers
    reporter: Reporter

    @property
    def filesystem(self) -> IFilesystem:
        """The avatar's files.

        Raises:
            PermanentError: 530, nobody is logged in.
        """
        filesystem = self.session.login.filesystem
        if filesystem is None:
            raise PermanentError(530, "Log in with USER and PASS first.")
        return filesystem

    def apply_policy(self, user: str = "", avatar: object = None) -> None:
        """Find the policy that holds from here on, for this client and this user."""
        session, settings = self.session, self.settings
        # To ask that of nobody takes zope longer than of an avatar.
        own = avatar.policy if avatar is not None and IProtection.providedBy(avatar) else None
        session.policy = policy.effective(
            settings.policy,
            settings.all_rules,
            client=session.peers.client,
            host=session.host,
            user=user,
            avatar=own,
        )

    def restricted(self, filesystem: IFilesystem, user: str) -> IFilesystem:
        """A user's files: what the settings allow of them, and with the hooks told of it."""
        session = self.session
        for rights in policy.rights(
            self.settings.files,
            self.settings.all_rules,
            client=session.peers.client,
            host=session.host,
            user=user,
        ):
            filesystem = Restricted(filesystem, rights)
        return self.reporter.around(filesystem)

    def path(self, name: str) -> PurePosixPath:
        """A name from the client as an absolute path; empty is the current directory."""
        directory = self.session.parameters.directory
        return resolve(directory, name) if name else directory
