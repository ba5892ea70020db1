"""What `make run` starts: the sandbox in Chatwoot's place, and the application that talks to it."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections

from chat import connected, starting
from chat.connected import Connected
from chat.fields import UnknownKey
from chat.models import Chatwoot, Inbox
from chatproxy import keys
from chatproxy.tether import Children

HOST = "127.0.0.1"
POLL_S = 0.1
OPERATOR = "demo"  # of the admin
PASSWORD_LENGTH = 16
COMPANY = "Saltmark"  # of the demo page
POLICY = {"transcript": "any", "labels": ["order-question"]}


class Command(BaseCommand):
    help = "Run the application and the sandbox side by side, for trying out and for developing."

    def handle(self, *_: Any, **options: Any) -> None:
        if settings.PORT == settings.SANDBOX_PORT:
            raise CommandError(f"PORT and SANDBOX_PORT are both {settings.PORT}; give them different numbers")
        for name in ("PORT", "SANDBOX_PORT"):
            refuse_taken(name, getattr(settings, name))
        refuse_foreign(settings.VAR_DIR)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: stop.set())
        self.say(f"Demo page   {site()}/demo/")
        self.say(f"Chat page   {site()}/chat/{settings.CHATWOOT_INBOX_SLUG}/")
        self.say(f"Agent desk  {desk()}")
        self.say(f"Admin       {site()}/admin/  ({OPERATOR}, password {password()})")
        self.say("Starting; these answer in a moment.")
        try:
            call_command("migrate", verbosity=0)
            admit_operator()
        except Error as error:
            raise CommandError(starting.describe(error, settings.DATABASES["default"])) from None
        connections.close_all()
        with Children() as children:
            self.run_both(children, stop)

    def run_both(self, children: Children, stop: threading.Event) -> None:
        world_file = settings.VAR_DIR / "world.json"
        world_file.unlink(missing_ok=True)
        children.start("sandbox", sandbox_command(world_file), env=os.environ)
        self.wait(children, stop, until=world_file.exists)
        if not stop.is_set():
            world = json.loads(world_file.read_text())
            connect(world)
            env = os.environ | application_env(world)
            children.start("application", manage("serve", "--bind", HOST), env=env)
        self.wait(children, stop, until=lambda: answers(settings.PORT))
        if not stop.is_set():
            self.say("Ready. Ctrl-C stops it.")
        self.wait(children, stop, until=lambda: False)

    def wait(self, children: Children, stop: threading.Event, *, until: Any) -> None:
        """Until that, or until somebody stops the demo; raises CommandError when a child has ended by itself."""
        while not stop.wait(POLL_S) and not until():
            if reason := children.ended():
                raise CommandError(f"{reason}; the demo stops.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def site() -> str:
    return f"http://{HOST}:{settings.PORT}"


def desk() -> str:
    return f"http://{HOST}:{settings.SANDBOX_PORT}/desk/"


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def sandbox_command(world_file: Path) -> list[str]:
    state_file = settings.VAR_DIR / "sandbox.jsonl"
    port = str(settings.SANDBOX_PORT)
    return manage("sandbox", "--port", port, "--world", str(world_file), "--state", str(state_file))


def application_env(world: dict[str, Any]) -> dict[str, str]:
    """The sandbox stands in for whatever Chatwoot the environment names."""
    inbox = world["demo_inbox"]
    return {
        "DEBUG": "True",
        "DRAIN_S": "3",  # whoever develops stops it often
        "RECONNECT_JITTER_S": "1",
        "LIMITS": os.environ.get("LIMITS") or "sessions=off address_sockets=off",  # all are at one address here
        "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING",
        "CHATWOOT_URL": world["base_url"],
        "CHATWOOT_CABLE_URL": "",
        "CHATWOOT_INBOX_IDENTIFIER": inbox["identifier"],
        "CHATWOOT_INBOX_NAME": settings.CHATWOOT_INBOX_NAME or COMPANY,
        "CHATWOOT_PORTAL": world["demo_portal"],
        "CHATWOOT_HMAC_TOKEN": inbox["hmac_token"],
        # As a site's server has it; docs/clients sign with what lies there.
        "IDENTITY_SECRET": settings.IDENTITY_SECRET or keys.kept_in(settings.VAR_DIR / "identity_secret"),
        "DESK_URL": desk(),
        "ATTACHMENT_HOSTS": os.environ.get("ATTACHMENT_HOSTS") or HOST,  # the desk's cards have their pictures there
    }


def connect(world: dict[str, Any]) -> None:
    """What `connect_chatwoot` writes, so that agents have names and faces here, and transcripts and labels work."""
    inbox, slug = world["demo_inbox"], settings.CHATWOOT_INBOX_SLUG
    told = Connected(
        account_id=world["account_id"],
        chatwoot_inbox_id=inbox["id"],
        inbox_identifier=inbox["identifier"],
        hmac_token=inbox["hmac_token"],
        bot_token=world["bot_token"],
        agent_token=world["agent_token"],
    )
    try:
        follow(slug, inbox["identifier"], world["base_url"])
        connected.write(slug, world["base_url"], told)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except UnknownKey as unknown:
        raise CommandError(f"{unknown}. Remove {settings.VAR_DIR} to begin anew.") from None
    Inbox.objects.filter(slug=slug, policy={}).update(policy=POLICY)
    connections.close_all()


def follow(slug: str, identifier: str, url: str) -> None:
    """To the port where the sandbox is now: by its identifier it is the same one, with the same conversations."""
    row = Inbox.objects.select_related("chatwoot").filter(slug=slug).exclude(chatwoot__url=url).first()
    if row and row.inbox_identifier == identifier:
        Chatwoot.objects.filter(url=url, inboxes=None).delete()  # where it was some time ago
        Chatwoot.objects.filter(pk=row.chatwoot_id).update(url=url, cable_url=f"ws{url.removeprefix('http')}/cable")


def password() -> str:
    return keys.kept_in(settings.VAR_DIR / "admin_password")[:PASSWORD_LENGTH]


def admit_operator() -> None:
    """Whoever is printed, with that password; the folder's, whatever became of them."""
    operator, _ = User.objects.get_or_create(username=OPERATOR)
    if not operator.check_password(password()):
        operator.set_password(password())
    operator.is_active = operator.is_staff = operator.is_superuser = True
    operator.save()


def refuse_foreign(folder: Path) -> None:
    """Where a demo has been, there is one of these, of now or of former releases."""
    is_ours = any((folder / name).exists() for name in ("admin_password", "sandbox.jsonl"))
    if (folder / "chatproxy.sqlite3").exists() and not is_ours:
        raise CommandError(f"VAR_DIR is {folder}, where another chat has its database; unset it")


def refuse_taken(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise CommandError(f"Port {port} is taken. Choose another: make run {name}={port + 1}") from None


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
