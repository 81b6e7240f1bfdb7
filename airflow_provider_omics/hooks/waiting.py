"""How often a wait looks and when it gives up: the same rules in a worker and in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from airflow_provider_omics.exceptions import NotFound
from airflow_provider_omics.resources import Resource

FIRST_SECONDS = 3.0
"""The first interval. What is wrong with a run often shows early: an unknown role, an input that is not there."""


def interval(look: int, delay: float) -> float:
    """Return the seconds after the ``look``-th look, counted from 1: doubling from 3 s up to ``delay``.

    :param look: how often was looked
    :param delay: the longest interval, in seconds
    """
    return min(delay, FIRST_SECONDS * 2.0 ** min(look - 1, 16))


def own(
    resource: Resource, identifiers: Mapping[str, str], description: Mapping[str, Any], uuid: str | None
) -> Mapping[str, Any]:
    """Return what a look shows of what is waited for: AWS gives the ids of deleted runs to new ones.

    Source: https://docs.aws.amazon.com/omics/latest/dev/running-workflows.html.

    :param identifiers: by which it was looked for
    :param description: what the look shows
    :param uuid: of what is waited for; None if it is not known
    :returns: the description, or one that says DELETED if it is another one's
    :raises NotFound: if it is another one's, and its kind has no such status
    """
    if uuid is None or description.get("uuid", uuid) == uuid:
        return description
    if "DELETED" not in resource.failed:
        which = f"{resource.title} {'/'.join(identifiers.values())}"
        raise NotFound(resource.describe, "ResourceNotFoundException", f"{which} was deleted; the id is another one's.")
    return {**identifiers, "uuid": uuid, resource.status: "DELETED"}


@dataclass(frozen=True)
class Limits:
    """When a wait gives up; None means never."""

    waiter_max_attempts: int | None = None
    """How many looks at most."""
    pending_timeout: float | None = None
    """Seconds that a resource may wait for capacity, from its creation to its start."""
    run_timeout: float | None = None
    """Seconds that it may run, from its start."""
    execution_timeout: float | None = None
    """The Unix time by which Airflow's ``execution_timeout`` of a deferred task is used up."""

    def plain(self) -> dict[str, Any]:
        """Return the limits as plain JSON."""
        return asdict(self)

    def by(self, due: float, now: float) -> float:
        """Return when to look next: as planned, or when ``execution_timeout`` is used up.

        :param due: the planned time, on any clock
        :param now: the time on that clock
        """
        if self.execution_timeout is None:
            return due
        return min(due, now + max(self.execution_timeout - time(), 0.0))

    def reached(
        self, resource: Resource, looks: int, description: Mapping[str, Any] | None, service_time: datetime
    ) -> str | None:
        """Return the name of the limit that a wait has come to, or None.

        :param looks: how often was looked
        :param description: what the last look showed; None if it showed nothing
        :param service_time: the service's own time at that look
        """
        if self.waiter_max_attempts is not None and looks >= self.waiter_max_attempts:
            return "waiter_max_attempts"
        if self.execution_timeout is not None and datetime.now(UTC).timestamp() >= self.execution_timeout:
            return "execution_timeout"
        if description is None or resource.status_of(description) not in resource.progress:
            return None
        name, since = "pending_timeout", description.get("creationTime")
        if "startTime" in description:
            name, since = "run_timeout", description["startTime"]
        seconds = getattr(self, name)
        over = seconds is not None and since is not None and (service_time - since).total_seconds() >= seconds
        return name if over else None
