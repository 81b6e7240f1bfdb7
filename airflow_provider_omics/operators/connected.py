"""What all operators that reach AWS share: an Airflow connection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.compat import BaseOperator
from airflow_provider_omics.exceptions import OmicsInputError
from airflow_provider_omics.redaction import holds_credentials
from airflow_provider_omics.templates import Templates

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

CONNECTION_FIELDS = ("aws_conn_id", "region_name", "verify")
"""The arguments of the connection that are templated."""


def check_config(config: Any) -> None:
    """Refuse a configuration with a credential in it: a task that waits in the triggerer hands it to its trigger.

    Airflow encrypts what it keeps of triggers only where it has a Fernet key, and its REST API shows it in clear to all
    who may read task instances (``kwargs`` of a task instance's ``trigger``, so in 2.11 and 3.0; 3.3.2 leaves it out).

    :raises OmicsInputError: if there is one, or it is no configuration
    """
    if config is None:
        return
    if not isinstance(config, Mapping):
        kind = type(config).__name__
        raise OmicsInputError("botocore_config", f"must be a dict of the arguments of botocore's Config, not a {kind}.")
    proxies = config.get("proxies")
    addresses = proxies.values() if isinstance(proxies, Mapping) else [proxies]
    # botocore takes a proxy's address without http://, too
    if any("@" in str(address) for address in addresses) or holds_credentials(json.dumps(config, default=str)):
        raise OmicsInputError(
            "botocore_config",
            "holds a password or another credential, which Airflow would keep with the trigger of a task that waits. "
            "Put it into config_kwargs of the Airflow connection's extra, and leave botocore_config out.",
        )


class ConnectedOperator(BaseOperator):
    """Reach AWS by an Airflow connection.

    :param aws_conn_id: the Airflow connection; None means boto3's own chain of credentials (templated)
    :param region_name: the AWS Region, instead of the connection's (templated)
    :param verify: whether to verify TLS certificates, or the path of a bundle (templated)
    :param botocore_config: arguments of botocore's ``Config``, instead of the connection's ``config_kwargs``; without
        credentials, as in the address of a proxy: these belong into the connection
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
        """The arguments of the connection by their names, for a trigger.

        :raises OmicsInputError: if ``botocore_config`` holds a credential
        """
        check_config(self.botocore_config)
        return {name: getattr(self, name) for name in (*CONNECTION_FIELDS, "botocore_config")}

    @property
    def templates(self) -> Templates:
        """The templates of the DAG; a task without one has Jinja's own delimiters."""
        return Templates(self.get_template_env() if self.get_dag() else None)

    @cached_property
    def hook(self) -> OmicsHook:
        """The hook, imported when it is first used: a DAG file loads neither boto3 nor the amazon provider."""
        from airflow_provider_omics.hooks.omics import OmicsHook

        connection = self.connection
        return OmicsHook(config=connection.pop("botocore_config"), **connection)
