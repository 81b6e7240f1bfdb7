"""When a failed task is worth another try: for the argument ``retry_policy`` of tasks on Airflow 3.3 and later.

Airflow asks a policy in the worker, and never about an ``AirflowFailException``. The task's own ``retries`` stay the
limit: a policy ends them early, or sets the pause before the next try.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import (
    AirflowFailException,
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryRule,
)
from airflow_provider_omics.exceptions import (
    NoAnswer,
    OmicsServiceError,
    OutcomeUnknown,
    QuotaExceeded,
    RunFailed,
    Throttled,
)
from airflow_provider_omics.failures import reason_of

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

__all__ = ["OMICS_RETRY_POLICY", "OmicsRetryPolicy"]

if ExceptionRetryPolicy is None:
    raise ImportError(f"{__name__} needs Airflow 3.3 or later: older ones have no retry policies. Leave it out there.")


class OmicsRetryPolicy(ExceptionRetryPolicy):
    """Try again what passes by itself, after a pause that suits it; fail what cannot heal; leave all else to the task.

    :param passing: the pause after throttling, an error of AWS's servers, or a call without an answer
    :param capacity: the pause after a run that failed for AWS's own reasons, e.g. ``INSTANCE_RESERVATION_FAILED``
    :param quota: the pause after a quota of the account was used up (402)
    """

    def __init__(
        self,
        *,
        passing: timedelta = timedelta(minutes=1),
        capacity: timedelta = timedelta(minutes=15),
        quota: timedelta = timedelta(minutes=30),
    ) -> None:
        super().__init__(
            [
                RetryRule(AirflowFailException, RetryAction.FAIL, reason="no retry can mend it"),
                RetryRule(QuotaExceeded, retry_delay=quota, reason="a quota is used up until others finish"),
                RetryRule([Throttled, NoAnswer, OutcomeUnknown], retry_delay=passing, reason="AWS is busy or away"),
            ]
        )
        self.passing = passing
        self.capacity = capacity
        self.quota = quota

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide by the reason of a failed run or the status of an answer, else by the rules."""
        from airflow_provider_omics.hooks.errors import is_ambiguous

        if isinstance(exception, RunFailed):
            return self._of_run(exception.reason)
        if isinstance(exception, OmicsServiceError) and is_ambiguous(exception):
            return RetryDecision.retry(self.passing, f"AWS answered {exception.operation} with {exception.status}")
        return super().evaluate(exception, try_number, max_tries, context)

    def _of_run(self, failure_reason: str | None) -> RetryDecision:
        known = reason_of(failure_reason)
        if not known.heals:
            return RetryDecision.fail(f"{failure_reason}: the same run would meet it again")
        if known.passes:
            return RetryDecision.retry(self.capacity, f"{failure_reason}: {known.cause}")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return the pauses in seconds, and the name of this class."""
        pauses = {name: getattr(self, name).total_seconds() for name in ("passing", "capacity", "quota")}
        return {"__type": f"{type(self).__module__}.{type(self).__qualname__}", **pauses}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OmicsRetryPolicy:
        """Return the policy that :meth:`serialize` told of."""
        return cls(**{name: timedelta(seconds=value) for name, value in data.items() if name != "__type"})


OMICS_RETRY_POLICY = OmicsRetryPolicy()
"""The policy with its own pauses."""
