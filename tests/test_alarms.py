"""docs/alarms.md names every line that is logged as an error, and what to do about it."""

import ast
import logging
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from chatproxy.logs import LINE, JsonFormatter, OneLineFormatter
from tests.fixtures.examples import ROOT

DOCUMENT = (ROOT / "docs/alarms.md").read_text()
PLACEHOLDER = re.compile(r"%[+]?[.\d]*[sdrf]")
LOGGERS = ("log", "logger", "self._log")
ALARMING = ("error", "critical", "exception")
Words = list[str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Iterator[Path]:
    files = (file for folder in ("chat", "chatproxy") for file in sorted((ROOT / folder).rglob("*.py")))
    return (file for file in files if ROOT / "chat/sandbox" not in file.parents)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def texts(node: ast.expr | None) -> Words:
    """What this expression may be, if that stands here: a constant, one of two, or one with holes."""
    match node:
        case ast.Constant(value=str(text)):
            return [PLACEHOLDER.sub("…", text)]
        case ast.IfExp(body=body, orelse=orelse):
            return texts(body) + texts(orelse)
        case ast.JoinedStr(values=values):
            return ["".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in values)]
    return []


def given(name: str) -> Words:
    """Every text that some function gets, or has by default, under this name; or that is put there first."""
    found = []
    for node in (node for file in sources() for node in ast.walk(tree(file))):
        match node:
            case ast.keyword(arg=arg, value=value) if arg == name:
                found += texts(value)
            case ast.Assign(targets=[ast.Name(id=arg)], value=value) if arg == name:
                found += texts(value)
            case ast.arguments(kwonlyargs=names, kw_defaults=defaults):
                found += [
                    text for arg, value in zip(names, defaults, strict=True) if arg.arg == name for text in texts(value)
                ]
    return [text for text in found if text]


def named(name: str, *scopes: ast.AST) -> Words:
    for scope in scopes:
        for node in ast.walk(scope):
            match node:
                case ast.Assign(targets=[ast.Name(id=arg)], value=value) if arg == name and texts(value):
                    return texts(value)
    return []


def is_alarming(call: ast.Call, function: ast.AST) -> bool:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "log":
        return call.func.attr in ALARMING
    level = ast.unparse(call.args[0])
    assigned = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Assign)]
    return "ERROR" in level or any("ERROR" in each for each in assigned if re.match(rf"\(?{level}\b", each))


def calls(file: Path) -> Iterator[tuple[ast.Call, Function]]:
    for function in (node for node in ast.walk(tree(file)) if isinstance(node, Function)):
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=logger)) if ast.unparse(logger) in LOGGERS:
                    yield node, function


def lines(call: ast.Call, *scopes: ast.AST) -> Iterator[str]:
    """What it logs, with a hole for what only running tells. Words that stand elsewhere are put into theirs."""
    assert isinstance(call.func, ast.Attribute)
    form, *values = call.args[call.func.attr == "log" :]
    forms = texts(form) or named(ast.unparse(form), *scopes)
    assert forms, f"line {call.lineno}: what is logged there cannot be read by this test"
    fillings = [
        named(value.id, *scopes)
        if isinstance(value, ast.Name)
        else given("ill")
        if "._ill" in ast.unparse(value)
        else []
        for value in values
    ]
    for text, *fill in product(forms, *(each or ["…"] for each in fillings)):
        first, *rest = text.split("…")
        yield first + "".join(words + after for words, after in zip(fill, rest, strict=True))


@cache
def logged() -> frozenset[str]:
    found = {
        line
        for file in sources()
        for call, function in calls(file)
        if is_alarming(call, function)
        for line in lines(call, function, tree(file))
    }
    return frozenset(found | set(given("alarm")))


def told() -> list[str]:
    cells = re.findall(r"^\| (`.*?`) \| \S.*\|$", DOCUMENT, re.MULTILINE)
    return [line for cell in cells for line in re.findall(r"`([^`]+)`", cell)]


def fits(line: str, logged: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, line.split("…"))), logged) is not None


@pytest.mark.parametrize("line", sorted(logged()))
def test_the_document_says_what_to_do(line: str) -> None:
    """In its own words, or shortened; what is hardly more than a hole does not stand for others."""
    enough = [each for each in told() if len(each.replace("…", "")) > 20]
    assert re.sub("…+", "…", line) in told() or any(fits(each, line) for each in enough)


@pytest.mark.parametrize("line", told())
def test_a_line_in_the_document_is_logged(line: str) -> None:
    assert any(fits(line, each) for each in logged())


def test_a_line_is_told_once() -> None:
    assert len(told()) == len(set(told()))


def test_words_that_stand_elsewhere_are_found() -> None:
    assert "the database refuses writes: …: ……" in logged()
    assert "there is no room for visitors' files: … MB are free, … MB are kept" in logged()
    assert "was refused: …" in logged()


@pytest.mark.parametrize("formatter", [OneLineFormatter(LINE), JsonFormatter(LINE)])
@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_the_command_that_watches_finds_such_lines_in_either_format(level: str, formatter: logging.Formatter) -> None:
    (watched,) = re.findall(r"--grep '([^']+)'", DOCUMENT)
    number = logging.getLevelNamesMapping()[level]
    line = formatter.format(logging.LogRecord("chat.feed", number, __file__, 1, 'about an "ERROR"', (), None))
    assert bool(re.search(watched, line)) == (level != "WARNING")
