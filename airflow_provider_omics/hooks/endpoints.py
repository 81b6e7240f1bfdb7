"""Where HealthOmics is: its regions, and which endpoints are AWS's own."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from airflow_provider_omics.exceptions import OmicsConnectionError
from airflow_provider_omics.hooks import schema

AWS_HOST = re.compile(r"omics(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|api\.aws)")
"""The hosts that botocore makes of its own endpoint rules, before the host prefix. A PrivateLink endpoint is not among
them, nor is a host that already carries its prefix: putting one before these breaks them."""


def is_aws(endpoint_url: str) -> bool:
    """Tell whether HealthOmics itself answers at this endpoint, so that host prefixes belong before it."""
    return AWS_HOST.fullmatch(urlsplit(endpoint_url).hostname or "") is not None


@lru_cache(maxsize=1)
def available_regions() -> tuple[str, ...]:
    """Return the AWS Regions in which the installed botocore knows HealthOmics."""
    return tuple(sorted(schema.bare_session().get_available_regions("omics")))


def check_region(region: str | None, aws_conn_id: str | None) -> None:
    """Refuse to work without a region, or in one that has no HealthOmics.

    :raises OmicsConnectionError: with the list of regions
    """
    regions = available_regions()
    if region in regions:
        return
    where = f"the connection {aws_conn_id!r} (extra region_name)" if aws_conn_id else "AWS_DEFAULT_REGION"
    problem = "No AWS Region is set" if not region else f"AWS HealthOmics is not available in the AWS Region {region!r}"
    raise OmicsConnectionError(
        f"{problem}. Set region_name on the operator or in {where} to one of: {', '.join(regions)}. "
        "A region that AWS added later needs a newer boto3."
    )
