"""What the documentation takes from the code: arguments, IAM policies, the emulator's options and operations."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import iam
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PARAMETER = re.compile(r"^:param (\w+): (.*(?:\n[ ]+.*)*)", re.MULTILINE)


def described(cls: type) -> dict[str, str]:
    """Return what a class's own docstring says of each argument."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return {name: " ".join(words.split()) for name, words in PARAMETER.findall(text)}


def table(header: tuple[str, ...], rows: list[tuple[str, ...]], widths: str) -> str:
    """Return a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [header, *rows]:
        lines += [f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


class FromCode(SphinxDirective):
    """A directive whose page is built again when the code that it shows has changed."""

    def depend_on(self, *modules: str) -> None:
        """Name the modules, besides this one."""
        for name in (__name__, *modules):
            self.env.note_dependency(inspect.getfile(importlib.import_module(name)))

    def load(self) -> Any:
        """Return the class that the argument names by its dotted path."""
        module, _, name = self.arguments[0].rpartition(".")
        self.depend_on(module)
        return getattr(importlib.import_module(module), name)


class OperatorDirective(FromCode):
    """``.. omics-operator:: PATH``: what an operator's docstring says, and the line that imports it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the section."""
        cls = self.load()
        prose = inspect.cleandoc(cls.__doc__ or "").partition("\n:param ")[0]
        text = (
            f".. py:currentmodule:: {cls.__module__}\n\n"
            f".. py:class:: {cls.__name__}\n\n{indent(prose, '   ')}\n\n"
            f".. code-block:: python\n\n   from {cls.__module__} import {cls.__name__}\n"
        )
        return self.parse_text_to_nodes(text)


class ArgumentsDirective(FromCode):
    """``.. omics-arguments:: PATH``: the arguments that a class adds to its parent's, each with its API member."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        cls = self.load()
        defaults = inspect.signature(cls.__init__).parameters
        members = getattr(cls, "members", {})
        rows = []
        for name, words in described(cls).items():
            default = defaults[name].default
            shown = "required" if default is inspect.Parameter.empty else f"``{default!r}``"
            member = f"\n\n       {members[name]}" if name in members else ""
            rows.append((f"``{name}``{member}", shown, words))
        return self.parse_text_to_nodes(table(("argument", "default", "meaning"), rows, "28 14 58"))


class PolicyDirective(FromCode):
    """``.. omics-policy:: TITLE``: an operator's permissions and policy, or another document of scripts/iam.py."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Build the table and the policy."""
        title = self.arguments[0]
        self.depend_on("iam", "iam_data", *{operator.__module__ for operator in iam.operators().values()})
        text = ""
        if title in iam.NEEDED:
            rows = [(f"``{action}``", why.replace("`", "``")) for action, why in iam.needs(title)]
            text = table(("action", "needed"), rows, "30 70")
        document = indent(iam.documents()[title], "   ")
        return self.parse_text_to_nodes(f"{text}\n.. code-block:: json\n\n{document}\n")


class EmulatorHelpDirective(FromCode):
    """``.. omics-emulator-help::``: what the emulator's command line prints about itself."""

    def run(self) -> list[nodes.Node]:
        """Build the block."""
        from airflow_provider_omics.emulator.__main__ import parser

        self.depend_on("airflow_provider_omics.emulator.__main__")
        os.environ["COLUMNS"] = "80"
        return self.parse_text_to_nodes(f".. code-block:: text\n\n{indent(parser().format_help(), '   ')}\n")


class ReasonsDirective(FromCode):
    """``.. omics-reasons::``: what is known of AWS's reasons for a failed run."""

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        from airflow_provider_omics.failures import REASONS

        self.depend_on("airflow_provider_omics.failures")
        rows = []
        for name, reason in sorted(REASONS.items()):
            marks = [] if reason.heals else ["not retried"]
            marks += [] if reason.saved else ["nothing saved"]
            owner = reason.owner.removeprefix("the ") + (f" ({', '.join(marks)})" if marks else "")
            rows.append((f"``{name}``", owner, f"{reason.cause} {reason.action}"))
        return self.parse_text_to_nodes(
            table(("failureReason", "most likely for", "cause and next step"), rows, "30 24 46")
        )


class FiguresDirective(SphinxDirective):
    """``.. omics-figures:: PATTERN``: measured figures, where they have been written: a block for each file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the blocks."""
        name, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(name)
        found = sorted(each.name for each in Path(path).parent.glob(Path(path).name))
        files = [f"{Path(name).parent.as_posix()}/{each}" for each in found]
        for each in files:
            self.env.note_dependency(each)
        return self.parse_text_to_nodes(
            "".join(f".. literalinclude:: /{each}\n   :language: text\n\n" for each in files)
        )


class EmulatedDirective(FromCode):
    """``.. omics-emulated::``: the emulated operations, and how many there are of others."""

    def run(self) -> list[nodes.Node]:
        """Build the sentences."""
        from airflow_provider_omics.emulator.model import operations
        from airflow_provider_omics.emulator.operations import HANDLERS

        self.depend_on(*{handler.__module__ for handler in HANDLERS.values()})
        names = ", ".join(sorted(HANDLERS))
        others = len(operations()) - len(HANDLERS)
        return self.parse_text_to_nodes(
            f"{len(HANDLERS)} operations are emulated: {names}. The other {others} that botocore knows answer 501 with "
            "their name.\n"
        )


class AssumptionsDirective(FromCode):
    """``.. omics-assumptions::``: what AWS leaves open, the emulator's answer, and what that rests on."""

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        from airflow_provider_omics.emulator import assumptions

        self.depend_on("airflow_provider_omics.emulator.assumptions")
        self.env.note_dependency(str(assumptions.FILE))
        rows = []
        for name, question in assumptions.questions().items():
            default = "null" if question.answer is None else question.answer
            shown = [
                f"- {'**' if answer == default else '``'}{answer}{'**' if answer == default else '``'}: {meaning}"
                for answer, meaning in question.answers.items()
            ] or [f"- **{default}** ({question.unit})"]
            rows.append((f"{question.question}\n\n       ``{name}``", "\n       ".join(shown), question.basis))
        return self.parse_text_to_nodes(table(("situation, and its setting", "answers", "basis"), rows, "38 46 16"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("omics-operator", OperatorDirective)
    app.add_directive("omics-arguments", ArgumentsDirective)
    app.add_directive("omics-policy", PolicyDirective)
    app.add_directive("omics-emulator-help", EmulatorHelpDirective)
    app.add_directive("omics-reasons", ReasonsDirective)
    app.add_directive("omics-figures", FiguresDirective)
    app.add_directive("omics-emulated", EmulatedDirective)
    app.add_directive("omics-assumptions", AssumptionsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
