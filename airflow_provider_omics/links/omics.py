"""Links from a task to the AWS console.

Only pages whose address is known to be stable are linked: AWS documents none for run caches, run groups and workflows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow_provider_omics.compat import BaseOperator, BaseOperatorLink, xcom_value
from airflow_provider_omics.redaction import redacted
from airflow_provider_omics.resources import LOG_GROUP, LOG_STREAMS

if TYPE_CHECKING:
    from airflow.models.taskinstancekey import TaskInstanceKey

DOMAINS: Mapping[str, str] = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""The console of each partition, as the amazon provider's links have it; of any other one nothing is linked."""


class ConsoleLink(BaseOperatorLink):
    """Lead to an address that the task pushed to XCom as soon as it knew it.

    The key is the one from which Airflow 3 reads a link. Airflow itself fills it only when the task's process ends;
    pushed by the task, the link works while the task waits, too.
    """

    key: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.key = f"_link_{cls.__name__}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Return the address that the task pushed, or nothing before it did."""
        return str(xcom_value(ti_key, self.key) or "")


class RunLink(ConsoleLink):
    """Lead to the run in the HealthOmics console."""

    name = "HealthOmics run"

    @staticmethod
    def url(region: str, run_id: str, partition: str = "aws") -> str:
        """Return the console's address of a run; empty in a partition without a known console."""
        if partition not in DOMAINS:
            return ""
        return f"https://{region}.{DOMAINS[partition]}/omics/home?region={region}#/runs/{run_id}"


class RunLogLink(ConsoleLink):
    """Lead to the log of the run's course in CloudWatch."""

    name = "Run log"

    @staticmethod
    def url(region: str, run_id: str, partition: str = "aws") -> str:
        """Return the console's address of the run's own log stream."""
        return log_url(region, LOG_STREAMS["run"].format(id=run_id), partition)


class EngineLogLink(ConsoleLink):
    """Lead to the log of the run's workflow engine in CloudWatch."""

    name = "Engine log"

    @staticmethod
    def url(region: str, run_id: str, partition: str = "aws") -> str:
        """Return the console's address of the engine's log stream."""
        return log_url(region, LOG_STREAMS["engine"].format(id=run_id), partition)


class RunCacheDataLink(ConsoleLink):
    """Lead to what a run cache keeps, in the S3 console."""

    name = "Cached data"

    @staticmethod
    def url(region: str, cache_s3_uri: str, partition: str = "aws") -> str:
        """Return the S3 console's address of a cache's prefix, in the form of the amazon provider's ``EmrLogsLink``."""
        if partition not in DOMAINS:
            return ""
        bucket, _, prefix = cache_s3_uri.removeprefix("s3://").partition("/")
        return f"https://{DOMAINS[partition]}/s3/buckets/{bucket}?region={region}&prefix={quote(prefix.rstrip('/'))}/"


RUN_LINKS = (RunLink(), EngineLogLink(), RunLogLink())
"""The links of a task that starts a run."""

RUN_CACHE_LINKS = (RunCacheDataLink(),)
"""The links of a task that makes, finds or describes a run cache."""


def log_url(region: str, stream: str, partition: str = "aws") -> str:
    """Return CloudWatch's address of a log stream of HealthOmics; empty in a partition without a known console.

    Names are encoded as in the ``deepLink`` that AWS CodeBuild answers with: percent-encoded twice, with a dollar for
    the outer percent sign (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_LogsLocation.html).
    """
    if partition not in DOMAINS:
        return ""
    group, stream = (quote(quote(name, safe=""), safe="").replace("%", "$") for name in (LOG_GROUP, stream))
    return (
        f"https://{DOMAINS[partition]}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{group}/log-events/{stream}"
    )


def persist_run_links(ti: Any, region: str, run_id: str, partition: str = "aws", *, logs: bool = True) -> None:
    """Push the addresses of a run's links: to be called before the task waits or defers.

    :param ti: the task instance
    :param region: the AWS Region of the run
    :param run_id: its id
    :param partition: the partition of the Region, as ``client.meta.partition`` has it
    :param logs: whether the run logs at all: not with ``logLevel`` OFF
    """
    for link in RUN_LINKS if logs else RUN_LINKS[:1]:
        ti.xcom_push(link.key, link.url(region, run_id, partition))


def persist_run_cache_links(ti: Any, region: str, cache_s3_uri: str, partition: str = "aws") -> None:
    """Push the address of a run cache's data.

    :param ti: the task instance
    :param region: the AWS Region of the cache
    :param cache_s3_uri: where it keeps its data
    :param partition: the partition of the Region, as ``client.meta.partition`` has it
    """
    ti.xcom_push(RunCacheDataLink.key, RunCacheDataLink.url(region, redacted(cache_s3_uri), partition))
