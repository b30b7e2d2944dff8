"""Shells that are not Twisted's own: late, odd and ill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.protocols.ftp import (
    FileExistsError,
    FileNotFoundError,
    IFTPShell,
    IReadFile,
    IsADirectoryError,
    IsNotADirectoryError,
    IWriteFile,
)
from zope.interface import implementer


@implementer(IFTPShell)
class LateShell:
    """Files in a dict; each answer comes by a Deferred, and late.

    Args:
        content: Octets by path; a directory is ``None``.
        later: What is given each call that is to be made later.

    Attributes:
        asked: The calls so far: method and path.
    """

    def __init__(
        self, content: dict[str, bytes | None], later: Callable[[Callable[[], None]], object]
    ) -> None:
        self.content = {"": None, **content}
        self.asked: list[tuple[str, str]] = []
        self.later = later

    def _later(self, method: str, path: list[str], work: Callable[[str], Any]) -> Deferred[Any]:
        found: Deferred[Any] = Deferred()
        name = "/".join(path)
        self.asked.append((method, name))

        def fire() -> None:
            try:
                result = work(name)
            except Exception as error:  # noqa: BLE001 - what it was is for who asked
                found.errback(error)
            else:
                found.callback(result)

        self.later(fire)
        return found

    def _values(self, name: str, keys: tuple[str, ...]) -> list[Any]:
        data = self.content[name]
        known = {
            "size": None if data is None else len(data),
            "directory": data is None,
            "permissions": 0o100640,
            "hardlinks": None,
            "modified": None,
            "owner": b"j\xc3\xb6rg",
            "group": None,
        }
        return [known[key] for key in keys]

    def stat(self, path: list[str], keys: tuple[str, ...] = ()) -> Deferred[Any]:
        def work(name: str) -> Any:
            if name not in self.content:
                raise FileNotFoundError(name)
            return self._values(name, keys)

        return self._later("stat", path, work)

    def list(self, path: list[str], keys: tuple[str, ...] = ()) -> Deferred[Any]:
        def work(name: str) -> Any:
            if name not in self.content:
                raise FileNotFoundError(name)
            if self.content[name] is not None:
                return [(name, self._values(name, keys))]
            inside = [each for each in self.content if each and each.rpartition("/")[0] == name]
            return [(each.rpartition("/")[2].encode(), self._values(each, keys)) for each in inside]

        return self._later("list", path, work)

    def access(self, path: list[str]) -> Deferred[Any]:
        return self._later("access", path, lambda _name: None)  # there is no objection, ever

    def makeDirectory(self, path: list[str]) -> Deferred[Any]:
        def work(name: str) -> None:
            if name in self.content:
                raise FileExistsError(name)
            self.content[name] = None

        return self._later("makeDirectory", path, work)

    def removeDirectory(self, path: list[str]) -> Deferred[Any]:
        def work(name: str) -> None:
            if self.content[name] is not None:
                raise IsNotADirectoryError(name)
            del self.content[name]

        return self._later("removeDirectory", path, work)

    def removeFile(self, path: list[str]) -> Deferred[Any]:
        def work(name: str) -> None:
            if self.content[name] is None:
                raise IsADirectoryError(name)
            del self.content[name]

        return self._later("removeFile", path, work)

    def rename(self, source: list[str], target: list[str]) -> Deferred[Any]:
        def work(name: str) -> None:
            self.content["/".join(target)] = self.content.pop(name)

        return self._later("rename", source, work)

    def openForReading(self, path: list[str]) -> Deferred[Any]:
        return self._later("openForReading", path, lambda name: Pushed(self, self.content[name]))

    def openForWriting(self, path: list[str]) -> Deferred[Any]:
        return self._later("openForWriting", path, lambda name: Taken(self, name))


@implementer(IReadFile)
class Pushed:
    """Sends a kilobyte whenever the shell answers, unless it is held back."""

    def __init__(self, shell: LateShell, data: bytes) -> None:
        self._shell = shell
        self._data = data
        self._paused = False
        self._consumer: Any = None
        self._done: Deferred[None] = Deferred()

    def send(self, consumer: Any) -> Deferred[None]:
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self._shell.later(self._push)
        return self._done

    def _push(self) -> None:
        if self._paused:
            return
        piece, self._data = self._data[:1024], self._data[1024:]
        if piece:
            self._consumer.write(piece)
            if not self._paused:
                self._shell.later(self._push)
        elif not self._done.called:
            self._consumer.unregisterProducer()
            self._done.callback(None)

    def pauseProducing(self) -> None:
        self._paused = True
        self._shell.asked.append(("pause", ""))

    def resumeProducing(self) -> None:
        self._paused = False
        self._shell.later(self._push)

    def stopProducing(self) -> None:
        self._data = b""
        self._shell.asked.append(("stop", ""))


@implementer(IWriteFile)
class Taken:
    """Takes a kilobyte at once and then has its hands full, until the shell answers."""

    def __init__(self, shell: LateShell, name: str) -> None:
        self._shell = shell
        self._name = name
        self._data = bytearray()
        self._producer: Any = None

    def receive(self) -> Deferred[Any]:
        return succeed(self)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def write(self, data: bytes) -> None:
        self._data += data
        if len(data) >= 1024:
            self._producer.pauseProducing()
            self._shell.later(self._go_on)

    def _go_on(self) -> None:
        if self._producer is not None:
            self._producer.resumeProducing()

    def close(self) -> Deferred[Any]:
        def work(name: str) -> None:
            self._shell.content[name] = bytes(self._data)

        return self._shell._later("close", [self._name], work)
