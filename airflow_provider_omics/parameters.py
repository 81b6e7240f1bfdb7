"""The names that a workflow's parameters go by: a pure function."""

from __future__ import annotations

from collections.abc import Container


def unqualified(name: str, template: Container[str], engine: str | None) -> str:
    """Return the name that a parameter has in the template: WDL's may be qualified, like ``cohort.reads``.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflow-languages-wdl.html, on ``input.json``.

    :param template: the names that the workflow's parameter template has
    :param engine: the workflow's, as GetWorkflow tells it; None where it is not known, and may be WDL
    """
    bare = name.partition(".")[2]
    may_be = engine is None or engine.startswith("WDL")
    return bare if may_be and name not in template and bare in template else name
