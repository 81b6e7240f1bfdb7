"""What became of a batch's samples, and why some did not complete, in words: pure functions, no calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import RUN

MOST_ROWS = 1000
"""How many samples go into XCom and into an error, which Airflow keeps in its database: about 300 bytes each."""

NAMED = 5
"""How many samples of one reason an error names."""

NOT_STARTED = "NOT_STARTED"
"""The status of a sample for which HealthOmics could not start a run."""

NEVER_STARTS = frozenset({"ValidationException"})
"""The submission errors that the same settings always meet."""


@dataclass(frozen=True)
class Sample:
    """One sample of a batch: its ``runSettingId``, and what became of its run."""

    run_setting_id: str
    batch_id: str
    status: str
    """That of its run, or :data:`NOT_STARTED`."""
    run_id: str | None = None
    arn: str | None = None
    uuid: str | None = None
    reason: str | None = None
    """The run's ``failureReason``, or the name of the error that kept it from starting."""
    message: str | None = None
    """What AWS says besides."""
    tasks_computed: int | None = None
    tasks_reused: int | None = None
    looked_up: bool = True
    """Whether its run was described, if the list does not tell all: otherwise the reason is not known."""
    left_out: bool = False
    """Whether a later try did not start it again, since it could not heal."""
    others_end: bool = False
    """Whether a cancellation of its run was somebody else's wish, and is to be kept to."""

    @property
    def completed(self) -> bool:
        """Whether its run completed."""
        return self.status in RUN.succeeded

    @property
    def active(self) -> bool:
        """Whether its run has not ended."""
        return self.status in RUN.progress | RUN.stopping

    @property
    def heals(self) -> bool:
        """Whether a retry may lead to another end."""
        if self.status == NOT_STARTED:
            return self.reason not in NEVER_STARTS
        if self.status == "FAILED":
            return reason_of(self.reason).heals if self.looked_up else not self.left_out
        return not (self.others_end and self.status in ("CANCELLED", "DELETED"))

    def plain(self) -> dict[str, Any]:
        """Return it as JSON for XCom."""
        return {
            "run_setting_id": self.run_setting_id,
            "batch_id": self.batch_id,
            "run_id": self.run_id,
            "arn": self.arn,
            "uuid": self.uuid,
            "status": self.status,
            "reason": self.reason,
            "tasks_computed": self.tasks_computed,
            "tasks_reused": self.tasks_reused,
        }


def counts(samples: Iterable[Sample], total: int) -> dict[str, int]:
    """Count samples by how they ended.

    :param total: how many there are, with those of which AWS tells nothing
    """
    keys = {"COMPLETED": "completed", "FAILED": "failed", NOT_STARTED: "not_started"}
    found = {"total": total, "completed": 0, "failed": 0, "not_started": 0, "cancelled": 0, "not_submitted": total}
    for sample in samples:
        found[keys.get(sample.status, "cancelled")] += 1
        found["not_submitted"] -= 1
    return found


def rows(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return one row for each sample; of more than :data:`MOST_ROWS` only those that did not complete, so many of
    them."""
    chosen = samples if len(samples) <= MOST_ROWS else [sample for sample in samples if not sample.completed]
    return [sample.plain() for sample in chosen[:MOST_ROWS]]


def failure(batch: Mapping[str, Any], samples: Sequence[Sample], counted: Mapping[str, int], retry: str) -> str:
    """Say why a batch did not end as was asked for, as a colleague would.

    :param batch: the description of GetBatch
    :param samples: what became of its samples
    :param counted: as :func:`counts` returns
    :param retry: what a retry does, in a sentence
    """
    because = f": {one_line(batch['failureReason'])}" if batch.get("failureReason") else ""
    ended = ", ".join(f"{number} {how.replace('_', ' ')}" for how, number in counted.items() if number)
    lines = [f"HealthOmics run batch {batch['id']} ended as {batch['status']}{because}. Samples: {ended or 'none'}."]
    return "\n".join([*lines, *_by_reason(samples), retry])


def _by_reason(samples: Iterable[Sample]) -> Iterator[str]:
    """Yield a paragraph for each reason, with the samples that met it."""
    met: dict[tuple[str, str | None, bool], list[Sample]] = {}
    for sample in samples:
        if not sample.completed:
            met.setdefault((sample.status, sample.reason, sample.looked_up), []).append(sample)
    for (status, reason, looked_up), those in sorted(met.items(), key=lambda each: -len(each[1])):
        names = ", ".join(
            one_line(sample.run_setting_id) + (f" (run {sample.run_id})" if sample.run_id else "")
            for sample in islice(those, NAMED)
        )
        more = f" and {len(those) - NAMED} more" if len(those) > NAMED else ""
        why = f", {one_line(reason)}" if reason else "" if looked_up else ", not looked up why"
        yield f"{status}{why}: {names}{more}."
        if message := next((sample.message for sample in those if sample.message), None):
            yield f"  AWS says: {one_line(message)}"
        yield from _what_next(status, reason, looked_up)


def _what_next(status: str, reason: str | None, looked_up: bool) -> Iterator[str]:
    """Yield whose it most likely is, if that is known, and what to do."""
    if status == "FAILED" and looked_up:
        known = reason_of(reason)
        yield f"  Most likely it is for {known.owner}: {known.cause}"
        yield f"  Next: {known.action}"
    elif status == "FAILED":
        yield "  Next: look at one of these runs in the console, or call GetRun: its failureReason tells why."
    elif status == NOT_STARTED:
        yield "  Next: correct what AWS's message names; no run was started, and nothing was paid for."
    elif status == "DELETED":
        yield (
            "  Next: look for their outputs in S3, since nobody can tell any more whether these runs completed. With "
            "retentionMode REMOVE, AWS deletes the oldest runs of an account that is full; otherwise ask who deleted "
            "them: CloudTrail knows."
        )
    else:
        yield "  Next: ask who ended these runs; CloudTrail knows."
