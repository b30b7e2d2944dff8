"""An S3 API server of our own: moto's, in a process of its own, ended by its process id."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.conftest import Process

KEY, SECRET = "an-access-key", "a-secret-nobody-may-read"


class S3Server:
    """A running server.

    Args:
        folder: For its log; an empty one of its own.
        port: Where it listens; 0 for any free port.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        self._numbers = count(1)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = Process(
            command, folder / f"moto-{port}.log", folder, MOTO_S3_CUSTOM_ENDPOINTS=""
        )
        self.port = int(self._process.wait_for(r"Running on http://127\.0\.0\.1:(\d+)")[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = client(self.url)

    def bucket(self) -> str:
        """A new bucket."""
        name = f"bucket-{next(self._numbers)}"
        self.client.create_bucket(Bucket=name)
        return name

    def uploads(self, bucket: str) -> list[str]:
        """Keys of multipart uploads that were neither completed nor aborted."""
        listed = self.client.list_multipart_uploads(Bucket=bucket)
        return [each["Key"] for each in listed.get("Uploads", [])]

    def keys(self, bucket: str) -> set[str]:
        """Every key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

    def get(self, bucket: str, key: str) -> bytes:
        """An object's octets."""
        data: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def put(self, bucket: str, key: str, data: bytes = b"") -> None:
        """Make an object."""
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self._process.end(signal.SIGINT)


def client(url: str) -> Any:
    """A plain client, not ours."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(max_pool_connections=50),
    )


def options(url: str) -> dict[str, Any]:
    """For :class:`ftptls.vfs.objects.opening.Stores`."""
    return {
        "endpoint_url": url,
        "key": KEY,
        "secret": SECRET,
        "client_kwargs": {"region_name": "us-east-1"},
    }


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server that runs meanwhile."""
    server = S3Server(folder)
    try:
        yield server
    finally:
        server.stop()
