"""A samplesheet as the arguments of one run for each row: pure functions, which import nothing of Airflow or AWS."""

from __future__ import annotations

from airflow_provider_omics.samplesheet.cells import TYPES
from airflow_provider_omics.samplesheet.layout import KEY_PARAM, Layout
from airflow_provider_omics.samplesheet.parse import parse

__all__ = ["KEY_PARAM", "TYPES", "Layout", "parse"]
