from typing import Any

from django.core.management.base import BaseCommand

from chat import models


class Command(BaseCommand):
    help = "Let every device start again, after a backup was restored or a standby took over (docs/operating.md)."

    def handle(self, *_: Any, **options: Any) -> None:
        changed = models.Contact.objects.update(epoch=models.new_epoch())
        self.stdout.write(f"{changed} contacts have a new epoch: their devices start again within seconds.")
