"""The documents say what is so: settings, layers, frames, close codes, commands, links."""

import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from django.core.management import get_commands

from chat import locales, look
from chat.api.app import api
from chat.limits import DEFAULTS
from chat.socket import Limits
from chat.wire import Close, asyncapi
from chat.wire.frames import ClientFrame, Hello
from chatproxy import settings
from tests import test_layers
from tests.fixtures.examples import DOCUMENTS, ROOT, examples

ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table whose first line starts with that heading."""
    after = text[text.index(f"\n| {heading}") + 1 :].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in after.splitlines()[2:]]


def commands() -> list[str]:
    """Every command that a document shows within a sentence or indented; tests/test_examples.py runs the others."""
    shown = []
    for document in DOCUMENTS:
        text = document.read_text()
        shown += [line for line in INDENTED.findall(text) if line.startswith("make ")]
        shown += re.findall(r"`((?:make|manage\.py) [^`]+)`", text)
    return sorted({line.strip() for line in shown})


def test_the_settings_table_lists_exactly_what_is_read() -> None:
    told = [name.strip("`") for name, *_ in rows((ROOT / "docs/settings.md").read_text(), "name")]
    assert sorted(told) == sorted(settings.env.names)


def test_the_limits_in_the_document_are_the_defaults() -> None:
    told = rows((ROOT / "docs/abuse.md").read_text(), "limit")
    assert {name.strip("`"): default.strip("`") for name, default, *_ in told} == DEFAULTS


@pytest.mark.parametrize("command", commands())
def test_a_command_that_is_shown_exists(command: str) -> None:
    words = command.split()
    if words[0] == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
    else:
        assert words[1] == "sandbox" or words[1] in get_commands()


def test_what_the_shell_is_told_to_export_is_a_setting() -> None:
    shown = [line for each in examples() if each.language == "sh" for line in each.text.splitlines()]
    named = {word for line in shown if line.startswith("export ") for word in re.findall(r"(\w+)=", line)}
    assert named - {"messages", "sessions"} <= set(settings.env.names)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_the_readme_has_two_set_up_commands() -> None:
    assert INDENTED.findall((ROOT / "README.md").read_text()) == ["make run", "make test"]


def test_the_layers_are_those_that_the_layer_test_enforces() -> None:
    told = {int(layer): names.replace(",", "").split() for layer, _, names in rows(ARCHITECTURE, "layer")}
    assert told == {layer: names.split() for layer, names in test_layers.LAYERS.items()} | {5: ["sandbox"]}


def test_close_codes_are_the_same_in_python_in_the_browser_and_in_the_document() -> None:
    ours = {(str(close.value), close.name, close.policy.value) for close in Close}
    script = (ROOT / "static/chat/close.js").read_text()
    browser = re.findall(r'^  (\w+): \{ code: (\d+), policy: "([^"]+)" \}', script, re.MULTILINE)
    assert {(code, name, policy) for name, code, policy in browser} == ours
    assert {tuple(row) for row in rows(ARCHITECTURE, "close")} == ours


def test_every_frame_of_a_client_is_described() -> None:
    told = {name.strip("`"): text for name, text in rows(ARCHITECTURE, "from the client")}
    assert told.keys() == {frame.__name__.lower() for frame in get_args(ClientFrame)}
    for frame in get_args(ClientFrame):
        fields = frame.model_fields.keys() - {"type"}
        assert all(f"`{field}`" in told[frame.__name__.lower()] for field in fields)


def test_the_time_for_the_first_frame_is_the_same_everywhere() -> None:
    told = f"within {Limits().hello_s:g} s"
    assert told in asyncapi.INTRODUCTION and told in (Hello.__doc__ or "")
    assert f"The first frame is `hello`, {told}" in " ".join(ARCHITECTURE.split())


def test_every_call_of_the_json_api_is_described() -> None:
    told = {call.strip("`") for call, _ in rows(ARCHITECTURE, "call")}
    paths = api.get_openapi_schema()["paths"]
    calls = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert told == {re.sub(r"{(message|conversation|attachment|article)_id}", "{id}", call) for call in calls}


def test_no_document_names_a_machine() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"(?<![\w.])/(?:work|root|tmp|home)/", document.read_text()), document.name


def test_the_texts_that_may_be_replaced_exist() -> None:
    told = {name.strip("`"): "x" for name, _ in rows((ROOT / "docs/look.md").read_text(), "name")}
    assert look.text_faults(told) == []


def test_every_language_is_named() -> None:
    (line,) = re.findall(r"^There are (.*)\.$", (ROOT / "docs/look.md").read_text(), re.MULTILINE)
    assert line.replace(" and ", ", ").split(", ") == list(locales.languages())


def test_what_a_launcher_may_be_is_told() -> None:
    told = {name.strip("`"): values for name, values, _ in rows((ROOT / "docs/look.md").read_text(), "attribute")}
    for name, choices in look.CHOICES.items():
        assert told[f"data-{name}"] == ", ".join(f"`{choice}`" for choice in choices)
