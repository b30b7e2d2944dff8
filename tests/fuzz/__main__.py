"""``python -m tests.fuzz [examples] [processes]``: fuzz for long, and count the examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_COUNTED = re.compile(r"^fuzzed with (\d+) examples$", re.MULTILINE)


def main(examples: int = 20_000, processes: int = os.cpu_count() or 1) -> int:
    """Run the fuzz tests in several processes; the status to exit with.

    Args:
        examples: How many there must be, at least.
        processes: How many share them.
    """
    began = time.monotonic()
    # A little more for each, so that rounding costs nobody the last one.
    share = str(-(-examples // processes) + 20)
    environment = {**os.environ, "FTPTLS_FUZZ": share}
    command = [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent)]
    print(f"Fuzzing with {examples} examples in {processes} processes ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder, str(number)) for number in range(processes)]
        running = []
        for log in logs:
            with log.open("wb") as output:
                running.append(subprocess.Popen(command, stdout=output, env=environment))
        failed = max(process.wait() for process in running) > 0
        told = [log.read_text() for log in logs]
    print("\n".join(told))
    counted = sum(int(count) for text in told for count in _COUNTED.findall(text))
    print(f"{counted} examples in {time.monotonic() - began:.0f} s")
    if counted < examples and not failed:
        print(f"These are fewer than {examples}.", file=sys.stderr)
    return int(failed or counted < examples)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
