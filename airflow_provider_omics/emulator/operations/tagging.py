"""The rules on tags that the model does not carry."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_omics.emulator.errors import ValidationException
from airflow_provider_omics.resources import RULES


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a resource's tags if it may have them all.

    :raises ValidationException: if they are too many, or one of them is AWS's own.
    """
    limit = int(RULES["tags.count"].limit)
    if len(tags) > limit:
        raise ValidationException(f"A resource can have {limit} tags; these are {len(tags)}.")
    prefix = str(RULES["tags.reserved_prefix"].limit)
    reserved = sorted(key for key in tags if key.lower().startswith(prefix))
    if reserved:
        raise ValidationException(f"Tag keys that start with {prefix!r} are reserved: {', '.join(reserved)}.")
    return dict(tags)
