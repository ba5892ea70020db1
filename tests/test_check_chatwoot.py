"""The doctor as a command: what it prints, and with which status it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from chat.examining import examination
from chat.examining.rows import Row, Verdict, as_table, verdict_of
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import Serving
from tests.test_docs import rows
from tests.test_examining import ROOT, SCHEMA

NAMES = [question.name for question in examination.QUESTIONS] + ["proxies"]


def run(serving: Serving, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "check_chatwoot", *arguments]
    done = subprocess.run(command, env=serving.env, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def at(sandbox: SandboxProcess, folder: Path, **more: str) -> Serving:
    inbox = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_INBOX_IDENTIFIER": sandbox.new_inbox().identifier}
    return Serving(folder, **inbox, **more)


def test_all_is_well_with_0_whether_a_server_runs_or_not(migrated: Path, sandbox: SandboxProcess) -> None:
    serving = at(sandbox, migrated)
    for arguments in (["--json"], ["--json", "--inbox", "main"]):
        done = run(serving, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads(done.stdout)
        SCHEMA.validate(found)
        assert (found["verdict"], [row["name"] for row in found["rows"]]) == ("ok", NAMES)
    with serving.running():
        done = run(serving)
    assert (done.returncode, done.stdout.count("\n"), "Cure" in done.stdout) == (0, len(NAMES), False)


def test_something_wrong_is_1_with_a_table_or_json(migrated: Path, sandbox: SandboxProcess) -> None:
    serving = at(sandbox, migrated, CHATWOOT_HMAC_TOKEN="not that one")
    table = run(serving)
    assert (table.returncode, table.stderr.splitlines()[-1]) == (1, "CommandError: Something is wrong: hmac.")
    (line,) = [line for line in table.stdout.splitlines() if line.startswith("wrong")]
    assert line.split()[:3] == ["wrong", "hmac", "main"]
    cure = table.stdout.splitlines()[table.stdout.splitlines().index(line) + 1]
    assert cure.strip().startswith("Cure: Copy the HMAC token")
    as_json = run(serving, "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)["verdict"]) == (1, "wrong")
    assert "not that one" not in table.stdout + table.stderr + as_json.stdout + as_json.stderr


def test_a_chatwoot_that_is_not_there_is_told_in_words(migrated: Path) -> None:
    done = run(Serving(migrated), "--json")
    found = json.loads(done.stdout)
    SCHEMA.validate(found)
    assert done.returncode == 1
    readings = {row["name"]: row["reading"] for row in found["rows"]}
    assert readings["rest"].startswith("nobody is reached there: ConnectError")
    assert readings["canary"] == readings["fence"] == "not asked, because of what is wrong with `rest`"


def test_what_could_not_work_is_refused_in_words(tmp_path: Path) -> None:
    done = run(Serving(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Run manage.py migrate" in done.stderr


def test_what_a_row_says_is_said_once_and_of_the_inbox_that_was_asked_for(
    migrated: Path, sandbox: SandboxProcess
) -> None:
    serving = at(sandbox, migrated, DEBUG="False", SECRET_KEY="s" * 50, ALLOWED_HOSTS="127.0.0.1")
    serving.env["TRUST_FORWARDED_PROTO"] = "True"
    done = run(serving)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("names no allowed origins") == done.stdout.count("says that there is a proxy") == 1
    nobody = run(serving, "--inbox", "nope")
    assert (nobody.returncode, nobody.stderr) == (1, "CommandError: There is no inbox 'nope'.\n")


@pytest.mark.django_db
def test_what_no_row_says_is_still_mentioned(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["chat.example.com"]
    with pytest.raises(CommandError, match="There is no inbox yet"):
        call_command("check_chatwoot")
    assert "DEBUG is on, and chat.example.com is served" in caplog.text


@pytest.mark.django_db
def test_an_inbox_that_does_not_exist_is_refused(settings: Settings) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match="There is no inbox yet"):
        call_command("check_chatwoot")
    with pytest.raises(CommandError, match="There is no inbox 'nope'"):
        call_command("check_chatwoot", inbox="nope")


def row(name: str, verdict: Verdict, cure: str = "") -> Row:
    return Row(name, "main", verdict, "as seen", cure)


def test_the_verdict_of_all_is_the_worst_and_what_was_not_asked_is_no_fault() -> None:
    well, odd, bad = row("rest", Verdict.OK), row("stamp", Verdict.WARNING, "do"), row("cable", Verdict.WRONG, "do")
    unasked = row("files", Verdict.NOT_ASKED)
    assert verdict_of([well, unasked]) == "ok"
    assert verdict_of([well, unasked, odd]) == "warning"
    assert verdict_of([odd, bad, well]) == "wrong"


def test_the_table_has_a_line_for_each_row_and_its_cure_below() -> None:
    shown = as_table([row("rest", Verdict.OK), row("cable", Verdict.WARNING, "Mend it")])
    assert shown.splitlines() == [
        "ok       rest   main  as seen",
        "warning  cable  main  as seen",
        "         Cure: Mend it",
    ]


def test_the_document_and_the_schema_name_every_row() -> None:
    told = rows((ROOT / "docs/doctor.md").read_text(), "row")
    assert [name.strip("`") for name, *_ in told] == NAMES
    schema = json.loads((ROOT / "docs/check_chatwoot.schema.json").read_text())
    assert schema["$defs"]["row"]["properties"]["name"]["enum"] == NAMES


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "wrong", "cure": ""},
        {"verdict": "ok", "cure": "Do something"},
        {"verdict": "fine"},
        {"name": "weather"},
        {"more": 1},
    ],
)
def test_the_schema_takes_no_row_that_leaves_an_operator_alone(wrong: dict[str, object]) -> None:
    good = {"name": "rest", "about": "main", "verdict": "ok", "reading": "as seen", "cure": ""}
    assert SCHEMA.is_valid({"verdict": "ok", "rows": [good]})
    assert not SCHEMA.is_valid({"verdict": "ok", "rows": [good | wrong]})
