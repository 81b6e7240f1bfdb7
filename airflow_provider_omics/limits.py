"""How much the provider reads, and from whom: every limit on a file, an object in S3 or an answer, with its reason.

Whoever may write a file that a task reads must not be able to fill the memory of its worker. The smallest worker of
Amazon MWAA has 2 GB for all its tasks: https://docs.aws.amazon.com/mwaa/latest/userguide/environment-class.html. The
module imports neither Airflow nor boto3.
"""

from __future__ import annotations

from airflow_provider_omics.resources import RULES

JSON_DEPTH = 100
"""How deeply objects and arrays of a JSON document, or of a result, may be nested: Airflow 3 refuses XCom of more than
some 250 levels, and Python's recursion, by which all walk through it, ends at some 1,000 calls."""

JSON_INTEGERS = range(-(2**63), 2**64)
"""The whole numbers that a JSON document may hold: a task of Airflow 3.1 and later sends its XCom by MessagePack, which
has no others (https://github.com/msgpack/msgpack/blob/master/spec.md#int-format-family)."""

MATCHED_CHARACTERS = 2048
"""Characters of an argument that a pattern of botocore's model is applied to where the model gives it no ``max``: some
patterns, as ``.+/.+``, take as long as the square of the text, and no argument that they mean is longer."""

SAMPLESHEET_BYTES = 16 * 1024**2
"""A samplesheet that is larger is another kind of file."""

SAMPLESHEET_COLUMNS = 2000
"""As many as a workflow has parameters: the ``max`` of ``WorkflowParameterTemplate`` in botocore's model."""

SAMPLESHEET_NAME = 250
"""Characters of a column's name; a parameter's has 128 at most, by botocore's model."""

SAMPLESHEET_ROWS = int(RULES["run_batches.runs"].limit)
"""Of a sheet that no task is mapped over: as many as a batch has runs. Else ``[core] max_map_length`` of Airflow."""

SAMPLESHEET_CELLS = 2_000_000
"""Parameters of all rows together, the common ones of each row included: each takes some 100 bytes as a Python object
where its cell took two bytes of the sheet."""

SAMPLESHEET_FINDINGS = 1000
"""Problems that an error lists; the sheet is read no further. As many as a sheet has rows by Airflow's default."""

SAMPLESHEET_HINTS = 5
"""For how many columns the nearest name is looked for, which takes as long as the columns and parameters are many."""

SAMPLESHEET_NUMBER = 400
"""Characters of a cell that is a number; the longest that Python writes has some 330."""

RUN_SETTINGS_BYTES = 32 * 1024**2
"""The settings of a batch's runs in S3, which a retry reads to leave some of them out: 335 bytes for each of 100,000
runs. As Python objects they are five times as large, or 30 times if somebody makes them so."""

OUTPUTS_BYTES = 65_536
"""JSON of a run's outputs that goes into XCom, which Airflow keeps in its database."""

OUTPUTS_LISTED = 10_000
"""Objects of a run that are listed in search of its outputs, 1,000 a call; logs are among them."""

DEFINITION_BYTES = int(RULES["workflow_definitions.s3_bytes"].limit)
"""All files of a definition together; what is larger holds data, and no archive of it could be sent."""

DEFINITION_FILES = 10_000
"""Files of a definition, each of which takes some memory even if it is empty."""

LOG_PAGES = 5
"""Pages of a log stream, of at most 1 MB each: CloudWatch may answer with an empty one before the last lines."""


class TooLarge(ValueError):
    """Say that a file or an object in S3 is larger than it may be.

    :param limit: the bytes that it may have
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"it is larger than {limit:,} bytes")
