"""The client of AWS HealthOmics: as whom, where, and with how many retries."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from airflow_provider_omics.compat import BASE_URL, AirflowNotFoundException, conf
from airflow_provider_omics.exceptions import OmicsConnectionError
from airflow_provider_omics.hooks import endpoints, errors, schema
from airflow_provider_omics.redaction import one_line

if TYPE_CHECKING:
    from mypy_boto3_omics.client import OmicsClient

    Base = AwsGenericHook["OmicsClient"]
else:
    Base = AwsGenericHook

IDENTITY_TIMEOUT_SECONDS = 5.0
"""How long AWS STS is asked for the account: a private network without an STS endpoint must not hold up the task."""

REQUESTS_PER_SECOND = 4.0
"""AWS allows ten of each operation in the whole account (https://docs.aws.amazon.com/omics/latest/dev/api-quotas.html),
and Amazon MWAA usually runs two triggerers."""


class OmicsClientHook(Base):
    """Make clients of HealthOmics from an Airflow AWS connection; :class:`OmicsHook` is the one to use."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "omics"
        super().__init__(*args, **kwargs)
        self._sessions: dict[tuple[Any, ...], Any] = {}

    @cached_property
    def conn_config(self) -> Any:
        """The connection, wrapped by the amazon provider.

        :raises OmicsConnectionError: if it does not exist and ``[omics] require_connection`` is set
        """
        if self.aws_conn_id and conf.getboolean("omics", "require_connection", fallback=False):
            try:
                self.get_connection(self.aws_conn_id)
            except AirflowNotFoundException:
                raise OmicsConnectionError(
                    f"The Airflow connection {self.aws_conn_id!r} does not exist, and [omics] require_connection "
                    "forbids to fall back to the identity of this machine. Create the connection, or set "
                    "aws_conn_id=None to use boto3's own chain of credentials on purpose."
                ) from None
        return super().conn_config

    def _get_config(self, config: Config | None = None) -> Config:
        ours = Config() if "AWS_RETRY_MODE" in os.environ else Config(retries={"mode": "standard"})
        merged: Config = ours.merge(super()._get_config(config))
        return merged

    def get_session(self, *args: Any, **kwargs: Any) -> Any:
        """Make one session for all clients of this hook: so a role is assumed, and the service's model read, once."""
        key = (*args, *sorted(kwargs.items()))
        if key not in self._sessions:
            try:
                session = super().get_session(*args, **kwargs)
            except (BotoCoreError, ClientError) as error:  # e.g. of AWS STS, as the amazon provider passes it on
                errors.cleaned(error)
                raise
            core: Any = getattr(session, "_session", session)  # aiobotocore's has none around it
            core.register_component("data_loader", schema.bare_session().get_component("data_loader"))
            self._sessions[key] = session
        return self._sessions[key]

    def get_client_type(self, *args: Any, **kwargs: Any) -> Any:
        """Make a client whose host prefix suits its endpoint.

        :raises OmicsConnectionError: if there is no region, or one without HealthOmics
        """
        endpoints.check_region(
            self.region_name or self.get_session(region_name=self.region_name).region_name, self.aws_conn_id
        )
        if kwargs.get("deferrable"):  # aiobotocore's client is not made yet when this returns: ask ours
            prefix = Config(inject_host_prefix=self.conn.meta.config.inject_host_prefix)
            return super().get_client_type(
                *args, **kwargs | {"config": (kwargs.get("config") or self.config).merge(prefix)}
            )
        client: Any = super().get_client_type(*args, **kwargs)
        if not endpoints.is_aws(client.meta.endpoint_url):
            # Every operation carries a host prefix (workflows-, tags-, …), which botocore would put before any host.
            # merge() overrides with what was set explicitly only: so the author's own inject_host_prefix wins.
            config = Config(inject_host_prefix=False).merge(kwargs.get("config") or self.config)
            client.meta.config.inject_host_prefix = config.inject_host_prefix
        return client

    @cached_property
    def conn_once(self) -> OmicsClient:
        """A client that sends every call exactly once: for what creates."""
        once = self.config.merge(Config(retries={"total_max_attempts": 1, "mode": "standard"}))
        client: OmicsClient = self.get_client_type(region_name=self.region_name, config=once)
        return client

    @cached_property
    def deployment(self) -> str:
        """What tells this deployment of Airflow from others that share the AWS account.

        The entry ``deployment`` of the connection's extra, else the setting ``[omics] deployment``, else on Amazon
        MWAA the name of the environment, else the address of the web server.
        """
        base_urls = [conf.get(*where, fallback="") for where in BASE_URL]
        candidates = (
            self.conn_config.extra_config.get("deployment"),
            conf.get("omics", "deployment", fallback=""),
            os.environ.get("AIRFLOW_ENV_NAME"),
            *base_urls,
        )
        return next((str(candidate) for candidate in candidates if candidate), "")

    @cached_property
    def connection_tags(self) -> dict[str, str]:
        """The entry ``tags`` of the connection's extra: for everything that is created through it, e.g. a cost centre.

        :raises OmicsConnectionError: if it is not an object of strings
        """
        tags = self.conn_config.extra_config.get("tags") or {}
        if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
            raise OmicsConnectionError(
                f"The extra of the Airflow connection {self.aws_conn_id!r} has an entry tags, which must be an object "
                'whose values are strings, e.g. {"cost-center": "genomics"}.'
            )
        return tags

    @cached_property
    def requests_per_second(self) -> float:
        """The entry ``requests_per_second`` of the connection's extra: how many requests of one operation the deferred
        waits of one triggerer make; by default 4, since AWS allows 10 in the whole account.

        :raises OmicsConnectionError: if it is not a number above 0
        """
        given = self.conn_config.extra_config.get("requests_per_second", REQUESTS_PER_SECOND)
        try:
            rate = float(given)
        except (TypeError, ValueError):
            rate = 0.0
        if not 0 < rate < float("inf"):
            raise OmicsConnectionError(
                f"The extra of the Airflow connection {self.aws_conn_id!r} has an entry requests_per_second, which "
                f"must be a number above 0, not {given!r}."
            )
        return rate

    @cached_property
    def identity(self) -> str:
        """The account as AWS STS tells it, 12 digits, or ``unknown`` where STS cannot be asked."""
        quick = self.config.merge(
            Config(
                connect_timeout=IDENTITY_TIMEOUT_SECONDS,
                read_timeout=IDENTITY_TIMEOUT_SECONDS,
                retries={"total_max_attempts": 1},
            )
        )
        sts = self.get_session(region_name=self.region_name).client(
            "sts", endpoint_url=self.conn_config.get_service_endpoint_url("sts"), config=quick, verify=self.verify
        )
        try:
            account: str = sts.get_caller_identity()["Account"]
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            self.log.info("The account is unknown, since AWS STS does not tell: %s", one_line(error))
            return "unknown"
        return account

    def log_identity(self) -> None:
        """Log account, region and endpoint: what a reader of the task's log needs first."""
        meta = self.conn.meta
        where = one_line(self.identity), meta.region_name, one_line(meta.endpoint_url)
        self.log.info("AWS account %s, region %s, endpoint %s", *where)
