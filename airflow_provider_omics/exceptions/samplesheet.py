"""Errors on samplesheets."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.exceptions.common import OmicsError
from airflow_provider_omics.limits import SAMPLESHEET_FINDINGS
from airflow_provider_omics.redaction import one_line


class SamplesheetInvalid(OmicsError, AirflowFailException, ValueError):
    """Say everything that is wrong with a samplesheet; nothing was started.

    The message names lines and columns, never what stands in a cell, which may be a patient's name.

    :param source: its path or S3 URI
    :param problems: each in words, with its line
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
        more = len(problems) > SAMPLESHEET_FINDINGS
        if more:
            count = f"more than {SAMPLESHEET_FINDINGS:,} problems"
        first = f"The samplesheet {one_line(source)} has {count}; no run was started."
        lines = [first, *problems[:SAMPLESHEET_FINDINGS]]
        if more:
            lines.append("… and more: the rest of the sheet was not read.")
        super().__init__("\n".join([*lines, "Next: mend the sheet, and clear this task."]))
        self.source = one_line(source)
        self.problems = list(problems)


class SamplesheetUnreadable(OmicsError):
    """Say that a samplesheet could not be read: it may come later, or a permission may be missing.

    :param source: its path or S3 URI
    :param cause: what went wrong, in a few words
    """

    def __init__(self, source: str, cause: str) -> None:
        super().__init__(
            f"The samplesheet {one_line(source)} cannot be read: {one_line(cause)}. Next: check that it is there, and "
            "that the identity of the Airflow connection may read it (s3:GetObject); a file must be on the machine of "
            "the worker."
        )
        self.source = one_line(source)
