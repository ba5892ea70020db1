import asyncio
import sys
import time
import uuid
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from chat import erasing, files, removals, sql
from chat.advice import Stopped, sentence
from chat.feed import Pen
from chat.management.plain import PlainCommand
from chat.models import IDENTIFIER, Contact, Removal
from chat.parting import Parting
from chat.wal import Log

OURS_MS = 600_000  # for which a running process leaves the rest to this command


class Command(PlainCommand):
    help = "Erase a person here, for good: conversations, files, sessions; with --upstream at Chatwoot, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", type=uuid.UUID, help="the contact's id")
        parser.add_argument("--upstream", action="store_true", help="delete them at Chatwoot, too, as an administrator")
        parser.add_argument("--even-shared", action="store_true", help="also whom Chatwoot knows elsewhere, too")

    def handle(self, *_: Any, contact: uuid.UUID, upstream: bool, even_shared: bool, **options: Any) -> None:
        if even_shared and not upstream:
            raise CommandError("--even-shared is about Chatwoot; it goes with --upstream.")
        if not upstream:
            self.erase(contact)
            return
        try:
            self.erase_everywhere(contact, even_shared=even_shared)
        except Stopped as refusal:
            raise CommandError(sentence(str(refusal))) from None

    def erase(self, contact: uuid.UUID, *, upstream: bool = False) -> None:
        log = Log()
        with transaction.atomic():
            pen = Pen(None, [contact])
            if not pen.knows(contact):
                raise CommandError("there is no such contact")
            if upstream:
                removals.note(contact, now=pen.now, soonest_ms=OURS_MS)
            paths = erasing.erase(pen, contact)
        files.remove(paths)
        log.wrote(emptied=True)
        log.tidy()
        self.say(f"contact {contact} was erased, with {len(paths)} files; their devices are cut off in seconds")

    def erase_everywhere(self, contact: uuid.UUID, *, even_shared: bool) -> None:
        """Chatwoot is asked first, so that a refusal leaves all as it is. What is cut short later is gone on with."""
        now, is_here = sql.database_now(), Contact.objects.filter(id=contact).exists()
        rows = removals.planned(contact, now=now, due_at=now) if is_here else removals.of(contact)
        if not rows:
            self.say(f"contact {contact}: Chatwoot knows nothing of them" if is_here else f"contact {contact} is gone")
            if is_here:
                self.erase(contact)
            return
        erased, token = removals.sessions(), self.token()
        parting = Parting(rows, erased=erased, token=token, say=self.say, even_shared=even_shared)
        asyncio.run(parting.check())
        if is_here:
            wait_s = (removals.safe_at(contact, now=now) - now) / 1000
            self.erase(contact, upstream=True)
            self.wait(wait_s)
        for row in removals.of(contact):
            self.delete(row, parting)

    def delete(self, row: Removal, parting: Parting) -> None:
        try:
            was_there = asyncio.run(parting.delete(row))
        except Stopped as refusal:
            raise Stopped(f"The contact is erased here, and not yet at Chatwoot. {refusal}") from None
        removals.done(row)
        self.say(f"{row.inbox.chatwoot.url}: {'deleted' if was_there else 'they are gone'}")

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.say(f"Something of theirs was just being sent; waiting {seconds:.0f} s, until it can no longer arrive")
            time.sleep(seconds)

    def token(self) -> str:
        """From the environment or, at a terminal, from the keyboard."""
        token: str = settings.CHATWOOT_ADMIN_TOKEN
        if not token and not sys.stdin.isatty():
            raise Stopped("There is no token: set CHATWOOT_ADMIN_TOKEN, of an administrator of the account")
        token = (token or getpass("Access token of an administrator (it is not kept): ")).strip()
        if not IDENTIFIER.fullmatch(token):
            raise Stopped("That is no access token: Chatwoot's have letters, digits, _ and - only")
        return token

    def say(self, line: str) -> None:
        self.stdout.write(line)
