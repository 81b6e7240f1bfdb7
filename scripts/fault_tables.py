"""``make test-faults``: every fault on real Airflow processes of several releases, and what each cost as a table.

The tables go to ``docs/benchmarks/faults-VERSION.txt``. The environments are those of ``make matrix``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from matrix import all_legs, run_tests
from stacks import BUILD, ROOT, Leg, LegFailed, build_wheel, install

LEGS = ("2.11.2", "3.0.6", "newest-py3.11")
TEST = "tests/faults/test_started_once.py"
TABLES = ROOT / "docs" / "benchmarks"


def try_faults(leg: Leg) -> str:
    """Run the faults on one leg, and return their table."""
    table = TABLES / f"faults-{leg.airflow}.txt"
    table.unlink(missing_ok=True)
    try:
        run_tests(leg, TEST, extra={"FAULT_TABLE": str(table)})
    finally:
        shown = table.read_text() if table.exists() else ""
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen legs one after the other, and return the exit status."""
    known = all_legs()
    parser = argparse.ArgumentParser(description="Prove on real processes that a run is started exactly once.")
    parser.add_argument("legs", nargs="*", metavar="LEG", help=f"default: {' '.join(LEGS)}")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.legs) - set(known)):
        parser.error(f"no leg is called {', '.join(unknown)}; there are {', '.join(known)}")
    for folder in (BUILD, TABLES):
        folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel()
    failed = False
    for leg in (known[name] for name in options.legs or LEGS):
        began = time.monotonic()
        leg.log.write_text("")
        try:
            install(leg, wheel)
            print(try_faults(leg))
        except (LegFailed, OSError) as error:
            failed = True
            print(f"{leg.name} FAILED: {error}", *leg.log.read_text().splitlines()[-100:], sep="\n")
        print(f"{leg.name}: {time.monotonic() - began:.0f} s, its log: {leg.log.relative_to(ROOT)}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
