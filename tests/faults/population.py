"""People who have all written once, made quickly: at the sandbox by its API, in our database by a script."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.faults.database import Database
from tests.faults.ports import HOST
from tests.faults.processes import ROOT, SECRET_KEY, Sandbox
from tests.faults.swarm import Person

AT_ONCE = 8
WRITE = """
import json, sys
from django.db import transaction
from chat import sessions
from chat.clock import now_ms
from chat.models import Contact, Conversation, Inbox
inbox = Inbox.objects.get(slug="main")
made = []
with transaction.atomic():
    for session_of, token, contact_id, talk in json.load(sys.stdin):
        opened = sessions.open_anonymous(inbox)
        contact = opened.session.contact
        row = contact.contact_inboxes.get()
        row.source_id, row.pubsub_token, row.chatwoot_contact_id = session_of, token, contact_id
        row.save()
        Conversation.objects.create(
            contact=contact, contact_inbox=row, inbox=inbox, chatwoot_id=talk, created_at=now_ms(), seq=1
        )
        Contact.objects.filter(pk=contact.pk).update(head=1)
        made.append([talk, opened.access_token])
print(json.dumps(made))
"""


async def populate(number: int, *, sandbox: Sandbox, database: Database, world: dict[str, Any]) -> list[Person]:
    """The sandbox runs; the application does not yet."""
    path = f"/public/api/v1/inboxes/{world['inbox']['identifier']}/contacts"
    turns = asyncio.Semaphore(AT_ONCE)

    async def make(http: httpx.AsyncClient) -> list[Any]:
        async with turns:
            contact = (await http.post(path, json={})).json()
            talk = (await http.post(f"{path}/{contact['source_id']}/conversations", json={})).json()
        return [contact["source_id"], contact["pubsub_token"], contact["id"], talk["id"]]

    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, timeout=60) as http:
        rows = await asyncio.gather(*(make(http) for _ in range(number)))
    made = await asyncio.to_thread(write, rows, database=database, folder=sandbox.log.parent)
    return [Person(talk, token) for talk, token in made]


def write(rows: list[list[Any]], *, database: Database, folder: Path) -> list[tuple[int, str]]:
    """Of each row (source_id, pubsub_token, Chatwoot's number of the contact, display id): display id, access token."""
    env = {"SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": HOST, "DATABASE_URL": database.url, "VAR_DIR": str(folder)}
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-startup", "--verbosity=0", "-c", WRITE]
    done = subprocess.run(command, env=env, input=json.dumps(rows), check=True, stdout=subprocess.PIPE, text=True)
    return [(talk, token) for talk, token in json.loads(done.stdout)]
