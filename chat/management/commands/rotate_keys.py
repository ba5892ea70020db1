from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from chat import rotation
from chat.rotation import Column


class Command(BaseCommand):
    help = "Encrypt every secret at rest with the first of FIELD_KEYS. May run beside serve, be stopped and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--generate", action="store_true", help="only print a new key for FIELD_KEYS")

    def handle(self, *_: Any, generate: bool, **options: Any) -> None:
        if generate:
            self.stdout.write(Fernet.generate_key().decode())
        else:
            self._rotate()

    def _rotate(self) -> None:
        columns: list[Column] = []
        try:
            for column in rotation.rotate():
                columns.append(column)
                self.stdout.write(f"{column}: {column.changed} changed")
        except OperationalError as error:
            raise CommandError(
                f"The database did not take it: {error}. What is done stays done; run it again"
            ) from None
        if wrong := [words for column in columns for words in _complaints(column)]:
            raise CommandError("\n".join(wrong))


def _complaints(column: Column) -> list[str]:
    """By name and primary key, never by value."""
    return [
        *(f"{column} of row {pk} was encrypted with a key not in FIELD_KEYS" for pk in column.unreadable),
        *(f"{column} of row {pk} changed at every try; run it again" for pk in column.restless),
    ]
