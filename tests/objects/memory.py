"""How much memory transfers take: ``python -m tests.objects.memory upload URL BUCKET MIB``.

What is printed is how much more memory the process had at the most than before, in octets.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ftptls.interfaces import Store
from ftptls.vfs.objects.filesystem import ObjectFilesystem
from ftptls.vfs.objects.opening import Stores
from ftptls.workers import Workers
from tests.objects.s3_server import options

_PIECE = bytes(range(256)) * 1024
_SELF = Path("/proc/self")


async def upload(files: ObjectFilesystem, name: str, size: int) -> None:
    begun = await files.open_write(PurePosixPath("/", name), Store.REPLACE, 0)
    await begun.begin()
    for offset in range(0, size, len(_PIECE)):
        await begun.write_at(offset, _PIECE)
    await begun.commit()


async def download(files: ObjectFilesystem, name: str, size: int) -> None:
    reader = await files.open_read(PurePosixPath("/", name))
    assert reader.size == size
    for offset in range(0, size, len(_PIECE)):
        assert await reader.read_at(offset, len(_PIECE)) == _PIECE
    await reader.close()


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", (_SELF / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def main(way: str, url: str, bucket: str, size: int) -> None:
    store = Stores(options(url)).open(f"s3://{bucket}")
    files = ObjectFilesystem(store, Workers(reactor, 16))
    await upload(files, "small", len(_PIECE))  # what is loaded once does not count
    await download(files, "small", len(_PIECE))
    (_SELF / "clear_refs").write_text("5")
    before = _status("VmRSS")
    await {"upload": upload, "download": download}[way](files, "big", size)
    print("peak", _status("VmHWM") - before)


def _end(failure: object) -> None:
    if failure is not None:
        print(failure)
    reactor.stop()  # type: ignore[attr-defined]


if __name__ == "__main__":
    way, url, bucket, mebibytes = sys.argv[1:]
    running = Deferred.fromCoroutine(main(way, url, bucket, int(mebibytes) * 2**20))
    running.addBoth(_end)
    reactor.run()  # type: ignore[attr-defined]
