"""Five hundred mapped runs on PostgreSQL, once per executor: ``make test-scale``, 45 minutes.

Not called ``test_…``, so that pytest collects it only where it is named: ``pytest tests/e2e/scale.py -k celery``.
With ``SCALE_REPORTS=FOLDER`` the figures are written to files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.many_runs import many_runs, show

SAMPLES = 500


def test_local_executor_and_a_triggerer_that_dies_twice(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with many_runs(SAMPLES, tmp_path) as cohort:
        cohort.lose_triggerers()
        cohort.check()
        show(request, cohort)


def test_celery_executor_and_a_worker_that_dies(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with many_runs(SAMPLES, tmp_path, celery=True) as cohort:
        cohort.lose_worker()
        cohort.check()
        show(request, cohort)
