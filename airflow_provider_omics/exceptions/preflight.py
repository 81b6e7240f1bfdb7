"""Errors of the checks before a run is started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.redaction import one_line


@dataclass(frozen=True)
class Finding:
    """One thing that would keep a run from starting, or from coming to its end."""

    argument: str
    """The operator's argument, or the member of the API where there is none."""
    problem: str
    """What is wrong, which one, and what would be right."""
    heals: bool = False
    """Whether the same request may succeed later."""

    def __post_init__(self) -> None:
        for name in ("argument", "problem"):  # which may quote AWS
            object.__setattr__(self, name, one_line(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.argument}: {self.problem}"


class PreflightFailed(OmicsError):
    """Say all that was found wrong with a run before it was started.

    :param findings: what was found; ``findings`` of the error is a tuple of them
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        lines = [f"The run was not started, {count} thing{'' if count == 1 else 's'} would go wrong:"]
        lines += [f"- {finding}" for finding in self.findings]
        lines.append("Next: correct the request; preflight=False starts a run without these checks.")
        super().__init__("\n".join(lines))


class PreflightFailedForGood(PreflightFailed, AirflowFailException):
    """Say so where at least one thing stays wrong however often the same request is tried."""
