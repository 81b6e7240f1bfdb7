"""How often a wait looks."""

from __future__ import annotations

from airflow_provider_omics.hooks.waiting import interval


def test_the_intervals_grow_to_the_delay() -> None:
    assert [interval(look, 30) for look in range(1, 7)] == [3, 6, 12, 24, 30, 30]
    assert interval(10**6, 30) == 30
    assert interval(1, 0.5) == 0.5
