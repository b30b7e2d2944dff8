"""A filesystem over a dict: nothing of it lasts, and nothing of it blocks."""

from __future__ import annotations

from collections.abc import Sequence

from ftptls.vfs.pieces import Node
from ftptls.vfs.tables import TableFilesystem


class DictFilesystem(TableFilesystem):
    """Files and directories for as long as the program runs."""

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[tuple[int, bytes], Node] = {}
        self._pieces: dict[int, dict[int, bytes]] = {}

    def find(self, directory: int, name: bytes) -> Node | None:
        return self._names.get((directory, name))

    def names(self, directory: int, after: bytes, most: int) -> Sequence[tuple[bytes, Node]]:
        found = (key[1] for key in self._names if key[0] == directory and key[1] > after)
        return [(name, self._names[directory, name]) for name in sorted(found)[:most]]

    def link(self, directory: int, name: bytes, node: Node) -> None:
        self._names[directory, name] = node

    def unlink(self, directory: int, name: bytes) -> None:
        del self._names[directory, name]

    def load(self, file: int, piece: int) -> bytes:
        return self._pieces.get(file, {}).get(piece, b"")

    def save(self, file: int, piece: int, data: bytes) -> None:
        self._pieces.setdefault(file, {})[piece] = data

    def drop(self, file: int) -> None:
        self._pieces.pop(file, None)


if __name__ == "__main__":
    from serving import serve

    serve(lambda _: DictFilesystem())
