"""What commands print steers no operator's terminal, whatever it quotes."""

import json
from importlib import import_module
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from chat.management.plain import PlainCommand

NAME = "Gus\x1b]0;owned\x07\x9b2J\u202e"
SHOWN = r"Gus\u001b]0;owned\u0007\u009b2J\u202e"


class Quoting(PlainCommand):
    requires_system_checks = ()

    def handle(self, *_: Any, **options: Any) -> None:
        self.stdout.write(f"Größer: {NAME}\nand a line")
        self.stdout.write(orjson.dumps({"name": NAME}).decode())
        raise CommandError(f"{NAME} is nobody.")


def test_what_steers_a_terminal_is_shown_instead_and_a_document_stays_one() -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(Quoting(), stdout=out)
    first, second, document = out.getvalue().splitlines()
    assert (first, second) == (f"Größer: {SHOWN}", "and a line")
    assert json.loads(document) == {"name": NAME} and document.isprintable()


def test_so_it_is_when_a_command_fails() -> None:
    err = StringIO()
    with pytest.raises(SystemExit):
        Quoting(stdout=StringIO(), stderr=err, no_color=True).run_from_argv(["manage.py", "quoting"])
    assert err.getvalue() == f"CommandError: {SHOWN} is nobody.\n"


QUOTE = ["add_webhook", "check_chatwoot", "connect_chatwoot", "erase_contact", "export_contact"]


@pytest.mark.parametrize("name", QUOTE)
def test_commands_that_quote_others_are_plain(name: str) -> None:
    assert issubclass(import_module(f"chat.management.commands.{name}").Command, PlainCommand)
