"""How often a wait looks: the same rule in a worker and in the triggerer."""

from __future__ import annotations

FIRST_SECONDS = 3.0
"""The first interval. What is wrong with a run often shows early: an unknown role, an input that is not there."""


def interval(look: int, delay: float) -> float:
    """Return the seconds after the ``look``-th look, counted from 1: doubling from 3 s up to ``delay``.

    :param look: how often was looked
    :param delay: the longest interval, in seconds
    """
    return min(delay, FIRST_SECONDS * 2.0 ** min(look - 1, 16))
