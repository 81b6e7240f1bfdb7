"""What all operators share: the only place that builds requests and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.operators.connected import CONNECTION_FIELDS, ConnectedOperator
from airflow_provider_omics.xcom import Result

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


def plain(value: Any) -> Any:
    """Return a value as plain JSON, times as ISO 8601: what a request carries."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):  # Airflow's lazy ones, too
        return [plain(each) for each in value]
    return value


class OmicsBaseOperator(ConnectedOperator):
    """Call one operation of HealthOmics.

    A subclass names the ``operation``, its ``members`` as ``{argument: member of the API}``, and in ``permissions``
    all the operations that it may call; its own ``template_fields``, if any, come on top of the members'.

    :param extra_request: members of the API that have no argument here, named as in the API (templated)
    """

    operation: ClassVar[str]
    members: ClassVar[Mapping[str, str]]
    permissions: ClassVar[Sequence[str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not {"members", "template_fields"} & cls.__dict__.keys():
            return  # what it inherits is complete
        own = cls.__dict__.get("template_fields", ())
        cls.template_fields = (*getattr(cls, "members", ()), *own, "extra_request", *CONNECTION_FIELDS)
        cls.template_fields_renderers = dict.fromkeys(("parameters", "tags", "extra_request"), "json")

    def __init__(self, *, extra_request: dict[str, Any] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("multiple_outputs", kwargs.get("do_xcom_push", True))
        super().__init__(**kwargs)
        self.extra_request = extra_request

    def request(self, context: Context) -> dict[str, Any]:
        """Return the members that were given; override to add what is derived."""
        given = {member: plain(getattr(self, argument)) for argument, member in self.members.items()}
        request = {m: value for m, value in given.items() if value is not None} | (self.extra_request or {})
        if "tags" in self.members.values() and self.hook.connection_tags:
            request["tags"] = {**self.hook.connection_tags, **request.get("tags", {})}
        return request

    def checked_request(self, context: Context) -> dict[str, Any]:
        """Return the request, checked by the service's model.

        :raises OmicsInputError: if an argument is wrong
        """
        from airflow_provider_omics.hooks import schema

        arguments = {member: argument for argument, member in self.members.items()}
        return schema.check(self.operation, self.request(context), arguments)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the request, and then act on it; the result is plain JSON."""
        request = self.checked_request(context)
        self.hook.log_identity()
        return self.result_of(self.act(context, request))

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the operator is for."""
        raise NotImplementedError

    def result_of(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a result as XCom carries it, without what is None: Airflow 3.0 cannot push None as an entry."""
        return {name: each for name, each in self.for_xcom(value).items() if each is not None}

    def for_xcom(self, value: Any) -> Any:
        """Return a value as XCom carries it: see :class:`~airflow_provider_omics.xcom.Result`."""
        result = Result(self.templates)
        carried = result.of(value)
        for reason, count in result.left_out.items():
            self.log.warning("XCom has null in place of %d values of the result: %s", count, reason)
        return carried
