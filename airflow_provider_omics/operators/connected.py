"""What all operators that reach AWS share: an Airflow connection."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import BaseOperator

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

CONNECTION_FIELDS = ("aws_conn_id", "region_name", "verify")
"""The arguments of the connection that are templated."""


class ConnectedOperator(BaseOperator):
    """Reach AWS by an Airflow connection.

    :param aws_conn_id: the Airflow connection; None means boto3's own chain of credentials (templated)
    :param region_name: the AWS Region, instead of the connection's (templated)
    :param verify: whether to verify TLS certificates, or the path of a bundle (templated)
    :param botocore_config: arguments of botocore's ``Config``, instead of the connection's ``config_kwargs``
    """

    template_fields: Sequence[str] = CONNECTION_FIELDS
    ui_color = "#d5f0e3"

    def __init__(
        self,
        *,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    @property
    def connection(self) -> dict[str, Any]:
        """The arguments of the connection by their names, for a trigger."""
        return {name: getattr(self, name) for name in (*CONNECTION_FIELDS, "botocore_config")}

    @cached_property
    def hook(self) -> OmicsHook:
        """The hook, imported when it is first used: a DAG file loads neither boto3 nor the amazon provider."""
        from airflow_provider_omics.hooks.omics import OmicsHook

        connection = self.connection
        return OmicsHook(config=connection.pop("botocore_config"), **connection)
