"""What is asked of a Chatwoot, whichever of its inboxes are meant."""

import asyncio
from functools import partial

from django.conf import settings

from chat import checks, sql
from chat.bridge.dial import CableDown
from chat.bridge.trial import try_cable
from chat.chatwoot import fence as fences
from chat.chatwoot.addresses import Hosts, Uncheckable
from chat.chatwoot.errors import Ambiguous, NotFound
from chat.chatwoot.identity import cable_identifier, respelt_identifier
from chat.chatwoot.status import chatwoot_status
from chat.chatwoot.storage import stored_size
from chat.examining.case import Case, cure
from chat.examining.rows import Finding, not_asked, ok, warning, wrong
from chat.models import Attachment, Chatwoot
from chat.probing import SAMPLES, stored_verdict

A_MINUTE = 3_000  # requests that Chatwoot allows an address, unless RACK_ATTACK_LIMIT says otherwise (contract §8)
FILES = 3  # newest ones that are looked for: agents delete some

CABLE_CURE = (
    "Look at the cable's address in the admin (usually Chatwoot's with ws or wss and /cable), and let the proxies "
    "before Chatwoot pass WebSockets"
)
SHARING_CURE = (
    "Let nothing between here and Chatwoot answer the cable in its place; see what its log says of RoomChannel"
)
FENCE_CURE = (
    "Let the proxies before Chatwoot pass X-Request-Start unchanged, and do not set RACK_TIMEOUT_WAIT_TIMEOUT or "
    "RACK_TIMEOUT_WAIT_OVERTIME to 0"
)
RATE_CURE = "Lower CHATWOOT_RATE_PER_S, or exempt this address at Chatwoot (RACK_ATTACK_ALLOWED_IPS)"
THROTTLE_CURE = f"Wait until then. If it comes again, see what else asks from this address. {RATE_CURE}"


async def rest(case: Case) -> Finding:
    try:
        status = await case.ask(partial(chatwoot_status, case.link.http, case.link.clock))
    except NotFound:
        return warning(
            "somebody answers, but /api is hidden (404): neither version nor clock is told",
            "Let the proxy before Chatwoot pass GET /api; without its clock no delivery is fenced",
        )
    ill = [name for name, is_well in (("Redis", status.queue_ok), ("PostgreSQL", status.data_ok)) if not is_well]
    if ill:
        return wrong(
            f"Chatwoot {status.version} says that its {' and '.join(ill)} cannot be reached",
            "See that they run, and what Chatwoot's REDIS_URL and POSTGRES_HOST name",
        )
    return ok(f"Chatwoot {status.version}; its Redis and PostgreSQL are well")


async def clock(case: Case) -> Finding:
    """Each answer tells whole seconds; where a second begins only several tell."""
    link = case.link
    if not link.clock.known:
        return not_asked("/api is hidden")
    for _ in range(1, SAMPLES):
        await asyncio.sleep(case.timing.sample_s)
        await case.ask(partial(chatwoot_status, link.http, link.clock))
    skew_ms, error_ms = link.clock.skew_ms(), link.clock.error_ms
    reading = checks.clock_words(skew_ms, error_ms)
    if abs(skew_ms) - error_ms > settings.DELIVERY_MARGIN_S * 1000:
        return wrong(reading, "Keep the hosts of Chatwoot and of this application on NTP")
    return ok(reading)


async def cable(case: Case) -> Finding:
    """With the canaries of all inboxes on one socket; where there is one alone, twice, under two names."""
    tokens = [site.token for site in case.sites if site.token]
    identifiers = [cable_identifier(token) for token in tokens]
    if len(tokens) == 1:
        identifiers.append(respelt_identifier(tokens[0]))
    try:
        case.trial = await try_cable(case.chatwoot.cable_url, identifiers, timing=case.timing.cable)
    except CableDown as down:
        return wrong(f"{case.chatwoot.cable_url}: {down}", CABLE_CURE)
    return ok(f"{case.chatwoot.cable_url} says welcome")


async def sharing(case: Case) -> Finding:
    assert case.trial is not None
    heard = case.trial.heard
    tokens = sum(bool(site.token) for site in case.sites)
    what = f"{tokens} tokens" if tokens > 1 else "two subscriptions of one token"
    if heard < 2:
        return wrong(f"of {what} on one socket only one was heard", SHARING_CURE)
    return ok(f"of {what} on one socket {heard} were heard")


async def fence(case: Case) -> Finding:
    """Stored like any other verdict: a running process need not wait for its own."""
    link = case.link
    if not link.clock.known:
        return not_asked("its clock is not known")
    try:
        case.probe = probe = await case.ask(partial(fences.probe, link.http, link.clock), within_s=case.timing.fence_s)
    except Ambiguous as error:
        return warning(f"whether it holds cannot be told: {error}", cure(error))
    row = case.chatwoot
    row.fence = Chatwoot.Fence(probe.verdict)
    verdict = stored_verdict(probe, now=await case.reader.run(sql.database_now))
    await case.reader.run(Chatwoot.objects.filter(pk=row.pk).update, **verdict)
    ages = ", ".join(f"{each.age_s} s {'refused' if each.refused else 'taken'}" for each in probe.readings)
    reading = f"{checks.fence_words(row)} (a request as old as {ages})"
    return ok(reading) if row.fence == Chatwoot.Fence.FENCED else wrong(reading, FENCE_CURE)


async def stamp(case: Case) -> Finding:
    if case.probe is None:
        return not_asked("the probe of the fence found nothing out")
    if case.probe.hides_runtime:
        return warning(
            "X-Runtime is taken out of its answers: what was deleted there is not begun anew",
            "Let the proxies before Chatwoot pass that header",
        )
    return ok("X-Runtime reaches us: Rails' own answers are known from a proxy's")


async def files(case: Case) -> Finding:
    urls = await case.reader.run(_newest_files, case.chatwoot.pk)
    if not urls:
        return not_asked("no file has come from there yet")
    hosts = Hosts(settings.ATTACHMENT_HOSTS)
    for url in urls:
        try:
            size = await case.ask(partial(stored_size, case.link.http, url, hosts=hosts))
        except Uncheckable as refused:
            where = f": it is {refused.host}" if refused.host else ""
            return wrong(f"{refused}{where}", "Name the host of Chatwoot's storage in ATTACHMENT_HOSTS")
        if size is not None:
            return ok(f"a file of {size:,} bytes is read from where Chatwoot keeps it")
    return warning(f"the newest {len(urls)} are not in its storage", "See that Chatwoot's Active Storage has its files")


def _newest_files(chatwoot_pk: int) -> list[str]:
    found = Attachment.objects.filter(message__inbox__chatwoot=chatwoot_pk, chatwoot_id__isnull=False)
    newest = found.order_by("-message__at")[: 2 * FILES]
    return [each.chatwoot_url for each in newest if each.chatwoot_url][:FILES]


async def throttle(case: Case) -> Finding:
    """Chatwoot does not say how much is left; what is asked for at most is known, and whether it was too much."""
    if paused_s := case.link.paused_s:
        return wrong(
            f"it has had too many requests from this address (429): all is left alone for {paused_s:.0f} s more",
            THROTTLE_CURE,
        )
    at_most = settings.CHATWOOT_RATE_PER_S * 60
    reading = f"{at_most:,} requests a minute are made at most; Chatwoot allows {A_MINUTE:,} unless told otherwise"
    return ok(reading) if at_most <= A_MINUTE else warning(reading, RATE_CURE)
