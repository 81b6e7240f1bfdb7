"""A wait for a run as the amazon provider's own deferrable operators make theirs: a trigger with a client of its own.

It runs in an environment of its own, because aiobotocore pins an older botocore.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger


class RunHook(AwsGenericHook[Any]):
    """Make clients of HealthOmics, and waiters of our description."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"client_type": "omics"})

    @cached_property
    def waiter_path(self) -> Path:
        """Where the waiters are described."""
        return Path(__file__).with_suffix(".json")


class RunTrigger(AwsBaseWaiterTrigger):
    """Wait for the end of a run."""

    aws_hook_class = RunHook

    def __init__(
        self,
        *,
        run_id: str,
        waiter_delay: int = 30,
        waiter_max_attempts: int = 10_000,
        aws_conn_id: str | None = "aws_default",
    ) -> None:
        super().__init__(
            serialized_fields={"run_id": run_id},
            waiter_name="run_ended",
            waiter_args={"id": run_id},
            failure_message="The run failed",
            status_message="The run is",
            status_queries=["status"],
            return_key="run_id",
            return_value=run_id,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
        )
