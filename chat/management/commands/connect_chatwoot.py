import asyncio
import re
import sys
from dataclasses import replace
from email.utils import parseaddr
from getpass import getpass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import Error

from chat import connected, published, starting
from chat.advice import Stopped, in_words, sentence
from chat.chatwoot.status import chatwoot_status
from chat.chatwoot.transport import open_http
from chat.chatwoot.upstream_clock import UpstreamClock
from chat.connected import Connected, Known
from chat.connecting import Connecting, Wanted
from chat.fields import UnknownKey
from chat.management.plain import PlainCommand
from chat.models import IDENTIFIER, Inbox
from chat.provisioning import Person, Provisioned, Provisioning, Wished
from chatproxy.env import Env

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
ACCOUNT, INBOX = "Support", "Website chat"  # what is made is called so, unless an option says otherwise


class Command(PlainCommand):
    help = "Connect an inbox of ours to one of Chatwoot's, made or found; with a platform app's token its account, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=settings.CHATWOOT_URL, help="address of Chatwoot (CHATWOOT_URL)")
        parser.add_argument("--cable-url", default="", help="address of its cable, if it is not at /cable there")
        slug = settings.CHATWOOT_INBOX_SLUG
        parser.add_argument("--slug", default=slug, help=f"public name of the inbox here ({slug})")
        parser.add_argument("--inbox-name", help=f"of Chatwoot's API inbox, by which it is found again ({INBOX})")
        parser.add_argument("--account-name", help=f"of the account; a platform app makes it ({ACCOUNT})")
        parser.add_argument("--agent", action="append", help='"NAME <E-MAIL>", whom the inbox is for; several times')
        parser.add_argument("--admin", help='"NAME <E-MAIL>", who administers an account that a platform app makes')
        parser.add_argument(
            "--keep-agent-token",
            action="store_true",
            help="keep an agent's token (CHATWOOT_AGENT_TOKEN): for faces, transcripts, labels",
        )
        parser.add_argument("--platform", action="store_true", help="ask for the token of a platform app")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            self.run(options)
        except (ImproperlyConfigured, Stopped) as refusal:
            raise CommandError(sentence(str(refusal))) from None
        except ValidationError as refused:
            raise CommandError(". ".join(refused.messages)) from None
        except UnknownKey as unknown:
            raise CommandError(f"{unknown}. {starting.KEY_HINT}.") from None
        except Error as error:
            raise CommandError(starting.describe(error, settings.DATABASES["default"])) from None

    def run(self, options: dict[str, Any]) -> None:
        env = Env({"--url": options["url"], "--cable-url": options["cable_url"], "--slug": options["slug"]})
        url = env.url("--url", schemes=("http", "https"), example="https://chatwoot.example.com").rstrip("/")
        cable_url = env.url("--cable-url", schemes=("ws", "wss"), example="wss://chatwoot.example.com/cable")
        slug = env.slug("--slug", default=settings.CHATWOOT_INBOX_SLUG)
        if not url:
            raise Stopped("Which Chatwoot? Give its address by --url, or as CHATWOOT_URL")
        known = connected.known(slug, url)  # first: nobody types a token for nothing
        token, is_platforms = self.token(asks_for_platforms=options["platform"])
        agent_token = self.agent_token(is_platforms=is_platforms) if options["keep_agent_token"] else ""
        found = asyncio.run(self.connect(url, token, known, Options(is_platforms, agent_token, options)))
        changed = connected.write(slug, url, found, cable_url=cable_url)
        self.say(f"Inbox {slug!r} here {'is connected to it now' if changed else 'is as it was'}: /chat/{slug}/")
        shown = published.name(Inbox.objects.get(slug=slug))
        self.say(f"Visitors read {shown!r} above the chat. Its name in the admin is for you to change.")

    async def connect(self, url: str, token: str, known: Known, said: "Options") -> Connected:
        """Raises Stopped."""
        async with open_http(url) as http:
            with in_words(url, {}):
                await chatwoot_status(http, UpstreamClock())
            if said.is_platforms:
                provisioning = Provisioning(http, url=url, token=token, say=self.say)
                made = await provisioning.provide(known.account_id, said.wished(url))
                token, known = made.access_token, replace(known, account_id=made.account_id)
                said = said.with_agent_of(made)
            return await Connecting(http, url=url, token=token, known=known, say=self.say).connect(said.wanted(url))

    def token(self, *, asks_for_platforms: bool) -> tuple[str, bool]:
        """From the environment or, at a terminal, from the keyboard; and whether it is a platform app's."""
        admins, platforms = settings.CHATWOOT_ADMIN_TOKEN, settings.CHATWOOT_PLATFORM_TOKEN
        if admins and (platforms or asks_for_platforms):
            raise Stopped("CHATWOOT_ADMIN_TOKEN is set, and a platform app's token is wanted: unset one of the two")
        token, is_platforms = admins or platforms, bool(platforms) or asks_for_platforms
        if not token and not sys.stdin.isatty():
            raise Stopped(
                "There is no token: set CHATWOOT_ADMIN_TOKEN, of an administrator, or CHATWOOT_PLATFORM_TOKEN, of a "
                "platform app; at a terminal it is asked for"
            )
        whose = "a platform app" if is_platforms else "an administrator"
        return proper(token or getpass(f"Access token of {whose} (it is not kept): ")), is_platforms

    def agent_token(self, *, is_platforms: bool) -> str:
        """What is to be kept; empty: that of an agent whom the platform app makes."""
        if settings.CHATWOOT_AGENT_TOKEN:
            return proper(settings.CHATWOOT_AGENT_TOKEN)
        if is_platforms:
            return ""
        if not sys.stdin.isatty():
            raise Stopped("There is no token to keep: set CHATWOOT_AGENT_TOKEN, of an agent of the account")
        return proper(getpass("Access token of an agent (it is kept, encrypted): "))

    def say(self, line: str) -> None:
        self.stdout.write(line)


class Options(NamedTuple):
    """What was said on the command line, with what holds where it says nothing."""

    is_platforms: bool
    agent_token: str
    given: dict[str, Any]

    def with_agent_of(self, made: Provisioned) -> "Options":
        keeps = self.given["keep_agent_token"]
        return self._replace(agent_token=self.agent_token or made.agent_token) if keeps else self

    def wished(self, url: str) -> Wished:
        admin = person(self.given["admin"] or f"Chat Administrator <chat-admin@{domain(url)}>")
        return Wished(self.given["account_name"], new=ACCOUNT, admin=admin, agents=self.agents(url))

    def wanted(self, url: str) -> Wanted:
        people = [self.wished(url).admin, *self.agents(url)] if self.is_platforms else self.agents(url)
        return Wanted(
            self.given["inbox_name"],
            new_inbox=INBOX,
            account_name=self.given["account_name"],
            agents=people,
            agent_token=self.agent_token,
        )

    def agents(self, url: str) -> list[Person]:
        default = [f"Chat Agent <chat-agent@{domain(url)}>"] if self.is_platforms else []
        return [person(each) for each in self.given["agent"] or default]


def proper(token: str) -> str:
    if not IDENTIFIER.fullmatch(token := token.strip()):
        raise Stopped("That is no access token: Chatwoot's have letters, digits, _ and - only")
    return token


def person(text: str) -> Person:
    name, email = parseaddr(text)
    if not ADDRESS.fullmatch(email):
        raise Stopped(f'{text!r} names nobody; write "NAME <E-MAIL>"')
    return Person(name or email.partition("@")[0], email.lower())


def domain(url: str) -> str:
    """Of the addresses of people that nobody has named: Chatwoot's own, where it has one."""
    host = urlsplit(url).hostname or ""
    return host if re.search(r"[a-z]", host) and "." in host else "chat.example"
