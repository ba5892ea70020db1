from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from chat import posting
from chat.management.plain import PlainCommand
from chat.models import Inbox, Webhook


class Command(PlainCommand):
    help = "Tell an address when somebody has unread messages and no device open; prints its secret, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--inbox", required=True, help="its public name, such as main")
        parser.add_argument("--url", required=True, help="where your server takes notices")
        parser.add_argument("--with-text", action="store_true", help="tell what was written, too")

    def handle(self, *_: Any, inbox: str, url: str, with_text: bool, **options: Any) -> None:
        found = Inbox.objects.filter(slug=inbox).first()
        if found is None:
            raise CommandError(f"There is no inbox {inbox!r}.")
        try:
            posting.check_url(url, inside=settings.WEBHOOKS_INSIDE)
        except posting.BadUrl as bad:
            raise CommandError(str(bad)) from None
        webhook = Webhook.objects.create(inbox=found, url=url, with_text=with_text)
        self.stderr.write(f"{webhook} is told from now on. Its secret, which is shown nowhere again:")
        self.stdout.write(webhook.secret)
