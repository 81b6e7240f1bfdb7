"""Calls to AWS HealthOmics: with our errors, over all pages, sent once where they create, and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import sleep
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_omics.exceptions import (
    AnswerUnreadable,
    NoAnswer,
    NotFound,
    OmicsServiceError,
    OutcomeUnknown,
    Throttled,
    WaitTimeout,
)
from airflow_provider_omics.hooks import errors, run_caches, schema
from airflow_provider_omics.hooks.client import OmicsClientHook
from airflow_provider_omics.hooks.waiting import Limits, interval, own
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.resources import RUN, RUN_CACHE, Resource

THROTTLED_REPEATS = 8
"""How often a throttled call is sent again: with the pauses of :func:`errors.pause`, two minutes at most."""

NO_LIMITS = Limits()


class OmicsHook(OmicsClientHook):
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

    service_time: datetime = datetime.fromtimestamp(0, UTC)
    """The service's own time as of its last answer: ages are told by it, not by this machine's clock."""

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make one call that reads or changes, and return its answer without the metadata.

        :param operation: the API's name, e.g. ``UpdateRunCache``
        :param members: the members of its input, named as in the API
        :raises OmicsServiceError: what AWS answered
        :raises OmicsVersionError: if the installed boto3 lacks the operation or a member
        """
        return self._send(self.conn, operation, members)

    def create(self, operation: str, *, repeats: int = THROTTLED_REPEATS, **members: Any) -> dict[str, Any]:
        """Send a creating call once, and again only where AWS certainly did nothing (429).

        :param operation: the API's name, e.g. ``CreateRunCache``
        :param repeats: how often it is sent again where it is throttled
        :param members: the members of its input, a ``requestId`` among them
        :raises OutcomeUnknown: if no answer arrived, or one (408, 5xx) that leaves open whether it took effect
        :raises OmicsServiceError: what AWS answered
        """
        for repeat in range(repeats + 1):
            try:
                return self._send(self.conn_once, operation, members)
            except Throttled:
                if repeat == repeats:
                    raise
                seconds = errors.pause(repeat)
                self.log.info("%s is throttled; it is sent again in %.1f s", operation, seconds)
                sleep(seconds)
            except AnswerUnreadable as error:
                raise OutcomeUnknown(operation, str(members.get("requestId")), str(error)) from error
            except (NoAnswer, OmicsServiceError) as error:
                cause = error.__cause__
                if isinstance(error, OmicsServiceError) and errors.is_ambiguous(error):
                    raise OutcomeUnknown(operation, str(members.get("requestId")), str(error)) from error
                if isinstance(cause, BotoCoreError) and errors.was_sent(cause):
                    raise OutcomeUnknown(operation, str(members.get("requestId")), str(cause)) from error
                raise
        raise AssertionError("unreachable")

    def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make one call that reads or may be repeated, and send it once: for those who pace themselves.

        :param operation: the API's name, e.g. ``GetRun``
        :param members: the members of its input, named as in the API
        :raises NoAnswer: if AWS could not be reached
        :raises AnswerUnreadable: if the answer is nested too deeply to be read
        :raises OmicsServiceError: what AWS answered
        """
        return self._send(self.conn_once, operation, members)

    def _send(self, client: Any, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        method = schema.method(client, operation, members)
        try:
            answer: dict[str, Any] = method(**members)
        except (BotoCoreError, ClientError) as error:
            raise errors.translate(operation, error) from error
        except RecursionError:  # of the parser of JSON that botocore uses
            raise AnswerUnreadable(operation) from None
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
        except (BotoCoreError, ClientError) as error:
            raise errors.translate(operation, error) from error
        except RecursionError:
            raise AnswerUnreadable(operation) from None

    def wait(
        self,
        resource: Resource,
        *,
        delay: float | None = None,
        limits: Limits = NO_LIMITS,
        uuid: str | None = None,
        **identifiers: Any,
    ) -> dict[str, Any]:
        """Describe a resource again and again until its status does not change any more.

        Throttling, server and network errors do not end the wait.

        :param resource: its record
        :param delay: the longest time between two looks, in seconds; by default the record's
        :param limits: when to give up; by default never
        :param uuid: its uuid, by which it is told from a later one of its id
        :param identifiers: which one
        :returns: the last description, whether it succeeded or failed
        :raises WaitTimeout: at one of the limits
        """
        status, attempts = None, 0
        while True:
            attempts += 1
            description = self.look(resource, uuid=uuid, **identifiers)
            if description is not None:
                if status != (status := resource.status_of(description)):
                    self.log.info("%s %s is %s", resource.title, "/".join(identifiers.values()), one_line(status))
                if status in resource.ended:
                    return description
            if limit := limits.reached(resource, attempts, description, self.service_time):
                raise WaitTimeout(resource.title, identifiers, status, limit)
            sleep(interval(attempts, resource.poll_seconds if delay is None else delay))

    def look(self, resource: Resource, *, uuid: str | None = None, **identifiers: Any) -> dict[str, Any] | None:
        """Describe a resource once for a wait: None where a passing error says nothing about it.

        :param uuid: see :func:`airflow_provider_omics.hooks.waiting.own`
        :raises OmicsServiceError: an error that a later look would meet again
        """
        try:
            return dict(own(resource, identifiers, self.describe(resource, **identifiers), uuid))
        except (NoAnswer, OmicsServiceError) as error:
            if not errors.is_passing(error):
                raise
            self.log.warning("%s is asked again: %s", resource.describe, error)
        return None

    def describe_ended(self, resource: Resource, *, uuid: str | None = None, **identifiers: Any) -> dict[str, Any]:
        """Describe a resource whose end was waited for; the wait is not lost because AWS throttles this one call.

        :param uuid: see :func:`airflow_provider_omics.hooks.waiting.own`
        :raises OmicsServiceError: an error that a later look would meet again, or one that has not passed in minutes
        :raises NoAnswer: if AWS could not be reached for minutes
        """
        for repeat in range(THROTTLED_REPEATS):
            if (found := self.look(resource, uuid=uuid, **identifiers)) is not None:
                return found
            sleep(errors.pause(repeat))
        return dict(own(resource, identifiers, self.describe(resource, **identifiers), uuid))

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
        runs = []
        for status in sorted(RUN.progress | RUN.stopping):
            for run in self.iterate(RUN.list, status=status):
                try:
                    cache = self.describe(RUN, id=run["id"]).get("cacheId")
                except NotFound:  # deleted since it was listed
                    continue
                if cache == cache_id:
                    runs.append(run["id"])
        return runs
