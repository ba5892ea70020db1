import asyncio
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import Error

from chat import starting
from chat.examining import examination
from chat.examining.case import TOLD
from chat.examining.rows import Verdict, as_json, as_table
from chat.management.plain import PlainCommand
from chat.models import Inbox
from chat.writer import WriterFull, WriterLate


class Command(PlainCommand):
    help = "Ask Chatwoot for all that a chat needs of it, and say what to do about what is wrong; 1 if anything is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--inbox", metavar="SLUG", help="only this one, by its public name; all of them by default")
        parser.add_argument("--json", action="store_true", help="as docs/check_chatwoot.schema.json describes it")

    def handle(self, *_: Any, inbox: str | None, json: bool, **options: Any) -> None:
        try:
            starting.prepare(told=TOLD)
            rows = asyncio.run(examination.examine(_chosen(inbox)))
        except ImproperlyConfigured as refusal:
            raise CommandError(str(refusal)) from None
        except Error as error:
            raise CommandError(starting.describe(error, settings.DATABASES["default"])) from None
        except (WriterFull, WriterLate) as late:
            raise CommandError(str(late)) from None
        self.stdout.write(as_json(rows) if json else as_table(rows))
        if wrong := [row.name for row in rows if row.verdict is Verdict.WRONG]:
            raise CommandError(f"Something is wrong: {', '.join(dict.fromkeys(wrong))}.")


def _chosen(slug: str | None) -> list[Inbox]:
    inboxes = Inbox.objects.select_related("chatwoot").order_by("slug")
    found = list(inboxes if slug is None else inboxes.filter(slug=slug))
    if not found:
        raise CommandError("There is no inbox yet." if slug is None else f"There is no inbox {slug!r}.")
    return found
