"""What all sensors share: they look at a resource until its status does not change any more."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.compat import (
    TRIGGER_FAILED,
    TRIGGER_TIMEOUTS,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)
from airflow_provider_omics.exceptions import ResourceFailed
from airflow_provider_omics.failures import REASONS
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.waiting import DEFERRABLE
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class OmicsBaseSensor(OmicsBaseOperator, BaseSensorOperator):
    """Wait for the end of a resource that something else started, and never touch it.

    A status of the record's group ``succeeded`` ends the wait; the result is AWS's description, plain JSON with the
    API's own names, each entry also under an XCom key of its own. One of ``failed`` fails the task at once, without
    retries: what has ended does not change any more. All others, and errors that pass (throttling, server and network
    errors), mean to look again.

    ``mode``, ``poke_interval``, ``timeout``, ``soft_fail`` and the like are those of Airflow's own sensors.
    ``timeout`` holds in deferrable mode too, where ``poke_interval`` is the longest time between two looks.

    :param deferrable: wait in the triggerer, without a worker slot; by default ``[operators] default_deferrable``
    """

    resource: ClassVar[Resource]

    def __init__(self, *, deferrable: bool = DEFERRABLE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look until the end: here, rescheduled or deferred."""
        self.checked(context)
        self.hook.log_identity()
        if self.deferrable:
            self._defer(context, time.time() + self.timeout)
        # Airflow 2.11 takes the undecorated call alone for one that a task instance makes.
        return inspect.unwrap(BaseSensorOperator.execute)(self, context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; false where the resource goes on, or where a passing error says nothing about it."""
        description = self.hook.look(self.resource, **self.checked(context))
        if description is None:
            return PokeReturnValue(False)
        status = self.resource.status_of(description)
        self.log.info("%s %s is %s", self.resource.title, self._which, one_line(status))
        if status in self.resource.failed:
            raise self._failed(description)
        if status not in self.resource.succeeded:
            return PokeReturnValue(False)
        return PokeReturnValue(True, self.result_of(description))

    def _defer(self, context: Context, deadline: float) -> None:
        from airflow_provider_omics.triggers.omics import OmicsTrigger

        self.defer(
            trigger=OmicsTrigger(
                resource=self.resource.word,
                identifiers=self._identifiers,
                waiter_delay=self.poke_interval,
                cancel_on_kill=False,
                try_number=context["ti"].try_number,
                **self.connection,
            ),
            method_name="execute_complete",
            kwargs={"deadline": deadline},
            timeout=timedelta(seconds=max(deadline - time.time(), 0)),
        )

    def execute_complete(self, context: Context, event: dict[str, Any], deadline: float | None = None) -> Any:
        """Look for oneself where the trigger says that the wait has ended, and wait on if AWS does not answer.

        :param deadline: the Unix time at which ``timeout`` is over; ``dag.test()`` of Airflow 3 loses it
        """
        if event["try_number"] != context["ti"].try_number:
            # Airflow 3.0 resumes a retry with the event of the try before it (apache/airflow issue 56704).
            return self.execute(context)
        found = self.poke(context)
        if not found:
            self._defer(context, time.time() + self.timeout if deadline is None else deadline)
        return found.xcom_value

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Take the end of a deferral's time for the sensor's timeout.

        Airflow 2.11 raises an error there that is retried, and Airflow 3.0 does not skip the task with ``soft_fail``.
        """
        if next_method == TRIGGER_FAILED and (next_kwargs or {}).get("error") in TRIGGER_TIMEOUTS:
            next_method, next_kwargs = "time_out", {}
        return super().resume_execution(next_method, next_kwargs, context)

    def time_out(self, context: Context) -> None:
        """Fail as a sensor that is not deferred does after its ``timeout``."""
        raise AirflowSensorTimeout(
            f"{self.resource.title} {self._which} did not end within the sensor's timeout of {self.timeout:.0f} s; "
            "it goes on in AWS. Next: raise timeout."
        )

    def checked(self, context: Context) -> dict[str, Any]:
        """Return what the describe operation is called with.

        :raises OmicsInputError: if it breaks a rule of the API
        """
        from airflow_provider_omics.hooks import schema

        arguments = {member: argument for argument, member in self.members.items()}
        return schema.check(self.operation, self.request(context), arguments)

    @property
    def _identifiers(self) -> dict[str, str]:
        return {member: str(getattr(self, argument)) for argument, member in self.members.items()}

    @property
    def _which(self) -> str:
        return "/".join(self._identifiers.values())

    def _failed(self, description: Mapping[str, Any]) -> ResourceFailed:
        reason, message = (
            str(description.get(member or "", "")) for member in (self.resource.reason, self.resource.message)
        )
        return ResourceFailed(
            self.resource.title,
            self._identifiers,
            self.resource.status_of(description),
            reason=reason or None,
            aws_message=message or None,
            advice=REASONS[reason].action if reason in REASONS else None,
        )
