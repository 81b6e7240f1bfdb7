"""HealthOmics as a backend of moto, registered from outside: ``with mock_aws(): boto3.client("omics")``.

moto has no ``omics`` backend of its own. It is extended at two places that have not changed since moto 5.0:
``moto.backend_index.backend_url_patterns``, the list by which in-process calls, moto's server and its proxy find the
service of a URL; and the import of ``moto.<service>``, from which they take ``<service>_backends``. This package
stands in for ``moto.omics``, and imports moto only when the first request arrives.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

URL = (
    r"https?://(?:(?:analytics|control-storage|storage|tags|workflows)-)?omics(?:-fips)?"
    r"\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com"
)
"""The hosts of HealthOmics: each operation has one of five prefixes, unless botocore is told to leave it out."""

_MODULE = "moto.omics"


def register() -> bool:
    """Make moto answer for HealthOmics in this process; a second call changes nothing.

    Steps aside where moto has an ``omics`` backend of its own. ``moto.server`` needs this call before its ``main``.

    :return: whether this emulator answers (False: moto's own backend does).
    """
    index = importlib.import_module("moto.backend_index")
    this = sys.modules[__name__]
    if any(service == "omics" for service, _ in index.backend_url_patterns):
        return sys.modules.get(_MODULE) is this
    sys.modules[_MODULE] = this
    index.backend_url_patterns.insert(0, ("omics", re.compile(URL)))  # in place: moto hands this list object around
    return True


def __getattr__(name: str) -> Any:
    if name == "omics_backends":
        return importlib.import_module(f"{__name__}.models").omics_backends
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
