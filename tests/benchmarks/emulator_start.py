"""Measure how long the emulator takes to start: ``python tests/benchmarks/emulator_start.py``.

Prints the median of several fresh processes, from the command to the line that says it is ready. The emulator is to be
ready in under 3 s, and in under 1 s without its neighbours.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PROCESSES = 5
LIMITS = {"with S3, STS and Logs": ([], 3.0), "alone": (["--no-neighbours"], 1.0)}


def seconds_to_start(options: list[str]) -> float:
    """Start one emulator, wait until it is ready, and stop it."""
    command = [sys.executable, "-m", "airflow_provider_omics.emulator", "--port", "0", *options]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        took = time.perf_counter() - began
        process.terminate()
    return took


def main() -> int:
    """Measure both ways to start, and fail if one is slower than it is to be."""
    slow = False
    for name, (options, limit) in LIMITS.items():
        median = statistics.median(seconds_to_start(options) for _ in range(PROCESSES))
        print(f"{name:>21}: {median:.2f} s (limit {limit:g} s)")
        slow |= median > limit
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
