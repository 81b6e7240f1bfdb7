"""Checking a WDL definition with miniwdl, the checker that AWS's guide names, without touching disk or network.

https://docs.aws.amazon.com/omics/latest/dev/workflows-linter.html. That WDL errors make a workflow FAILED and stand as
JSON in its ``statusMessage`` is documented; the members of that JSON are an assumption. miniwdl comes with the extra
``wdl``: without it every WDL file passes.
"""

from __future__ import annotations

import importlib.util
import json
import posixpath
from collections.abc import Coroutine, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.emulator.definition import Definition, DefinitionError, printable

if TYPE_CHECKING:
    from WDL.Tree import Document, ReadSourceResult, Workflow

MOST_FINDINGS = 50
LONGEST_DESCRIPTION = 256
"""Characters of a parameter's description: the ``max`` of ``WorkflowParameterDescription`` in botocore's model."""

Template = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One error of a definition, and where it stands."""

    file: str
    line: int
    column: int
    message: str


class LintError(DefinitionError):
    """Say what is wrong with a definition, as JSON.

    :param findings: at least one.
    """

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(json.dumps({"errors": [asdict(finding) for finding in findings[:MOST_FINDINGS]]}))
        self.findings = findings


def available() -> bool:
    """Return whether miniwdl is installed."""
    return importlib.util.find_spec("WDL") is not None


def template_of(definition: Definition, *, lenient: bool = False) -> Template:
    """Check a WDL definition, and return the parameter template that its inputs make.

    https://docs.aws.amazon.com/omics/latest/dev/parameter-templates.html: what may be null, or has
    a default, is optional.

    :param lenient: let an optional value stand where one is required, as Cromwell does (engine ``WDL_LENIENT``).
    :raises LintError: if it has errors of syntax, imports or types, or no workflow.
    """
    document = _load(definition, lenient=lenient)
    if document.workflow is None:
        raise LintError([Finding(definition.main, 1, 1, "The main file has no workflow.")])
    return dict(_parameters(document.workflow))


def check_template(template: Template, inputs: Template) -> None:
    """Hold a given parameter template against the inputs of its workflow; that AWS does so is an assumption.

    :raises DefinitionError: if it names what is no input, or lacks one without which no run could begin.
    """
    unknown = sorted(name for name in set(template) - set(inputs) if "." not in name)
    if unknown:
        raise DefinitionError(
            f"The parameter template names {', '.join(unknown)}, which the workflow has not; its inputs are "
            f"{', '.join(sorted(inputs)) or 'none'}."
        )
    missing = sorted(name for name, input_ in inputs.items() if not input_["optional"] and name not in template)
    if missing:
        raise DefinitionError(f"The parameter template lacks {', '.join(missing)}, which the workflow requires.")


def _load(definition: Definition, *, lenient: bool) -> Document:
    import WDL

    async def read(uri: str, path: list[str], importer: Document | None) -> ReadSourceResult:
        return _read(definition, uri, importer)

    try:
        return _result(WDL.load_async(definition.main, check_quant=not lenient, read_source=read))
    except Exception as error:
        findings = list(_findings(error, definition.main)) or [_finding(definition.main, None, error)]
        raise LintError(findings) from error


def _result(coroutine: Coroutine[Any, Any, Document]) -> Document:
    """Run to its end what waits for nothing; asyncio.run would fail where a loop is running already."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        document: Document = done.value
        return document
    raise AssertionError("reading from memory does not wait")


def _read(definition: Definition, uri: str, importer: Document | None) -> ReadSourceResult:
    from WDL.Tree import ReadSourceResult

    if "://" in uri:  # a run reaches no public network, so that such an import could not work there either
        raise FileNotFoundError("Imports are read from the archive only.")
    folder = posixpath.dirname(importer.pos.abspath) if importer else ""
    path = posixpath.normpath(posixpath.join(folder, uri))
    body = definition.files.get(path)
    if body is None:
        raise FileNotFoundError(f"The archive has no file {path}.")
    return ReadSourceResult(source_text=body.decode(), abspath=path)


def _findings(error: BaseException, file: str) -> Iterator[Finding]:
    """Yield what an error of miniwdl says: that of an imported file where it stands, not where it is imported."""
    import WDL

    if isinstance(error, WDL.Error.MultipleValidationErrors):
        for each in error.exceptions:
            yield from _findings(each, file)
        return
    position = getattr(error, "pos", None)
    if isinstance(error, WDL.Error.ImportError) and error.__cause__ is not None:
        inner = list(_findings(error.__cause__, file))
        if inner:
            yield from inner
        else:
            yield _finding(file, position, f"{error}: {error.__cause__}")
    elif position is not None:
        yield _finding(file, position, error)


def _finding(file: str, position: Any, error: object) -> Finding:
    message = " ".join(f"{error}".split()) or type(error).__name__
    if position is None:
        return Finding(file, 1, 1, printable(message))
    return Finding(position.abspath, position.line or 1, position.column or 1, printable(message))


def _parameters(workflow: Workflow) -> Iterator[tuple[str, dict[str, Any]]]:
    required = {binding.name for binding in workflow.required_inputs}
    for binding in workflow.available_inputs:
        if "." not in binding.name or binding.name in required:  # inputs of calls count where a run needs them
            meta = workflow.parameter_meta.get(binding.name, "")
            text = meta.get("description", meta.get("help", "")) if isinstance(meta, dict) else meta
            description = printable(text)[:LONGEST_DESCRIPTION] if isinstance(text, str) else ""
            described = {"description": description} if description else {}
            yield binding.name, {**described, "optional": binding.name not in required}
