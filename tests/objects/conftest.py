"""A real S3 API server, and buckets in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.objects import s3_server
from tests.objects.faults import Faults, between
from tests.objects.s3_server import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server that all tests share."""
    with s3_server.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A new bucket."""
    return s3.bucket()


@pytest.fixture
def faults(s3: S3Server) -> Iterator[Faults]:
    """Something in between, which can fail."""
    with between(s3.port) as made:
        yield made
