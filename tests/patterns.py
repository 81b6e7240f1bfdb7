"""Every regular expression of the package, and inputs that make one backtrack which can: run in a process of its own.

``python -m tests.patterns`` prints a line of JSON for each pattern. What grows faster than the input has a ``growth``.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import regex
from botocore.loaders import create_loader

import airflow_provider_omics
from airflow_provider_omics import redaction
from airflow_provider_omics.emulator import validation
from airflow_provider_omics.limits import MATCHED_CHARACTERS

PARSER: Any = importlib.import_module("re._parser")
METHODS = ("fullmatch", "match", "search", "findall", "finditer", "split", "sub", "subn")
OF_THE_MODEL = {
    "airflow_provider_omics.hooks.schema": "fullmatch",
    "airflow_provider_omics.emulator.validation": "compile",
    "airflow_provider_omics.emulator.model": "compile",
}
"""Modules that apply patterns of botocore's model, and how: for :func:`of_the_model` and :func:`of_addresses`."""
LONGEST = 12_288
"""Characters of the longest input: a quadratic pattern takes 20 to 500 milliseconds for them, a linear one less than
one."""
SIZES = (24, 160, 1024)
"""Lengths of the inputs before the longest: what takes exponential time is noticed at the first."""
NOTICED = 0.01
"""Seconds of the processor below which a growth is not looked at."""
NOTICED_IN_BOUNDS = 0.1
"""The same where a check of the length comes before, so that the square of it is little."""
GENEROUS = 3.0
"""What is linear takes twice as long for twice as much, and what is quadratic four times as long."""
ENOUGH = 120
"""Seconds of the processor for all patterns, after which the system ends this process: some 5 are needed."""


@dataclass(frozen=True)
class Use:
    """One pattern, and what it is asked."""

    where: str
    pattern: str
    flags: int
    methods: tuple[str, ...]
    longest: int = LONGEST
    engine: ModuleType = re

    @property
    def noticed(self) -> float:
        """Seconds of the processor below which a growth is not looked at."""
        return NOTICED if self.longest == LONGEST else NOTICED_IN_BOUNDS

    def asked(self, method: str) -> Callable[[str], Any]:
        """Return what applies the pattern to a text."""
        compiled = self.engine.compile(self.pattern, self.flags)
        found = getattr(compiled, method)
        if method in ("sub", "subn"):
            return partial(found, "")
        return (lambda text: list(found(text))) if method == "finditer" else found


@dataclass(frozen=True)
class Whole:
    """A function that takes text, and what is repeated in its inputs."""

    name: str
    apply: Callable[[str], Any]
    repeated: tuple[str, ...]

    def growth(self) -> dict[str, Any] | None:
        """Return where the time for twice as long an input is much more than twice as long; None if nowhere."""
        for text in self.repeated:
            whole, half = (text * (length // len(text)) for length in (LONGEST, LONGEST // 2))
            taken = seconds(self.apply, whole)
            if taken > NOTICED and taken > GENEROUS * seconds(self.apply, half, times=3):
                ratio = round(seconds(self.apply, whole, times=3) / seconds(self.apply, half, times=3), 1)
                if ratio > GENEROUS:
                    return {"input": text, "length": LONGEST, "ratio": ratio}
        return None


# --- finding them


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package that can be imported."""
    for info in pkgutil.walk_packages(airflow_provider_omics.__path__, "airflow_provider_omics."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def uses() -> Iterator[Use]:
    """Yield every pattern of the package, and those of botocore's model that it applies to input."""
    found = list(modules())
    sources = {module.__name__: Path(str(module.__file__)).read_text() for module in found}
    everything = "\n".join(sources.values())
    for module in found:
        for name, pattern in compiled_in(vars(module)):
            methods = set(re.findall(rf"\b{name}(?:\[[^\]]*\])?\.({'|'.join(METHODS)})\(", everything))
            yield Use(module.__name__, pattern.pattern, pattern.flags, tuple(sorted(methods)) or METHODS[:3])
        yield from inline(module, sources[module.__name__])
    yield from of_the_model()
    yield from of_addresses()


SEPARATORS = ("", "/", "+", "&", "?", " ", "\n", '"', "'", "<", "%26", "\\u0026")
SIGNS = ("=", ":", ": ", ">", "%3A", "%3d", "%253A", "\\u003d", '":"', "=[", "%3D+", ":\n")
WORDS = ("sig", "signature", "access-key", "authorization")


def of_functions() -> Iterator[Whole]:
    """Yield the functions of the module on redaction: each applies a pattern again at each place another one finds."""
    texts = {each + word + sign for each in SEPARATORS for word in WORDS for sign in SIGNS}
    texts |= {text + tail for text in ("/sig%3A", "&signature=", "?policy%3D") for tail in ("a", "%", "%2B", "+", "\\")}
    texts |= {"://", "://a@sha1", "%3A%2F%2F", "%3A%2F%2Fa%40sha1"}
    yield Whole("redacted", redaction.redacted, tuple(sorted(texts)))
    yield Whole("one_line", redaction.one_line, ("/sig%3A", "\x1bsig=", "authorization:\n"))
    yield Whole("redacted_json", lambda text: redaction.redacted_json({text: [text]}), ("/sig%3A", "&signature%253A"))


def compiled_in(values: Mapping[str, Any]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the compiled patterns of a module, those in its tables too."""
    for name, value in values.items():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else [value]
        yield from ((name, each) for each in inner if isinstance(each, re.Pattern) and isinstance(each.pattern, str))


def inline(module: ModuleType, source: str) -> Iterator[Use]:
    """Yield the patterns of calls like ``re.fullmatch("…", text)``."""
    for node in ast.walk(ast.parse(source)):
        method = asked_in(node)
        if not isinstance(node, ast.Call) or method is None:
            continue
        if method == "compile" and is_in_table(module, node, source):
            continue
        if OF_THE_MODEL.get(module.__name__) == method and not isinstance(node.args[0], ast.Constant):
            continue
        where, pattern = f"{module.__name__}:{node.lineno}", text_of(module, node.args[0])
        if pattern is None:
            raise AssertionError(f"{where}: this sweep cannot tell the pattern of {ast.unparse(node)}")
        flags = 0
        for each in ast.walk(node):
            if isinstance(each, ast.Attribute) and each.attr.isupper():
                flags |= int(getattr(re, each.attr, 0))
        yield Use(where, pattern, flags, METHODS[:3] if method == "compile" else (method,))


def asked_in(node: ast.AST) -> str | None:
    """Return the method of a call like ``re.fullmatch("…", text)``; None of another one."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    if not isinstance(node.func.value, ast.Name) or node.func.value.id not in ("re", "regex"):
        return None
    return node.func.attr if node.func.attr in (*METHODS, "compile") else None


def text_of(module: ModuleType, node: ast.expr) -> str | None:
    """Return the text that an expression stands for, if it is one or the name of one."""
    found = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        found = getattr(module, node.id, None)
    return found if isinstance(found, str) else None


def is_in_table(module: ModuleType, node: ast.Call, source: str) -> bool:
    """Tell whether a pattern is compiled when the module is imported, so that :func:`compiled_in` finds it."""
    (outer,) = (each for each in ast.parse(source).body if each.lineno <= node.lineno <= (each.end_lineno or 0))
    targets = [outer.target] if isinstance(outer, ast.AnnAssign) else getattr(outer, "targets", [])
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return any(compiled for name in names for compiled in compiled_in({name: getattr(module, name)}))


def of_the_model() -> Iterator[Use]:
    """Yield the patterns of botocore's model, each for as long a text as passes the check of its length before."""
    assert validation.LONGEST == MATCHED_CHARACTERS
    shapes = create_loader().load_service_model("omics", "service-2")["shapes"].values()
    longest: dict[str, int] = {}
    for shape in shapes:
        if pattern := shape.get("pattern"):
            most = shape.get("max", LONGEST if pattern.endswith("]+") else MATCHED_CHARACTERS)
            longest[pattern] = max(longest.get(pattern, 0), min(most, LONGEST))
    for pattern, most in longest.items():
        yield Use("botocore, in the emulator", pattern, 0, ("fullmatch",), most, regex)
        if r"\p{" not in pattern:  # which the provider reads otherwise
            yield Use("botocore, in the provider", pattern, 0, ("fullmatch",), most)


def of_addresses() -> Iterator[Use]:
    """Yield the patterns by which the emulator knows the addresses of operations."""
    from airflow_provider_omics.emulator.model import operations

    for operation in operations().values():
        yield Use(f"the address of {operation.name}", operation.pattern.pattern, 0, ("fullmatch",))


# --- inputs


def example(tree: Any) -> str:
    """Return a text that a parsed pattern matches, or nearly, with each repeat as short as it can be, but there."""
    return "".join(map(one, tree))


def one(node: tuple[Any, Any]) -> str:
    """Return a text for one element of a parsed pattern."""
    kind, value = str(node[0]), node[1]
    if kind == "LITERAL":
        return chr(value)
    if kind == "NOT_LITERAL":
        return "b" if value == ord("a") else "a"
    if kind == "ANY":
        return "a"
    if kind == "IN":
        return member(value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return example(value[2]) * max(1, min(int(value[0]), 20))
    if kind == "SUBPATTERN":
        return example(value[3])
    if kind == "BRANCH":
        return example(value[1][0])
    return example(value) if kind == "ATOMIC_GROUP" else ""


def member(items: Any) -> str:
    """Return a character of a class."""
    negated = bool(items) and str(items[0][0]) == "NEGATE"
    for candidate in "a0A-./:=_ x9Z+~":
        if bool(re.fullmatch(class_of(items), candidate)):
            return candidate
    return "" if negated else "a"


def class_of(items: Any) -> str:
    """Return a parsed class as a pattern again."""
    words = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}
    words |= {name.replace("_", "_NOT_", 1): text.upper() for name, text in words.items()}
    parts = []
    for kind, value in items:
        if str(kind) == "LITERAL":
            parts.append(re.escape(chr(value)))
        elif str(kind) == "RANGE":
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif str(kind) == "CATEGORY":
            parts.append(words[str(value)])
    return f"[{'^' if items and str(items[0][0]) == 'NEGATE' else ''}{''.join(parts)}]"


def pieces(tree: Any) -> Iterator[str]:
    """Yield what may be repeated in an input: each element, what stands before it, and what each repeat repeats."""
    before = ""
    for kind, value in tree:
        if str(kind) != "LITERAL":
            yield before
        text = one((kind, value))
        yield text
        before += text
        if str(kind) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from pieces(value[2])
        elif str(kind) == "SUBPATTERN":
            yield from pieces(value[3])
        elif str(kind) == "BRANCH":
            for branch in value[1]:
                yield from pieces(branch)
    yield before


def inputs(pattern: str, flags: int) -> Iterator[Callable[[int], str]]:
    """Yield makers of a text of some length: something before, much of one thing, and an end that does not fit."""
    tree = PARSER.parse(re.sub(r"\\p\{\w\}", "a", pattern), flags)
    parts = [part for part in dict.fromkeys((*pieces(tree), "a", "0", " ", "\n")) if part]
    ends = [end for end, (kind, _) in enumerate(tree) if str(kind) != "LITERAL"]
    starts = [start for start in dict.fromkeys(("", *(example(tree[:end]) for end in ends))) if len(start) < 99]
    for part in parts:
        for start in starts:
            for end in ("\0", "\n", ""):
                yield lambda size, a=start, b=part, c=end: a + b * (size // len(b)) + c  # type: ignore[misc]
    for first in parts[:12]:
        for second in parts[:12]:
            yield lambda size, a=first, b=second: a * (size // 2 // len(a)) + b * (size // 2 // len(b)) + "\0"  # type: ignore[misc]


# --- measuring


def seconds(apply: Callable[[str], Any], text: str, times: int = 1) -> float:
    """Return the processor's time for one application, the least of some."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        apply(text)
        found.append(time.process_time() - begun)
        if found[-1] > 10 * NOTICED:  # what interrupts a process takes no such time
            break
    return min(found)


def growth(use: Use) -> dict[str, Any] | None:
    """Return where the time for twice as long an input is much more than twice as long; None if nowhere."""
    for method in use.methods:
        apply = use.asked(method)
        for text in inputs(use.pattern, use.flags):
            for size in (*(each for each in SIZES if each < use.longest), use.longest):
                if seconds(apply, text(size)) > use.noticed:
                    whole, half = (seconds(apply, text(length), times=3) for length in (size, size // 2))
                    if whole > use.noticed and whole > GENEROUS * half:
                        ratio = round(whole / max(half, 1e-6), 1)
                        return {"method": method, "input": text(40), "length": size, "ratio": ratio}
    return None


def main() -> None:
    """Print what was found of each pattern; the name comes first, should the process be ended at it."""
    resource.setrlimit(resource.RLIMIT_CPU, (ENOUGH, ENOUGH))
    for use in dict.fromkeys(uses()):
        print(json.dumps({"where": use.where, "pattern": use.pattern}), flush=True)
        if found := growth(use):
            print(json.dumps({"growth": found, "where": use.where, "pattern": use.pattern}), flush=True)
    for function in of_functions():
        where = {"where": f"{redaction.__name__}.{function.name}()"}
        print(json.dumps(where), flush=True)
        if found := function.growth():
            print(json.dumps(where | {"growth": found}), flush=True)


if __name__ == "__main__":
    main()
