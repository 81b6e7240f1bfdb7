"""The client of AWS HealthOmics, and what boto3's lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from time import sleep
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.compat import AirflowNotFoundException, conf
from airflow_provider_omics.exceptions import OmicsConnectionError, OutcomeUnknown, WaitTimeout
from airflow_provider_omics.hooks import endpoints, errors, run_caches, schema
from airflow_provider_omics.hooks.waiting import interval
from airflow_provider_omics.resources import RUN, RUN_CACHE, Resource

if TYPE_CHECKING:
    from mypy_boto3_omics.client import OmicsClient

    Base = AwsGenericHook["OmicsClient"]
else:
    Base = AwsGenericHook

THROTTLED_REPEATS = 8
"""How often a throttled creating call is sent again: with the pauses of :func:`errors.pause`, about two minutes."""

IDENTITY_TIMEOUT_SECONDS = 5.0
"""How long AWS STS is asked for the account: a private network without an STS endpoint must not hold up the task."""


class OmicsHook(Base):
    """Talk to AWS HealthOmics.

    Credentials, region, role, endpoint and botocore configuration come from the Airflow AWS connection, as in
    every hook of the amazon provider. What this one adds: a custom endpoint works without further settings,
    reading calls are retried in botocore's ``standard`` mode, errors are those of
    :mod:`airflow_provider_omics.exceptions`.

    :param aws_conn_id: the Airflow connection; None means boto3's own chain of credentials
    :param region_name: the AWS Region, instead of the connection's
    :param verify: whether to verify TLS certificates, or the path of a bundle
    :param config: a botocore configuration, as object or dict, instead of the connection's ``config_kwargs``
    """

    service_time: datetime
    """The service's own time as of its last answer: ages are told by it, not by this machine's clock."""

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
            self._sessions[key] = super().get_session(*args, **kwargs)
        return self._sessions[key]

    def get_client_type(self, *args: Any, **kwargs: Any) -> Any:
        """Make a client whose host prefix suits its endpoint.

        :raises OmicsConnectionError: if there is no region, or one without HealthOmics
        """
        endpoints.check_region(
            self.region_name or self.get_session(region_name=self.region_name).region_name, self.aws_conn_id
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
        except (BotoCoreError, ClientError) as error:
            self.log.info("The account is unknown, since AWS STS does not tell: %s", error)
            return "unknown"
        return account

    def log_identity(self) -> None:
        """Log account, region and endpoint: what a reader of the task's log needs first."""
        meta = self.conn.meta
        self.log.info("AWS account %s, region %s, endpoint %s", self.identity, meta.region_name, meta.endpoint_url)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make one call that reads or changes, and return its answer without the metadata.

        :param operation: the API's name, e.g. ``UpdateRunCache``
        :param members: the members of its input, named as in the API
        :raises OmicsServiceError: what AWS answered
        :raises OmicsVersionError: if the installed boto3 lacks the operation or a member
        """
        return self._send(self.conn, operation, members)

    def create(self, operation: str, **members: Any) -> dict[str, Any]:
        """Send a creating call once, and again only where AWS certainly did nothing (429).

        :param operation: the API's name, e.g. ``CreateRunCache``
        :param members: the members of its input, a ``requestId`` among them
        :raises OutcomeUnknown: if no answer arrived, or one (408, 5xx) that leaves open whether it took effect
        :raises OmicsServiceError: what AWS answered
        """
        for repeat in range(THROTTLED_REPEATS + 1):
            try:
                return self._send(self.conn_once, operation, members)
            except BotoCoreError as error:
                raise OutcomeUnknown(operation, str(members.get("requestId")), str(error)) from error
            except errors.Throttled:
                if repeat == THROTTLED_REPEATS:
                    raise
                seconds = errors.pause(repeat)
                self.log.info("%s is throttled; it is sent again in %.1f s", operation, seconds)
                sleep(seconds)
            except errors.OmicsServiceError as error:
                if errors.is_ambiguous(error):
                    raise OutcomeUnknown(operation, str(members.get("requestId")), str(error)) from error
                raise
        raise AssertionError("unreachable")

    def _send(self, client: Any, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        method = schema.method(client, operation, members)
        try:
            answer: dict[str, Any] = method(**members)
        except ClientError as error:
            raise errors.translate(operation, error) from error
        self._note_time(answer.pop("ResponseMetadata", {}))
        return answer

    def _note_time(self, metadata: dict[str, Any]) -> None:
        date = metadata.get("HTTPHeaders", {}).get("date")
        self.service_time = parsedate_to_datetime(date) if date else datetime.now(UTC)

    def describe(self, resource: Resource, **identifiers: Any) -> dict[str, Any]:
        """Describe one resource.

        :param resource: its record, e.g. :data:`airflow_provider_omics.resources.RUN`
        :param identifiers: which one, by the members that the record names, e.g. ``id="1234567"``
        :raises OmicsServiceError: what AWS answered, e.g. :class:`~airflow_provider_omics.exceptions.NotFound`
        """
        return self.call(resource.describe, **identifiers)

    def iterate(self, operation: str, **members: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a listing operation over all its pages, in AWS's order.

        :param operation: the API's name, e.g. ``ListRunCaches``
        :param members: the members of its input, e.g. filters
        :raises OmicsServiceError: what AWS answered
        """
        method = schema.method(self.conn, operation, members)
        paginator = self.conn.get_paginator(method.__name__)
        (items,) = paginator.result_keys
        try:
            for page in paginator.paginate(**members, PaginationConfig={"PageSize": 100}):
                self._note_time(page.get("ResponseMetadata", {}))
                yield from items.search(page) or ()
        except ClientError as error:
            raise errors.translate(operation, error) from error

    def wait(
        self,
        resource: Resource,
        *,
        delay: float | None = None,
        max_attempts: int | None = None,
        **identifiers: Any,
    ) -> dict[str, Any]:
        """Describe a resource again and again until its status does not change any more.

        Throttling, server and network errors do not end the wait.

        :param resource: its record
        :param delay: the longest time between two looks, in seconds; by default the record's
        :param max_attempts: how many looks at most; None means no limit
        :param identifiers: which one
        :returns: the last description, whether it succeeded or failed
        :raises WaitTimeout: after ``max_attempts`` looks
        """
        status, attempts = None, 0
        while True:
            attempts += 1
            description = self.look(resource, **identifiers)
            if description is not None:
                if status != (status := resource.status_of(description)):
                    self.log.info("%s %s is %s", resource.title, "/".join(identifiers.values()), status)
                if status in resource.ended:
                    return description
            if max_attempts is not None and attempts >= max_attempts:
                raise WaitTimeout(resource.title, identifiers, status, attempts)
            sleep(interval(attempts, resource.poll_seconds if delay is None else delay))

    def look(self, resource: Resource, **identifiers: Any) -> dict[str, Any] | None:
        """Describe a resource once for a wait: None where a passing error says nothing about it.

        :raises OmicsServiceError: an error that a later look would meet again
        """
        try:
            return self.describe(resource, **identifiers)
        except BotoCoreError as error:
            self.log.warning("%s got no answer, and is asked again: %s", resource.describe, error)
        except errors.OmicsServiceError as error:
            if not errors.is_passing(error):
                raise
            self.log.warning("%s is asked again: %s", resource.describe, error)
        return None

    def find_run_cache(self, name: str, cache_s3_location: str | None = None) -> dict[str, Any] | None:
        """Find the run cache that a name stands for, over every page of ListRunCaches.

        Ignores caches that are not ACTIVE; of several it takes the oldest by ``(creationTime, id)``, every time.

        :param name: compared for equality
        :param cache_s3_location: if given, caches of other locations are ignored
        :returns: the item of ListRunCaches, or None
        """
        found = run_caches.usable(self.iterate(RUN_CACHE.list), name)
        if cache_s3_location is not None:
            found = [cache for cache in found if run_caches.is_at(cache, cache_s3_location)]
        return found[0] if found else None

    def active_runs_on(self, cache_id: str) -> list[str]:
        """Return the ids of the runs that are not at their end and use this run cache.

        ListRuns does not carry the cache, so each active run of the account is described.
        """
        active = sorted(RUN.progress | RUN.stopping)
        listed = (run["id"] for status in active for run in self.iterate(RUN.list, status=status))
        return [run_id for run_id in listed if self.describe(RUN, id=run_id).get("cacheId") == cache_id]
