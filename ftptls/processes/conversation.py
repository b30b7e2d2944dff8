"""Two processes that tell and ask each other, over a socket between them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftptls.errors import FTPError, PermanentError, TransientError
from ftptls.pi.sending import Prompt
from ftptls.processes.messages import Message, MessageReader, encode

_log = Logger(namespace="ftptls")

Verbs = Mapping[str, Callable[..., Any]]
"""What one can be told and asked; some answer later, with a coroutine."""


class Conversation(Protocol):
    """One end. What was said first is heard first.

    Args:
        reactor: For the end of a turn.
        verbs: What this end can be told and asked.
        over: Called when the other end is gone.
    """

    def __init__(self, reactor: Any, verbs: Verbs, over: Callable[[], object]) -> None:
        self._reactor = reactor
        self._verbs = verbs
        self._over = over
        self._reader = MessageReader()
        self._number = 0
        self._asked: dict[int, Deferred[Any]] = {}
        self._unsent = b""
        self._hears = self._sends_later = False
        self._out: Prompt | None = None

    def connectionMade(self) -> None:
        """The other end hears from now on."""
        self._out = Prompt(self.transport, getattr(self.transport, "writeSomeData", None))

    def tell(self, verb: str, *arguments: Any) -> None:
        """Say something; nothing is said to an end that is gone.

        It leaves with what is asked next, or else when the reactor comes round.
        """
        self._say([verb, *arguments])
        if not self._hears and not self._sends_later:
            self._sends_later = True
            self._reactor.callLater(0, self._send_later)

    def ask(self, verb: str, *arguments: Any) -> Deferred[Any]:
        """Ask for something.

        Returns:
            Fires with the answer, or fails with the :class:`~ftptls.errors.FTPError` that the
            other end answers with; 421 if it is gone.
        """
        if not self.connected:
            return fail(_gone())
        self._number = number = self._number + 1
        answer: Deferred[Any] = Deferred(lambda _: self._asked.__delitem__(number))
        self._asked[number] = answer
        self._say([number, verb, *arguments])
        self._flush()
        return answer

    def dataReceived(self, data: bytes) -> None:
        """Octets of the other end; what is said about them leaves together."""
        self._hears = True
        for message in self._reader.feed(data):
            self._heard(message)
        self._hears = False
        self._flush()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other end is gone, and with it what was asked of it."""
        self.connected = 0
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(_gone())
        self._over()

    def _say(self, message: Message) -> None:
        if self.connected:
            self._unsent += encode(message)

    def _send_later(self) -> None:
        self._sends_later = False
        self._flush()

    def _flush(self) -> None:
        data, self._unsent = self._unsent, b""
        if data and self._out is not None:
            self._out.write(data)

    def _heard(self, message: Message) -> None:
        first, *rest = message
        if isinstance(first, str):
            told = self._verbs[first](*rest)
            if isinstance(told, Coroutine):
                Deferred.fromCoroutine(told).addErrback(_unforeseen)
        elif first > 0:
            self._answer(first, *rest)
        elif (waiting := self._asked.pop(-first, None)) is not None:
            if len(rest) == 1:
                waiting.callback(rest[0])
            else:
                waiting.errback(_error(*rest))

    def _answer(self, number: int, verb: str, *arguments: Any) -> None:
        try:
            answer = self._verbs[verb](*arguments)
        except FTPError as error:
            self._say([-number, error.reply.code, error.reply.text])
            return
        if isinstance(answer, Coroutine):
            answering = Deferred.fromCoroutine(answer)
            answering.addCallback(lambda later: self._say([-number, later]))
            answering.addErrback(lambda failure: self._no(number, failure))
            answering.addCallback(lambda _: None if self._hears else self._flush())
        else:
            self._say([-number, answer])

    def _no(self, number: int, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, FTPError):
            self._say([-number, error.reply.code, error.reply.text])
        else:
            if not failure.check(CancelledError):  # given up, by the one who asked
                _unforeseen(failure)
            self._say([-number, 451, "Local error; try again later."])


def converse(reactor: Any, connection: socket.socket, conversation: Conversation) -> None:
    """Have a conversation over a socket, which may be closed here then."""
    connection.setblocking(False)
    IReactorSocket(reactor).adoptStreamConnection(
        connection.fileno(), connection.family, _Once(conversation)
    )


class _Once(ServerFactory):
    """For one connection that is there already."""

    noisy = False

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def buildProtocol(self, addr: object) -> Conversation:
        """The conversation, whose connection it is."""
        return self._conversation


def _unforeseen(failure: Failure) -> None:
    _log.failure("unforeseen error between processes", failure)


def _error(code: int, text: str) -> FTPError:
    kind = TransientError if code in TransientError.codes else PermanentError
    return kind(code, text)


def _gone() -> FTPError:
    return TransientError(421, "The server is shutting down.")
