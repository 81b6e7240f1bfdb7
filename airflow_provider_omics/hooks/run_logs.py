"""The end of a log in CloudWatch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_provider_omics.limits import LOG_PAGES
from airflow_provider_omics.redaction import one_line

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

QUICK = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
"""A network may have a way to HealthOmics and none to CloudWatch Logs: the task is not to be held up by that."""


def tail(hook: OmicsHook, group: str, streams: Iterable[str], lines: int) -> tuple[str, list[str]] | None:
    """Return the first of the streams that has something, and its last lines.

    :param group: the log group
    :param streams: the names of its streams, the best one first
    :param lines: how many at most, 1 to 10,000
    :returns: None where none of them can be read; the hook's log says why
    """
    try:
        logs = _client(hook)
    except Exception as error:  # e.g. the role of the connection cannot be assumed just now
        hook.log.warning("The log group %s cannot be read: %s: %s", group, type(error).__name__, one_line(error))
        return None
    for stream in streams:
        try:
            found = _last(logs, {"logGroupName": group, "logStreamName": stream, "limit": lines})
        except ClientError as error:
            hook.log.warning("The log stream %s of %s cannot be read: %s", one_line(stream), group, one_line(error))
            continue
        except Exception as error:  # whatever does not answer as CloudWatch does will not for the next stream either
            hook.log.warning("The log group %s cannot be read: %s: %s", group, type(error).__name__, one_line(error))
            return None
        if found:
            return stream, found[-lines:]  # an event may have several lines
    return None


def _client(hook: OmicsHook) -> Any:
    return hook.get_session(region_name=hook.region_name).client(
        "logs",
        endpoint_url=hook.conn_config.get_service_endpoint_url("logs"),
        config=hook.config.merge(QUICK),
        verify=hook.verify,
    )


def _last(logs: Any, request: dict[str, Any]) -> list[str]:
    """Return the last lines of a stream.

    An empty page is the end only where its token is that of the page before:
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html.
    """
    token = None
    for _ in range(LOG_PAGES):
        page = logs.get_log_events(**request, startFromHead=False, **({"nextToken": token} if token else {}))
        if page["events"] or page.get("nextBackwardToken") in (None, token):
            break
        token = page["nextBackwardToken"]
    return [line.rstrip("\r") for event in page["events"] for line in event["message"].rstrip("\r\n").split("\n")]
