"""Fifty mapped runs on PostgreSQL and the LocalExecutor: the triggerer dies twice, and each sample has its one run.

``make test-scale`` does it with ten times as many: ``tests/e2e/scale.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.many_runs import many_runs, show

SAMPLES = 50

pytestmark = pytest.mark.slow


def test_one_run_each_though_the_triggerer_dies_twice(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with many_runs(SAMPLES, tmp_path) as cohort:
        cohort.lose_triggerers()
        cohort.check()
        show(request, cohort)
