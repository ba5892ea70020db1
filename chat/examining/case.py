"""One Chatwoot under examination, how it is asked, and what was found out so far."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar

from django.core.checks import CheckMessage

from chat import checks, upstreams
from chat.bridge.timing import Timing as CableTiming
from chat.bridge.trial import Trial
from chat.budget import Urgency
from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden, Malformed, Unreachable
from chat.chatwoot.fence import Probe
from chat.chatwoot.resources import InboxProfile
from chat.examining.rows import Finding, warning
from chat.link import Link
from chat.models import Chatwoot, Inbox
from chat.probing import Timing as ProbingTiming
from chat.reader import Reader
from chat.tokens import Tokens
from chat.upstreams import Upstream

T = TypeVar("T")
# Of what the checks say, this is in the rows origins, fence, recognition, stamp and proxies.
TOLD = frozenset({"chat.W001", "chat.W002", "chat.W003", "chat.W004", "chat.W006"})
LONGEST = 120  # signs of what a library says


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    answer_s: float = 10.0
    fence_s: float = 40.0  # a dozen questions at most
    sample_s: float = ProbingTiming().sample_s
    cable: CableTiming = field(default_factory=upstreams.cable_timing)


@dataclass(slots=True, eq=False)
class Site:
    """One inbox of that Chatwoot. ``token``: its canary's."""

    inbox: Inbox
    upstream: Upstream
    profile: InboxProfile | None = None
    token: str = field(default="", repr=False)
    account_id: int | None = None  # as the cable tells it


@dataclass(frozen=True, slots=True)
class Hints:
    """What the checks say that every start asks; by slug."""

    origins: Mapping[str, CheckMessage]
    bots: Mapping[str, CheckMessage]
    proxies: list[CheckMessage]

    @classmethod
    def read(cls) -> Self:
        origins, bots = checks.origins_are_named(), checks.bot_tokens_are_used()
        return cls({each.obj: each for each in origins}, {each.obj: each for each in bots}, checks.proxies_are_named())


def hinted(found: CheckMessage) -> Finding:
    return warning(found.msg, found.hint or "")


@dataclass(slots=True, eq=False)
class Case:
    chatwoot: Chatwoot
    sites: list[Site]
    reader: Reader
    tokens: Tokens
    hints: Hints
    timing: Timing
    trial: Trial | None = None
    probe: Probe | None = None
    paused: str = ""  # why nothing more is asked of it

    @property
    def link(self) -> Link:
        return self.sites[0].upstream.link

    async def ask(self, question: Callable[[], Awaitable[T]], *, within_s: float | None = None) -> T:
        """One question, through the gate that visitors' requests pass, too. Raises ChatwootError."""
        async with self.sites[0].upstream.turn(Urgency.REST):
            return await within(question, within_s or self.timing.answer_s)


async def within(question: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Raises Ambiguous when there is no answer by then, and what ``question`` raises."""
    try:
        async with asyncio.timeout(seconds) as bound:
            return await question()
    except TimeoutError:
        if not bound.expired():
            raise
        raise Ambiguous(f"no answer within {seconds:g} s") from None


def words(error: ChatwootError) -> str:
    """As an operator reads it, with what the system says of a connection that was not made."""
    if isinstance(error, Unreachable):
        reason = " ".join(str(error.__cause__ or "").split())[:LONGEST]
        return f"nobody is reached there: {error}" + (f" ({reason})" if reason else "")
    return f"it does not answer as it should: {error}"


def cure(error: ChatwootError) -> str:
    if isinstance(error, Unreachable):
        return "See that Chatwoot runs and is reached from here: its address, name server, firewall, certificate"
    if isinstance(error, Forbidden) and error.status < 400:
        return "It redirects: write the address that it redirects to (often https instead of http) as CHATWOOT_URL"
    if isinstance(error, Malformed):
        return "Something else than Chatwoot answers there: look at CHATWOOT_URL, or at the address in the admin"
    return "Look into Chatwoot's log, and into that of the proxy before it"
