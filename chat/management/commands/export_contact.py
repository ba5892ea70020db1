import uuid
from typing import Any

import orjson
from django.core.management.base import CommandError, CommandParser

from chat.export import export
from chat.management.plain import PlainCommand
from chat.wire.errors import Refusal


class Command(PlainCommand):
    help = "Write everything that is held of a person as one JSON document."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", type=uuid.UUID, help="the contact's id")

    def handle(self, *_: Any, contact: uuid.UUID, **options: Any) -> None:
        try:
            document = export(contact)
        except Refusal:
            raise CommandError("there is no such contact") from None
        self.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
