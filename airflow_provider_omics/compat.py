"""The only module that knows several Airflow versions: 2.11 to 3.x.

Type checkers see the newest Airflow only; at run time each name comes from where the installed version keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.models.taskinstancekey import TaskInstanceKey
    from airflow.sdk import BaseOperator, BaseOperatorLink
    from airflow.sdk import Context as Context
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException
else:
    try:
        from airflow.sdk import BaseOperator, BaseOperatorLink
    except ImportError:  # Airflow 2
        from airflow.models import BaseOperator
        from airflow.models.baseoperatorlink import BaseOperatorLink
    try:
        from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException
    except ImportError:  # before 3.2 they stand in the core
        from airflow.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseTrigger",
    "TriggerEvent",
    "conf",
    "xcom_value",
]


def xcom_value(ti_key: TaskInstanceKey, key: str) -> Any:
    """Return an XCom value of the task instance ``ti_key``: in the worker on Airflow 3, in the webserver on 2.11."""
    try:
        from airflow.sdk.execution_time.xcom import XCom
    except ImportError:  # Airflow 2
        from airflow.models import XCom  # type: ignore[no-redef,attr-defined,unused-ignore]
    return XCom.get_value(ti_key=ti_key, key=key)
