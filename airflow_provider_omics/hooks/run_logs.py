"""The end of a log in CloudWatch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


def tail(hook: OmicsHook, group: str, streams: Iterable[str], lines: int) -> tuple[str, list[str]] | None:
    """Return the first of the streams that has something, and its last lines.

    :param group: the log group
    :param streams: the names of its streams, the best one first
    :param lines: how many at most, 1 to 10,000
    :returns: None where none of them can be read; the hook's log says why
    """
    logs = hook.get_session(region_name=hook.region_name).client(
        "logs",
        endpoint_url=hook.conn_config.get_service_endpoint_url("logs"),
        config=hook.config,
        verify=hook.verify,
    )
    for stream in streams:
        try:
            events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False)
        except (BotoCoreError, ClientError) as error:
            hook.log.warning("The log stream %s of %s cannot be read: %s", stream, group, error)
            continue
        if found := [event["message"] for event in events["events"]]:
            return stream, found
    return None
