"""What figures were taken on: the machine, in one sentence for each part of it."""

from __future__ import annotations

import os
import platform
import re
import ssl
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from OpenSSL import SSL


def described() -> dict[str, str]:
    """A sentence for each of processor, memory, kernel, Python, OpenSSL, client, load and time."""
    return {
        "processor": f"{_found('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores.",
        "memory": f"{int(_found('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB.",
        "kernel": f"{platform.system()} {platform.release()}, loopback.",
        "Python": f"{platform.python_implementation()} {platform.python_version()}.",
        "OpenSSL": f"{openssl()} in pyOpenSSL, {ssl.OPENSSL_VERSION} in Python's ssl.",
        "load": f"{os.getloadavg()[0]:.1f} processes wanted to run in the minute before.",
        "time": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
    }


def openssl() -> str:
    """The library that pyOpenSSL brings."""
    return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()


def package(name: str) -> str:
    """Name and version of an installed Python package."""
    return f"{name} {version(name)}"


def told(*command: str) -> str:
    """The version that a program tells of itself."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    found = re.search(r"\d+\.\d[^\s,:]*", done.stdout + done.stderr)
    return found[0] if found else "of unknown version"


def _found(path: str, name: str) -> str:
    """The value of the first line that is called so."""
    for line in Path(path).read_text().splitlines():
        label, _, value = line.partition(":")
        if label.strip() == name:
            return value.strip()
    return "unknown"
