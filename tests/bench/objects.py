"""Files through FTPS into S3 and back, against plain boto3; ``python -m tests.bench.objects``.

Both go to one S3 API server, moto's, by turns; round 0 warms up and does not count. What is
compared is each round's seconds, ours by boto3's, so that a machine that is busy for a while is
so for both. The server's CPU time is of ftptls alone: TLS with the client is in it.
"""

from __future__ import annotations

import argparse
import ftplib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import peers
from tests.bench.accounting import cpu_seconds
from tests.bench.logins import context
from tests.bench.peers import PASSWORD, USER, Place
from tests.objects import s3_server
from tests.objects.s3_server import KEY, SECRET, S3Server

MIB = 2**20


@dataclass(frozen=True)
class Result:
    """Of one direction: medians over rounds.

    Attributes:
        way: Upload or download.
        ours: MiB a second through ftptls.
        boto3: The same with boto3.
        ratio: Seconds through ftptls by seconds with boto3.
        spread: Largest less smallest ratio, over the median.
        our_cpu: CPU seconds of ftptls for a GiB.
        boto3_cpu: CPU seconds of boto3 for a GiB.
    """

    way: str
    ours: float
    boto3: float
    ratio: float
    spread: float
    our_cpu: float
    boto3_cpu: float


@dataclass(frozen=True)
class Sample:
    """One transfer: seconds, and CPU seconds of whom it is about."""

    seconds: float
    cpu: float


@contextmanager
def credentials() -> Iterator[None]:
    """What the server under test finds in its environment."""
    made = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    before = {name: os.environ.get(name) for name in made}
    os.environ.update(made)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def command(place: Place, s3: S3Server, bucket: str) -> list[str]:
    """This server, with a bucket for its root."""
    settings = f'[objects]\nendpoint_url = "{s3.url}"\nregion = "us-east-1"'
    made = peers.ftptls(f"memory:{USER}:{PASSWORD}", settings=settings)(place)
    made[made.index("--root") + 1] = f"s3://{bucket}"
    return made


class Transfers:
    """Both ways to move one file.

    Args:
        s3: The S3 API server.
        bucket: Where the file goes.
        client: Logged in to ftptls.
        pid: Of ftptls.
        data: The file.
    """

    def __init__(
        self, s3: S3Server, bucket: str, client: ftplib.FTP_TLS, pid: int, data: bytes
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._client = client
        self._pid = pid
        self._data = data

    def ours(self, way: str) -> Sample:
        """Through FTPS."""
        got = io.BytesIO()

        def move() -> None:
            if way == "upload":
                self._client.storbinary("STOR ours", io.BytesIO(self._data), MIB // 4)
            else:
                self._client.retrbinary("RETR ours", got.write, MIB // 4)

        sample = _timed(move, lambda: cpu_seconds(self._pid))
        self._compare(way, "ours", got)
        return sample

    def boto3(self, way: str) -> Sample:
        """With boto3."""
        got = io.BytesIO()

        def move() -> None:
            if way == "upload":
                self._s3.client.upload_fileobj(io.BytesIO(self._data), self._bucket, "plain")
            else:
                self._s3.client.download_fileobj(self._bucket, "plain", got)

        sample = _timed(move, time.process_time)
        self._compare(way, "plain", got)
        return sample

    def _compare(self, way: str, key: str, got: io.BytesIO) -> None:
        if way == "upload":
            size = self._s3.client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            whole = size == len(self._data)
        else:
            whole = got.getvalue() == self._data
        if not whole:
            raise SystemExit(f"the {way} of {key} is not whole")


def _timed(move: Callable[[], None], cpu: Callable[[], float]) -> Sample:
    used, clock = cpu(), time.perf_counter()
    move()
    return Sample(time.perf_counter() - clock, cpu() - used)


def measure(rounds: int, size: int) -> list[Result]:
    """Start both servers, and take turns.

    Args:
        rounds: How many count.
        size: Octets of the file.
    """
    authority = Authority()
    taken: dict[str, list[tuple[Sample, Sample]]] = {"upload": [], "download": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftptls-bench-")))
        stack.enter_context(credentials())
        s3 = stack.enter_context(s3_server.running(folder))
        bucket = s3.bucket()
        place = peers.place(folder / "ftptls", authority, KeyKind.EC)
        process = stack.enter_context(peers.running(command(place, s3, bucket), place))
        client: Any = ftplib.FTP_TLS(
            context=context(authority, place.folder, certificate=False), timeout=600
        )
        stack.enter_context(client)
        client.connect("127.0.0.1", place.port)
        client.login(USER, PASSWORD)
        client.prot_p()
        transfers = Transfers(s3, bucket, client, process.pid, os.urandom(size))
        for number in range(rounds + 1):
            for way, samples in taken.items():
                pair = (transfers.ours(way), transfers.boto3(way))
                if number:
                    samples.append(pair)
    return [_result(way, samples, size) for way, samples in taken.items()]


def _result(way: str, samples: Sequence[tuple[Sample, Sample]], size: int) -> Result:
    ratios = [ours.seconds / boto3.seconds for ours, boto3 in samples]
    ratio = statistics.median(ratios)
    gib = 2**30 / size
    return Result(
        way,
        statistics.median(size / MIB / ours.seconds for ours, _ in samples),
        statistics.median(size / MIB / boto3.seconds for _, boto3 in samples),
        ratio,
        (max(ratios) - min(ratios)) / ratio,
        statistics.median(gib * ours.cpu for ours, _ in samples),
        statistics.median(gib * boto3.cpu for _, boto3 in samples),
    )


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        "| way | ftptls, MiB/s | boto3, MiB/s | seconds, ratio | spread "
        "| ftptls CPU, s/GiB | boto3 CPU, s/GiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.way} | {each.ours:.0f} | {each.boto3:.0f} | {each.ratio:.2f} "
        f"| {each.spread:.0%} | {each.our_cpu:.2f} | {each.boto3_cpu:.2f} |"
        for each in results
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mebibytes", type=int, default=64, help="of the file")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    results = measure(given.rounds, given.mebibytes * MIB)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
