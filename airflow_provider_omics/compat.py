"""The only module that knows several Airflow versions: 2.11 to 3.x.

Type checkers see the newest Airflow only; at run time each name comes from where the installed version keeps it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.models.taskinstancekey import TaskInstanceKey
    from airflow.sdk import (
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        ExceptionRetryPolicy,
        PokeReturnValue,
        RetryAction,
        RetryDecision,
        RetryRule,
    )
    from airflow.sdk import Context as Context
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
else:
    try:
        from airflow.sdk import BaseOperator, BaseOperatorLink, BaseSensorOperator, PokeReturnValue
    except ImportError:  # Airflow 2
        from airflow.models import BaseOperator
        from airflow.models.baseoperatorlink import BaseOperatorLink
        from airflow.sensors.base import BaseSensorOperator, PokeReturnValue
    try:
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
        )
    except ImportError:  # before 3.2 they stand in the core
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
        )
    try:
        from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule
    except ImportError:  # before 3.3
        ExceptionRetryPolicy = RetryAction = RetryDecision = RetryRule = None

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "ExceptionRetryPolicy",
    "PokeReturnValue",
    "RetryAction",
    "RetryDecision",
    "RetryRule",
    "TriggerEvent",
    "cleared_while_running",
    "conf",
    "current_context",
    "task_state",
    "xcom_value",
]

TRIGGER_FAILED = "__fail__"
"""The method by which Airflow resumes a deferred task whose trigger failed."""

TRIGGER_TIMEOUTS = frozenset({"Trigger/execution timeout", "Trigger timeout"})
"""What it then says where time ran out: ``Trigger.submit_failure`` of Airflow 2.11, ``TriggerFailureReason`` of 3."""

TELLS_TRIGGERS_OF_KILLS = hasattr(BaseTrigger, "on_kill")
"""Whether Airflow calls ``BaseTrigger.on_kill`` when somebody ends or clears a deferred task (3.3 and later)."""

BASE_URL = (("api", "base_url"), ("webserver", "base_url"))
"""Where the address of the web server is set: on Airflow 3, on Airflow 2."""


def current_context() -> Context | None:
    """Return the context of the task that this process executes, if it executes one."""
    try:
        from airflow.sdk import get_current_context
    except ImportError:  # Airflow 2
        from airflow.operators.python import get_current_context  # type: ignore[no-redef,import-not-found,unused-ignore]
    try:
        return get_current_context()
    except (AirflowException, RuntimeError):  # what each of them raises where there is none
        return None


def xcom_value(ti_key: TaskInstanceKey, key: str) -> Any:
    """Return an XCom value of the task instance ``ti_key``: in the worker on Airflow 3, in the webserver on 2.11."""
    try:
        from airflow.sdk.execution_time.xcom import XCom
    except ImportError:  # Airflow 2
        from airflow.models import XCom  # type: ignore[no-redef,attr-defined,unused-ignore]
    return XCom.get_value(ti_key=ti_key, key=key)


def task_state(dag_id: str, run_id: str, task_id: str, map_index: int) -> str | None:
    """Return the state that Airflow's database holds of a task instance; None is the state of a cleared one.

    In a task it may be called at any time, in a trigger only through ``sync_to_async``.

    :raises LookupError: if there is no such task instance
    """
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:  # Airflow 2, where tasks and triggers reach the database
        return _stored_state(dag_id, run_id, task_id, map_index)
    states = RuntimeTaskInstance.get_task_states(
        dag_id=dag_id, task_ids=[task_id], run_ids=[run_id], map_index=map_index
    )
    state: Any = states[run_id][task_id if map_index < 0 else f"{task_id}_{map_index}"]
    return None if state is None else str(getattr(state, "value", state))


def cleared_while_running(ti: Any) -> bool:
    """Tell whether the try before this one was cleared while it ran, where its process may not have been told.

    Airflow 2 tells a worker with a signal that comes too late, or never; the job of the try keeps the mark. On
    Airflow 3 the process is told, and looks its state up. What the database does not tell counts as no.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # noqa: F401
    except ImportError:
        with suppress(SQLAlchemyError):
            return _stored_job_state(ti) == "restarting"
    return False


def _stored_job_state(ti: Any) -> str | None:
    from airflow.jobs.job import Job
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.session import create_session

    with create_session() as session:
        found = (
            session.query(Job.state)
            .join(TaskInstanceHistory, TaskInstanceHistory.job_id == Job.id)
            .filter(
                TaskInstanceHistory.dag_id == ti.dag_id,
                TaskInstanceHistory.run_id == ti.run_id,
                TaskInstanceHistory.task_id == ti.task_id,
                TaskInstanceHistory.map_index == ti.map_index,
                TaskInstanceHistory.try_number == ti.try_number - 1,
            )
            .first()
        )
    return None if found is None or found.state is None else str(found.state)


def _stored_state(dag_id: str, run_id: str, task_id: str, map_index: int) -> str | None:
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        found = (
            session.query(TaskInstance.state)
            .filter_by(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)
            .one_or_none()
        )
    if found is None:
        raise LookupError(f"There is no task instance {dag_id}.{task_id} of {run_id}.")
    return None if found.state is None else str(found.state)
