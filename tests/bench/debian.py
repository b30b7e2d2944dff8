"""Debian lets no two FTP servers be installed at once: so some are fetched, and only unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent / ".debian"
_LIBRARIES = FOLDER / "usr/lib" / f"{os.uname().machine}-linux-gnu"


def unpack(*packages: str) -> None:
    """Fetch packages, and the libraries that they need and this machine has not.

    Raises:
        SystemExit: They cannot be had.
    """
    missing = [each for each in packages if not (FOLDER / "usr/share/doc" / each).exists()]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise SystemExit(
            f"{' and '.join(packages)}: only Debian's apt-get can fetch them here; "
            "leave their server out with --only."
        )
    FOLDER.mkdir(exist_ok=True)
    if not _fetch(missing):
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        if not _fetch(missing):
            raise SystemExit(
                f"apt-get cannot download {' and '.join(missing)}; run apt-get update as root, "
                "or leave their server out with --only."
            )


def program(name: str) -> list[str]:
    """The command of an unpacked program, with its libraries."""
    return ["env", f"LD_LIBRARY_PATH={_LIBRARIES}", str(FOLDER / "usr" / name)]


def _fetch(packages: list[str]) -> bool:
    """Whether it worked: all packages, each unpacked."""
    asked = [*packages, *_libraries(packages)]
    with tempfile.TemporaryDirectory() as folder:
        fetched = subprocess.run(
            ["apt-get", "download", "-qq", *asked], cwd=folder, capture_output=True
        )
        if fetched.returncode:
            return False
        for each in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(each), str(FOLDER)], check=True)
    return True


def _libraries(packages: list[str]) -> list[str]:
    """Those that they depend on, and those in turn, that are not installed."""
    wanted = list(packages)
    for each in wanted:
        told = subprocess.run(["apt-cache", "depends", each], capture_output=True, text=True)
        names = re.findall(r"^ [ |]Depends: (lib\S+)$", told.stdout, re.MULTILINE)
        wanted += [name for name in names if name not in wanted and not _installed(name)]
    return wanted[len(packages) :]


def _installed(package: str) -> bool:
    asked = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True).stdout.startswith("installed")
