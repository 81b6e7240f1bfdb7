"""What all operators share: the only place that builds requests, waits, defers and kills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.compat import BaseOperator, conf
from airflow_provider_omics.exceptions import SERVICE_ERRORS, OmicsInputError, OmicsServiceError, WaitTimeout
from airflow_provider_omics.resources import RESOURCES, Resource

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.hooks.omics import OmicsHook

DEFERRABLE: bool = conf.getboolean("operators", "default_deferrable", fallback=False)


def plain(value: Any) -> Any:
    """Return a value as plain JSON, times as ISO 8601: what XCom carries."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


class OmicsBaseOperator(BaseOperator):
    """Call one operation of HealthOmics.

    A subclass names the ``operation``, its ``members`` as ``{argument: member of the API}``, and in ``permissions``
    all the operations that it may call; its own ``template_fields``, if any, come on top of the members'.

    :param aws_conn_id: the Airflow connection; None means boto3's own chain of credentials (templated)
    :param region_name: the AWS Region, instead of the connection's (templated)
    :param verify: whether to verify TLS certificates, or the path of a bundle (templated)
    :param botocore_config: arguments of botocore's ``Config``, instead of the connection's ``config_kwargs``
    :param extra_request: members of the API that have no argument here, named as in the API (templated)
    """

    operation: ClassVar[str]
    members: ClassVar[Mapping[str, str]]
    permissions: ClassVar[Sequence[str]]
    ui_color = "#d5f0e3"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__.get("template_fields", ())
        shared = ("extra_request", "aws_conn_id", "region_name", "verify")
        cls.template_fields = (*getattr(cls, "members", ()), *own, *shared)
        cls.template_fields_renderers = dict.fromkeys(("parameters", "tags", "extra_request"), "json")

    def __init__(
        self,
        *,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        extra_request: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", kwargs.get("do_xcom_push", True))
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config
        self.extra_request = extra_request

    @cached_property
    def hook(self) -> OmicsHook:
        """The hook, imported when it is first used: a DAG file loads neither boto3 nor the amazon provider."""
        from airflow_provider_omics.hooks.omics import OmicsHook

        return OmicsHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )

    def request(self, context: Context) -> dict[str, Any]:
        """Return the members that were given; override to add what is derived."""
        given = {member: getattr(self, argument) for argument, member in self.members.items()}
        return {m: value for m, value in given.items() if value is not None} | (self.extra_request or {})

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the request, and then act on it; the result is plain JSON."""
        from airflow_provider_omics.hooks import schema

        arguments = {member: argument for argument, member in self.members.items()}
        request = schema.check(self.operation, self.request(context), arguments)
        self.hook.log_identity()
        result: dict[str, Any] = plain(self.act(context, request))
        return result

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the operator is for."""
        raise NotImplementedError


class OmicsWaitingOperator(OmicsBaseOperator):
    """Create a resource and wait for its end.

    :param wait_for_completion: whether to wait for the end; otherwise the task ends when AWS has accepted
    :param deferrable: wait in the triggerer, without a worker slot; by default ``[operators] default_deferrable``
    :param waiter_delay: the longest time between two looks, in seconds, by default 30; it doubles from 3
    :param waiter_max_attempts: how many looks at most; None, the default, means no limit
    :param cancel_on_kill: cancel the resource when the task is killed
    """

    resource: ClassVar[Resource]

    def __init__(
        self,
        *,
        wait_for_completion: bool = True,
        deferrable: bool = DEFERRABLE,
        waiter_delay: int | None = None,
        waiter_max_attempts: int | None = None,
        cancel_on_kill: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.cancel_on_kill = cancel_on_kill
        self._waited_for: dict[str, str] | None = None

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a wait that would look without a pause, or never."""
        if self.waiter_delay is not None and self.waiter_delay <= 0:
            raise OmicsInputError("waiter_delay", f"must be above 0 seconds, not {self.waiter_delay!r}.")
        if self.waiter_max_attempts is not None and self.waiter_max_attempts < 1:
            raise OmicsInputError("waiter_max_attempts", f"must be 1 or more, not {self.waiter_max_attempts!r}.")
        return super().request(context)

    def wait(self, context: Context, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end of what was created, in this process or, deferred, in the triggerer."""
        identifiers = {member: str(answer[member]) for member in self.resource.identifiers}
        delay = self.resource.poll_seconds if self.waiter_delay is None else self.waiter_delay
        if self.deferrable:
            from airflow_provider_omics.triggers.omics import OmicsTrigger

            self.defer(
                trigger=OmicsTrigger(
                    resource=self.resource.word,
                    identifiers=identifiers,
                    waiter_delay=delay,
                    waiter_max_attempts=self.waiter_max_attempts,
                    cancel_on_kill=self.cancel_on_kill,
                    try_number=context["ti"].try_number,
                    aws_conn_id=self.aws_conn_id,
                    region_name=self.region_name,
                    verify=self.verify,
                    botocore_config=self.botocore_config,
                ),
                method_name="execute_complete",
            )
        self._waited_for = identifiers
        description = self.hook.wait(self.resource, delay=delay, max_attempts=self.waiter_max_attempts, **identifiers)
        self._waited_for = None
        return self.outcome(context, description)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on where the trigger's event says that the wait has ended."""
        if event["try_number"] != context["ti"].try_number:
            # Airflow 3.0 resumes a retry with the event of the try before it (apache/airflow issue 56704).
            return self.execute(context)
        resource, identifiers = RESOURCES[event["resource"]], event["identifiers"]
        if "error" in event:
            error = event["error"]
            raise SERVICE_ERRORS.get(error["code"], OmicsServiceError)(**error)
        if event["status"] not in resource.ended:
            raise WaitTimeout(resource.title, identifiers, event["status"], event["attempts"])
        result: dict[str, Any] = plain(self.outcome(context, self.hook.describe(resource, **identifiers)))
        return result

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a resource that has ended, or raise the error that its end means."""
        raise NotImplementedError

    def on_kill(self) -> None:
        """Cancel the resource that this process is waiting for, unless ``cancel_on_kill`` is off."""
        if self._waited_for and self.cancel_on_kill and self.resource.cancel:
            self.log.warning("The task was killed: cancelling %s %s", self.resource.title, self._waited_for)
            self.hook.call(self.resource.cancel, **self._waited_for)
