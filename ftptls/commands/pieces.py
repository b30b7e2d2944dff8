"""Files read a piece at a time, by commands that take long without a data connection."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ftptls.commands.context import Context
from ftptls.errors import TransientError
from ftptls.interfaces import IFileReader
from ftptls.wire.ranges import Range

# Large enough that the way to a worker and back costs little, and some ms of work.
PIECE = 1024 * 1024


async def pieces(context: Context, reader: IFileReader, wanted: Range) -> AsyncIterator[bytes]:
    """The octets of a part of a file; each piece counts once the next one is asked for.

    Between two pieces the reactor has its turn, whatever the file is made of.

    Args:
        context: Everything.
        reader: The open file; the caller closes it.
        wanted: Which octets; a caller looks at ``reader.size`` first.

    Raises:
        TransientError: 426, the command was aborted; 450, the file got shorter meanwhile.
        OSError: It cannot be read.
    """
    progress = context.dtp.progress
    position = wanted.start
    while position < wanted.end:
        await context.control.pause(0)
        progress.check()
        data = await reader.read_at(position, min(PIECE, wanted.end - position))
        if not data:
            raise TransientError(450, "The file got shorter meanwhile; try again.")
        yield data
        position += len(data)
        progress.octets += len(data)
    progress.check()
