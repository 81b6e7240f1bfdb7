"""``make test-faults``: every fault on real Airflow processes of several releases, and what each cost as a table.

``make test-beside``: fifty waits beside an unrelated trigger, on the releases whose triggers share one channel to
Airflow.

The tables go to ``docs/benchmarks/faults-VERSION.txt``. The environments are those of ``make matrix``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from matrix import all_legs, run_tests, tail
from stacks import BUILD, ROOT, Leg, LegFailed, build_wheel, install

FAULTS = "tests/faults/test_started_once.py"
BESIDE = "tests/e2e/test_beside.py"
LEGS = {FAULTS: ("2.11.2", "3.0.6", "newest-py3.11"), BESIDE: ("3.0.6", "3.2.1", "newest-py3.11")}
TABLES = ROOT / "docs" / "benchmarks"


def try_faults(leg: Leg) -> str:
    """Run the faults on one leg, and return their table."""
    table = TABLES / f"faults-{leg.airflow}.txt"
    table.unlink(missing_ok=True)
    run_tests(leg, FAULTS, extra={"FAULT_TABLE": str(table)})
    return table.read_text()


def try_beside(leg: Leg) -> str:
    """Run fifty waits beside another trigger on one leg, and return what pytest says of it."""
    run_tests(leg, BESIDE)
    return tail(leg, 1)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen legs one after the other, and return the exit status."""
    known = all_legs()
    parser = argparse.ArgumentParser(description="Prove on real processes that a run is started exactly once.")
    parser.add_argument("legs", nargs="*", metavar="LEG", help=f"default: {', '.join(map(' '.join, LEGS.values()))}")
    parser.add_argument("--beside", action="store_true", help="run fifty waits beside another trigger instead")
    options = parser.parse_args(arguments)
    test, attempt = (BESIDE, try_beside) if options.beside else (FAULTS, try_faults)
    if unknown := sorted(set(options.legs) - set(known)):
        parser.error(f"no leg is called {', '.join(unknown)}; there are {', '.join(known)}")
    for folder in (BUILD, TABLES):
        folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel()
    failed = False
    for leg in (known[name] for name in options.legs or LEGS[test]):
        began = time.monotonic()
        leg.log.write_text("")
        try:
            install(leg, wheel)
            print(attempt(leg))
        except (LegFailed, OSError) as error:
            failed = True
            print(f"{leg.name} FAILED: {error}", *leg.log.read_text().splitlines()[-100:], sep="\n")
        print(f"{leg.name}: {time.monotonic() - began:.0f} s, its log: {leg.log.relative_to(ROOT)}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
