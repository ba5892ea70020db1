"""The whole application as a process of its own, with its rows written beforehand."""

import asyncio
import os
import signal
import sys
import time
import uuid
from pathlib import Path

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction

from tests.bench.cable import Cable, free_port
from tests.bench.people import Person

ROOT = Path(__file__).resolve().parents[2]
IDENTIFIER = "benchbenchbenchbenchbenc"
BOOT_S = 60


def prepare(folder: Path) -> dict[str, str]:
    """Set Django up in this process; the answer is the environment that both processes share."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "chatproxy.settings",
        "SECRET_KEY": "only for the bench " * 4,
        "ALLOWED_HOSTS": "127.0.0.1",
        "VAR_DIR": str(folder),
        "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL") or f"sqlite:///{folder / 'bench.sqlite3'}",
        "LOG_LEVEL": "ERROR",
    }
    os.environ.update(environment)
    import django

    django.setup()
    call_command("migrate", verbosity=0)
    return environment


def write_people(number: int, *, url: str) -> list[Person]:
    """Visitors who once wrote: each with a session and a conversation that Chatwoot knows."""
    from chat import sessions
    from chat.models import Contact, Conversation, upsert_inbox

    inbox = upsert_inbox(slug="main", url=url, cable_url="ws://127.0.0.1:9/cable", inbox_identifier=IDENTIFIER)
    inbox.chatwoot_inbox_id = 1
    inbox.save()
    people = []
    with transaction.atomic():
        for n in range(1, number + 1):
            opened = sessions.open_anonymous(inbox)
            contact = opened.session.contact
            row = contact.contact_inboxes.get()
            row.pubsub_token, row.chatwoot_contact_id = f"visitor{n}{uuid.uuid4().hex[:8]}", n
            row.save()
            Conversation.objects.create(
                contact=contact,
                contact_inbox=row,
                inbox=inbox,
                chatwoot_id=n,
                created_at=int(time.time() * 1000),
                seq=1,
            )
            Contact.objects.filter(pk=contact.pk).update(head=1)
            people.append(Person(n, row.pubsub_token, row.source_id, opened.access_token))
    connections.close_all()
    return people


class Application:
    """`manage.py serve`. Use it as `async with`."""

    def __init__(self, environment: dict[str, str], *, rest_port: int, cable: Cable, log: Path) -> None:
        self._cable = cable
        self._environment = environment | {
            "CHATWOOT_URL": f"http://127.0.0.1:{rest_port}",
            "CHATWOOT_INBOX_IDENTIFIER": IDENTIFIER,
            "LIMITS": "all=off",
            "PATH": os.environ["PATH"],
        }
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/v1"

    async def __aenter__(self) -> "Application":
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(self.port),
                env=self._environment | {"CHATWOOT_CABLE_URL": self._cable.url}, stdout=log, stderr=log,
            )  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(BOOT_S):
            while not await self._answers(http):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        try:
            await http.get(f"http://127.0.0.1:{self.port}/healthz")
        except httpx.HTTPError:
            return False
        return True

    def rss_kb(self) -> int:
        """Resident memory; 0 where /proc does not tell."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return 0
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))

    def cpu_s(self) -> float:
        """Processor time so far, all threads; 0 where /proc does not tell. Hardly depends on what else runs here."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return 0.0
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def database() -> str:
    return {"sqlite3": "SQLite", "postgresql": "PostgreSQL"}[settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]]
