"""What is asked about one inbox, and what stands here about it."""

from functools import partial

from chat import checks
from chat.chatwoot.errors import Ambiguous, Forbidden, NotFound
from chat.chatwoot.identity import cable_identifier
from chat.embedding import Origins
from chat.examining.case import Case, Site, hinted
from chat.examining.rows import Finding, not_asked, ok, warning, wrong

IDENTIFIER_CURE = (
    "Copy the identifier from the settings of that API inbox in Chatwoot into CHATWOOT_INBOX_IDENTIFIER, or into the "
    "admin"
)
HMAC_CURE = (
    "Copy the HMAC token from the settings of that inbox in Chatwoot (Configuration, identity validation) into "
    "CHATWOOT_HMAC_TOKEN, or into the admin"
)
WRONG_CURE = f"{HMAC_CURE}. If it is the same there, look into Chatwoot's log: it fails for another reason"
DEAF_CURE = "Look at Chatwoot's Redis, and whether all its processes have the same REDIS_URL"
CONFIRM_CURE = (
    "See whether Chatwoot's Puma has threads to spare, and whether the cable's address is that of the same Chatwoot"
)
BOT_CURE = "Write the access token of an agent bot of the inbox's account into the admin, with that account's number"

AGENT_CURE = (
    "Write the access token of an agent who is a member of this inbox (in Chatwoot: Profile settings) into the admin, "
    "with the account's number, or run connect_chatwoot with --keep-agent-token"
)
MEMBER_CURE = "Make them a member of the inbox in Chatwoot (inbox settings, Collaborators), or take an administrator's"
# How Chatwoot begins what it refuses (contract §6.0).
NOT_MEMBER = "You are not authorized to do this action"
NOT_THERE = "You are not authorized to access this account"


async def inbox(case: Case, site: Site) -> Finding:
    try:
        site.profile = await case.ask(site.upstream.api.inbox)
    except NotFound:
        return wrong("Chatwoot knows no API inbox with this identifier", IDENTIFIER_CURE)
    return ok(f"in Chatwoot it is called {site.profile.name!r}")


async def hmac(case: Case, site: Site) -> Finding:
    """Chatwoot compares the hash before it looks for the contact, which is our canary: there already, or made now."""
    assert site.profile is not None
    site.token = site.inbox.canary_token
    is_given, is_asked_for = bool(site.inbox.hmac_token), site.profile.identity_validation_enabled
    if is_asked_for and not is_given:
        return wrong("the inbox asks everybody for a proof, and no HMAC token is given", HMAC_CURE)
    try:
        site.token = await case.tokens.find_canary(site.inbox.pk)
    except Ambiguous as error:
        if error.status != 500 or not is_given:
            raise
        return wrong(
            "Chatwoot answers 500 to its hash, as it does to that of a wrong token, and when it fails itself",
            WRONG_CURE,
        )
    if not is_given:
        return ok("no token is given, and the inbox asks for none")
    return ok("it is right; the inbox asks " + ("everybody for a proof" if is_asked_for else "nobody for a proof"))


async def canary(case: Case, site: Site) -> Finding:
    assert case.trial is not None
    if not site.token:
        return not_asked("the inbox has no canary contact")
    ear = case.trial.ears[cable_identifier(site.token)]
    site.account_id = ear.account_id
    if ear.heard_s is not None:
        return ok(f"what is published came through {ear.heard_s * 1000:.0f} ms after it was asked for")
    if ear.deaf:
        return wrong("the cable pings and confirms, but nothing that is published comes through", DEAF_CURE)
    if ear.refused:
        return wrong("its subscription was not confirmed", CONFIRM_CURE)
    return wrong(f"the socket was lost before it was heard: {case.trial.down}", DEAF_CURE)


async def recognition(case: Case, site: Site) -> Finding:
    row, bot = site.inbox, site.upstream.bot
    if not row.bot_token:
        return ok("by content: no bot token is given, so messages are known by their echo and their text")
    if row.slug in case.hints.bots:
        return hinted(case.hints.bots[row.slug])
    if bot is None:
        return wrong("the bot token is not used: its account's number is not given", BOT_CURE)
    if site.account_id not in (None, row.account_id):
        return wrong(
            f"the bot token is said to be of account {row.account_id}, and the inbox is in account {site.account_id}",
            BOT_CURE,
        )
    if not await case.ask(bot.is_admitted):
        return wrong(f"the bot token does not serve in account {row.account_id}", BOT_CURE)
    if site.account_id is None:
        return warning(
            f"the bot token is taken, but whether the inbox is in account {row.account_id} is told by the cable alone",
            "Mend what is wrong with the cable, and examine again",
        )
    return ok(f"by marker: the bot token may write in account {row.account_id}")


async def agent(case: Case, site: Site) -> Finding:
    row, api, number = site.inbox, site.upstream.agent, site.upstream.chatwoot_inbox_id
    if not row.agent_token:
        return ok("no agent token is given: visitors see no faces before an answer, and are sent no transcripts")
    if api is None:
        return wrong("the agent token is not used: its account's number is not given", AGENT_CURE)
    if number is None:
        return warning("the number of the inbox is not known yet", "Run connect_chatwoot, or write a first message")
    try:
        members = await case.ask(partial(api.members, number))
    except NotFound as error:
        if not error.finished and not error.detail:  # a proxy's own page
            raise
        return wrong(f"in account {row.account_id} there is no inbox {number}", AGENT_CURE)
    except Forbidden as error:
        if error.status not in (401, 403):
            raise
        return _refused(error, row.account_id)
    if not members:
        return warning("it serves, but nobody is a member of the inbox", MEMBER_CURE)
    return ok(f"it serves in account {row.account_id}; {len(members)} of its agents are members of the inbox")


def _refused(error: Forbidden, account_id: int | None) -> Finding:
    if error.detail.startswith(NOT_MEMBER):
        return wrong("whose agent token it is, is no member of the inbox", MEMBER_CURE)
    if error.detail.startswith(NOT_THERE):
        return wrong(f"whose agent token it is, is not in account {account_id}", AGENT_CURE)
    return wrong(f"Chatwoot refuses the agent token: {error}", AGENT_CURE)


async def origins(case: Case, site: Site) -> Finding:
    named = checks.origins_of(site.inbox)
    if bad := Origins.of(named).bad:
        return warning(f"cannot be read: {', '.join(bad)}", "Write them like https://shop.example")
    if site.inbox.slug in case.hints.origins:
        return hinted(case.hints.origins[site.inbox.slug])
    return ok(", ".join(named) or "none is named: pages of this site itself may embed it")
