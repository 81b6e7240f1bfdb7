"""``make test-faults``: every fault on real Airflow processes of several releases, and what each cost as a table.

Then fifty waits beside an unrelated trigger, on the releases whose triggers share one channel to Airflow.

The tables go to ``docs/benchmarks/faults-VERSION.txt``. The environments are those of ``make matrix``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from matrix import all_legs, run_tests
from stacks import BUILD, ROOT, Leg, LegFailed, build_wheel, install

FAULTS = "tests/faults/test_started_once.py"
BESIDE = "tests/e2e/test_beside.py"
TESTS = {"2.11.2": [FAULTS], "3.0.6": [FAULTS, BESIDE], "3.2.1": [BESIDE], "newest-py3.11": [FAULTS]}
"""What each leg runs; the newest one's waits beside another trigger are part of ``make test``."""
TABLES = ROOT / "docs" / "benchmarks"


def try_faults(leg: Leg, tests: Sequence[str]) -> str:
    """Run the tests of one leg, and return the table of its faults, if it has any."""
    table = TABLES / f"faults-{leg.airflow}.txt"
    if FAULTS in tests:
        table.unlink(missing_ok=True)
    run_tests(leg, *tests, extra={"FAULT_TABLE": str(table)})
    return table.read_text() if FAULTS in tests else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen legs one after the other, and return the exit status."""
    known = all_legs()
    parser = argparse.ArgumentParser(description="Prove on real processes that a run is started exactly once.")
    parser.add_argument("legs", nargs="*", metavar="LEG", help=f"default: {' '.join(TESTS)}")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.legs) - set(known)):
        parser.error(f"no leg is called {', '.join(unknown)}; there are {', '.join(known)}")
    for folder in (BUILD, TABLES):
        folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel()
    failed = False
    for leg in (known[name] for name in options.legs or TESTS):
        began = time.monotonic()
        leg.log.write_text("")
        try:
            install(leg, wheel)
            print(try_faults(leg, TESTS.get(leg.name, [FAULTS])))
        except (LegFailed, OSError) as error:
            failed = True
            print(f"{leg.name} FAILED: {error}", *leg.log.read_text().splitlines()[-100:], sep="\n")
        print(f"{leg.name}: {time.monotonic() - began:.0f} s, its log: {leg.log.relative_to(ROOT)}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
