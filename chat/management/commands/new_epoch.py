from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from chat import models, outbox, sql


class Command(BaseCommand):
    help = "Trust neither devices nor deliveries, after a backup was restored or a standby took over."

    @transaction.atomic
    def handle(self, *_: Any, **options: Any) -> None:
        changed = models.Contact.objects.update(epoch=models.new_epoch())
        doubtful = 0
        for chatwoot in models.Chatwoot.objects.order_by("id"):
            doubtful += outbox.distrust(chatwoot.pk, now=sql.database_now())
        self.stdout.write(f"{changed} contacts have a new epoch: their devices start again within seconds.")
        self.stdout.write(f"{doubtful} deliveries may have arrived since: they are looked for before they are sent.")
