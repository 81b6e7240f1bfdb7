"""What may reach the emulator: clients of this machine, and no web page.

A browser lets any page send requests to a loopback address. It marks them: with ``Origin`` where a page's script or
form sends something (https://fetch.spec.whatwg.org/#origin-header), and with ``Sec-Fetch-Site`` wherever the address is
a loopback one (https://www.w3.org/TR/fetch-metadata/). Clients of AWS send neither. A page whose name an attacker's DNS
leads to this machine afterwards (DNS rebinding) counts as the same origin, and its reading requests are unmarked: only
``Host`` gives them away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address

from airflow_provider_omics.emulator import model
from airflow_provider_omics.emulator.errors import AccessDeniedException

_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::[0-9]*)?", re.ASCII)
"""A name or an address, and a port."""
_AWS = (".amazonaws.com", ".amazonaws.com.cn")
"""The zones of AWS's own names: no attacker's DNS answers for them."""


def check(headers: Mapping[str, str]) -> None:
    """Refuse a request that a web page sends, or that is not addressed to the emulator.

    :param headers: with names in lower case.
    :raises AccessDeniedException: naming the header.
    """
    check_page(headers)
    host = headers.get("host")
    if host is not None and not _is_known(host):  # a browser always sends it
        raise AccessDeniedException(
            f"The emulator does not answer as {host[:100]!r} (header Host). Use 127.0.0.1, localhost, or a name of AWS."
        )


def check_page(headers: Mapping[str, str]) -> None:
    """Refuse a request that a web page sends.

    The emulator has no page of its own, so that there is no exception for one.

    :param headers: with names in lower case.
    :raises AccessDeniedException: naming the header.
    """
    if "origin" in headers:
        raise AccessDeniedException("The emulator does not answer web pages (header Origin).")
    # "none" is an address that the user typed; a client that is no browser does not send the header.
    if headers.get("sec-fetch-site", "none").lower() != "none":
        raise AccessDeniedException("The emulator does not answer web pages (header Sec-Fetch-Site).")


@lru_cache(maxsize=256)
def _is_known(host: str) -> bool:
    """Return whether a client that was given an address of the emulator or of AWS sends this Host."""
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = found[1].removesuffix(".")
    return name.endswith(_AWS) or any(_is_loopback(each) for each in _without_prefix(name))


def _without_prefix(name: str) -> list[str]:
    """Return a name, and what it is without the prefix that clients of HealthOmics put before the host they are given.

    They do so even before an address: ``workflows-127.0.0.1``.
    """
    return [name, *(name.removeprefix(prefix) for prefix in model.host_prefixes() if name.startswith(prefix))]


def _is_loopback(name: str) -> bool:
    """Return whether a name or an address always means this machine: RFC 6761, 6.3, and RFC 1122, 3.2.1.3."""
    if name in ("localhost", "[::1]") or name.endswith(".localhost"):
        return True
    try:
        return IPv4Address(name).is_loopback
    except AddressValueError:
        return False
