"""How a client reaches the emulator: what to put into Airflow and into the environment."""

from __future__ import annotations

import json
import os
import shlex
from urllib.parse import urlsplit

CONNECTION = "AIRFLOW_CONN_AWS_DEFAULT"
"""The environment variable that defines the Airflow connection ``aws_default``."""

HOST = "127.0.0.1"
"""Where the emulator listens."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}
"""Any access key will do: signatures are not checked."""


def connection_json(url: str | None, region: str = "us-east-1") -> str:
    """Return the Airflow connection, in its JSON form, of every AWS hook to the emulator.

    :param url: the emulator's address, e.g. ``http://127.0.0.1:5000``; None where ``mock_aws`` stands before AWS's own.
    :param region: the AWS region.
    """
    endpoint = {"endpoint_url": url} if url else {}
    return json.dumps(
        {
            "conn_type": "aws",
            "login": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "password": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            "extra": {"region_name": region, **endpoint},
        }
    )


def environment(url: str, region: str = "us-east-1") -> dict[str, str]:
    """Return the environment by which boto3 and the AWS CLI reach the emulator without further options.

    :param url: the emulator's address, e.g. ``http://127.0.0.1:5000``.
    :param region: the AWS region.
    """
    return {
        "AWS_ENDPOINT_URL": url,
        # Every HealthOmics operation has a host prefix, which botocore puts before any host, even an IP address.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **no_proxy(urlsplit(url).hostname or HOST),
    }


def exports(url: str, region: str = "us-east-1") -> list[str]:
    """Return the lines of shell that define the Airflow connection and the environment, those for proxies last.

    Unlike :func:`environment` they keep the hosts that the shell reaches so already, which need not be this process's.

    :param url: the emulator's address, e.g. ``http://127.0.0.1:5000``.
    :param region: the AWS region.
    """
    host = urlsplit(url).hostname or HOST
    variables = {CONNECTION: connection_json(url, region), **environment(url, region)}
    own = {name: value for name, value in variables.items() if name.upper() != "NO_PROXY"}
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in own.items()),
        'export NO_PROXY="${NO_PROXY:-${no_proxy-}}" no_proxy="${no_proxy:-${NO_PROXY-}}"',
        f'export NO_PROXY="${{NO_PROXY:+$NO_PROXY,}}{host}" no_proxy="${{no_proxy:+$no_proxy,}}{host}"',
    ]


def no_proxy(host: str = HOST) -> dict[str, str]:
    """Return the environment by which clients reach the emulator themselves, whatever HTTP proxy they are told to use.

    It keeps the hosts that this process reaches so already. Some programs read only one of the two spellings, others
    prefer one of them; where one is missing, it gets what the other has.

    :param host: the emulator's.
    """
    upper, lower = os.environ.get("NO_PROXY", ""), os.environ.get("no_proxy", "")
    return {"NO_PROXY": _and(host, upper or lower), "no_proxy": _and(host, lower or upper)}


def _and(host: str, listed: str) -> str:
    hosts = [each.strip() for each in listed.split(",") if each.strip()]
    known = host in hosts or hosts == ["*"]  # a star means every host only where it stands alone
    return listed if known else ",".join([*hosts, host])
