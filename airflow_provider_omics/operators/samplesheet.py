"""The operator that turns a samplesheet into the arguments of mapped runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_omics.compat import conf
from airflow_provider_omics.exceptions import OmicsInputError, SamplesheetInvalid
from airflow_provider_omics.operators.connected import CONNECTION_FIELDS, ConnectedOperator
from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.redaction import holds_credentials
from airflow_provider_omics.samplesheet import TYPES, Layout, parse

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

OF_THE_WORKFLOW = ("workflow_id", "workflow_version_name", "workflow_type", "workflow_owner_id")


class ReadSamplesheetOperator(ConnectedOperator):
    """Read a samplesheet and return, for each row, the arguments of a run.

    It is no operation of the API. Its result is a list of dicts for
    ``StartRunOperator.partial(…).expand_kwargs(samplesheet.output)``, in the sheet's order: the same sheet always gives
    the same list. Everything that is wrong with the sheet is told at once, with line numbers, in a
    :class:`~airflow_provider_omics.exceptions.SamplesheetInvalid`, before any run is started.

    The sheet is CSV in UTF-8 with a header line. A column gives the parameter of its name, as a string unless
    ``types`` says otherwise. A cell may be empty, and its parameter is left out then, if the column is in
    ``optional_columns``, if the workflow's template calls the parameter optional, or if ``common_parameters`` has it.
    Each row's key is also the param ``samplesheet_key`` of its mapped task:
    ``map_index_template="{{ task.params.samplesheet_key }}"`` shows it as the map label. It goes to Airflow only.

    :param samplesheet: an S3 URI, or an absolute path on the worker; at most 16 MiB (templated)
    :param key_column: the column that tells the rows apart: never empty, none twice; by default the first (templated)
    :param columns: the parameter of each column that is named otherwise; None for a column that is no parameter
    :param arguments: the argument of ``StartRunOperator`` that a column gives, instead of a parameter, e.g.
        ``{"urgency": "priority"}``; names and tags are not confidential, says AWS, so that nothing goes there by itself
    :param types: ``int``, ``float``, ``bool`` (true or false), ``json`` or ``str`` for each column that is not text
    :param optional_columns: columns that may be absent, and whose cells may be empty
    :param common_parameters: parameters of every run; a cell that is not empty goes before them (templated)
    :param delimiter: the character between two cells
    :param workflow_id: the workflow; if given, the parameter template of GetWorkflow says which parameters exist, and
        which are optional. It has no types (templated)
    :param workflow_version_name: the version of the workflow, whose template then counts (templated)
    :param workflow_type: ``PRIVATE`` or ``READY2RUN`` (templated)
    :param workflow_owner_id: the account that shares the workflow, 12 digits (templated)
    """

    template_fields = (
        "samplesheet",
        "key_column",
        "common_parameters",
        *OF_THE_WORKFLOW,
        *CONNECTION_FIELDS,
    )
    template_fields_renderers = {"common_parameters": "json"}
    permissions: ClassVar[Sequence[str]] = ("GetWorkflow", "GetWorkflowVersion")

    def __init__(
        self,
        *,
        samplesheet: str,
        key_column: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        arguments: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        optional_columns: Collection[str] = (),
        common_parameters: dict[str, Any] | None = None,
        delimiter: str = ",",
        workflow_id: str | None = None,
        workflow_version_name: str | None = None,
        workflow_type: str | None = None,
        workflow_owner_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.samplesheet = samplesheet
        self.key_column = key_column
        self.columns = columns
        self.arguments = arguments
        self.types = types
        self.optional_columns = optional_columns
        self.common_parameters = common_parameters
        self.delimiter = delimiter
        self.workflow_id = workflow_id
        self.workflow_version_name = workflow_version_name
        self.workflow_type = workflow_type
        self.workflow_owner_id = workflow_owner_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the arguments of a run for each row.

        :raises OmicsInputError: if an argument is wrong
        :raises SamplesheetInvalid: if the sheet is
        :raises SamplesheetUnreadable: if it cannot be read
        """
        from airflow_provider_omics.hooks import samplesheet

        self._check_arguments()
        asked = {name: getattr(self, name) for name in OF_THE_WORKFLOW}
        workflow = samplesheet.definition(self.hook, asked) if self.workflow_id else {}
        layout = Layout(
            delimiter=self.delimiter,
            key_column=self.key_column,
            columns=self.columns or {},
            arguments=self.arguments or {},
            types=self.types or {},
            optional_columns=self.optional_columns,
            common_parameters=self.common_parameters or {},
            template=workflow.get("parameterTemplate"),
            engine=workflow.get("engine"),
            templates=self.templates,
        )
        rows, problems = parse(samplesheet.read(self.hook, self.samplesheet), layout, **self._limit())
        if problems:
            raise SamplesheetInvalid(self.samplesheet, problems)
        self.log.info("The samplesheet %s has %d rows", self.samplesheet, len(rows))
        return rows

    def _check_arguments(self) -> None:
        """Refuse what no sheet could mend."""
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '"\r\n ':
            raise OmicsInputError("delimiter", f"must be one character like ',' or '\\t', not {self.delimiter!r}.")
        for column, kind in (self.types or {}).items():
            if kind not in TYPES:
                raise OmicsInputError("types", f"{column!r} must be one of {', '.join(TYPES)}, not {kind!r}.")
        allowed = sorted({*StartRunOperator.members, "use_cache"} - {"parameters"})
        for column, argument in (self.arguments or {}).items():
            if argument not in allowed:
                raise OmicsInputError(
                    "arguments", f"{column!r} must give one of {', '.join(allowed)}; not {argument!r}."
                )
        if isinstance(self.optional_columns, str):
            raise OmicsInputError("optional_columns", f"must be a list of columns, not {self.optional_columns!r}.")
        self._check_common_parameters()
        if not self.workflow_id and any(getattr(self, name) for name in OF_THE_WORKFLOW):
            raise OmicsInputError("workflow_id", "must be given where its version, type or owner is.")

    def _check_common_parameters(self) -> None:
        try:
            written = json.dumps(self.common_parameters, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise OmicsInputError("common_parameters", f"must be plain JSON: {error}.") from None
        if self.templates.in_value(self.common_parameters):
            raise OmicsInputError(
                "common_parameters", f"hold {self.templates.marks} after rendering; they would be rendered again."
            )
        if holds_credentials(written):
            raise OmicsInputError(
                "common_parameters",
                "hold a presigned URL or another credential, which Airflow would keep in its database. Give s3:// "
                "URIs.",
            )

    def _limit(self) -> dict[str, Any]:
        """Return how many rows may be mapped, and what to say of more before Airflow does so in its own words."""
        if self.get_dag() is None or next(self.iter_mapped_dependants(), None) is None:
            return {}
        limit = conf.getint("core", "max_map_length", fallback=1024)
        advice = (
            f"the samplesheet has more than the {limit:,} rows that Airflow maps a task over: raise [core] "
            "max_map_length, split the sheet into several with a task each, or start the rows as batches with "
            "StartRunBatchOperator"
        )
        return {"most": limit, "too_many": advice}
