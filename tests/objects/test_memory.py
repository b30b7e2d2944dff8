"""However large a file is, little of it is in memory; measured in a process of its own."""

from __future__ import annotations

import os
import sys

from ftptls.vfs.objects.stores import MIB

SCALE = float(os.environ.get("FTPTLS_SCALE", "1"))
SIZE = min(1024, round(160 * SCALE))


def test_a_transfer_takes_little_memory(s3, bucket, spawn):
    """In MiB: 160, and at scale 10 a whole GiB."""
    for way in ("upload", "download"):
        process = spawn(
            sys.executable, "-m", "tests.objects.memory", way, s3.url, bucket, str(SIZE)
        )
        peak = int(process.wait_for(r"^peak (\d+)$", 800)[1])
        assert peak < 64 * MIB, way
        assert process.wait() == 0
        assert s3.client.head_object(Bucket=bucket, Key="big")["ContentLength"] == SIZE * MIB
    s3.client.delete_object(Bucket=bucket, Key="big")
