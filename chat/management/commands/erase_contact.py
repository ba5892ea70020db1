import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from chat import erasing, files
from chat.feed import Pen
from chat.wal import Log


class Command(BaseCommand):
    help = "Erase a person here, for good: conversations, files, sessions. What agents have in Chatwoot stays there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", type=uuid.UUID, help="the contact's id")

    def handle(self, *_: Any, contact: uuid.UUID, **options: Any) -> None:
        log = Log()
        with transaction.atomic():
            pen = Pen(None, [contact])
            if not pen.knows(contact):
                raise CommandError("there is no such contact")
            paths = erasing.erase(pen, contact)
        files.remove(paths)
        log.wrote(emptied=True)
        log.tidy()
        self.stdout.write(
            f"contact {contact} was erased, with {len(paths)} files; their devices are cut off in seconds"
        )
