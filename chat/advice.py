"""What Chatwoot refused, in words for whoever sets it up: what is wrong, and what to do about it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden, Malformed, NotFound, Throttled, Unreachable

Advice = Mapping[str, str]  # how a text of Chatwoot's begins (contract §0.3, §6.0, §7) → what that means

ADMINISTRATOR: Advice = {
    "Invalid Access Token": (
        "it does not know this token. An administrator finds theirs in Chatwoot under Profile settings, Access token"
    ),
    "You need to sign in": (
        "no token arrived. A proxy before Chatwoot takes the header Api-Access-Token away; let it pass"
    ),
    "Access to this endpoint is not authorized for bots": (
        "this is the token of an agent bot or of a platform app, where an administrator's is needed. Write a platform "
        "app's into CHATWOOT_PLATFORM_TOKEN instead, or give --platform where it is asked for"
    ),
    "You are not authorized to access this account": "whoever the token belongs to is not in this account",
    "You are not authorized to do this action": "only an administrator of the account may do this",
    "Account is suspended": "the account is suspended; who runs that Chatwoot can activate it again",
}
AGENT: Advice = {
    **ADMINISTRATOR,
    "Invalid Access Token": (
        "it does not know the agent's token. Agents find theirs in Chatwoot under Profile settings, Access token"
    ),
    "Access to this endpoint is not authorized for bots": (
        "the token that is to be kept is that of an agent bot or of a platform app, where an agent's is needed"
    ),
    "You are not authorized to do this action": "the agent, whose token this is, is no member of the inbox",
}
PLATFORM: Advice = {
    "Invalid access_token": (
        "this is not the token of a platform app. Who runs that Chatwoot makes one under /super_admin, Platform Apps; "
        "an administrator's token goes into CHATWOOT_ADMIN_TOKEN instead"
    ),
    "Non permissible resource": (
        "a platform app reaches only what it created or was granted, and this one was not granted that account. Give "
        "--slug and --account-name for an account of its own, use an administrator's token (CHATWOOT_ADMIN_TOKEN), or "
        "let who runs that Chatwoot grant it, in its Rails console: PlatformAppPermissible.create!(platform_app: "
        "PlatformApp.find(NUMBER OF THE APP), permissible: Account.find(NUMBER OF THE ACCOUNT))"
    ),
}
AGAIN = "Run the same command again: what is done already is found"


class Stopped(Exception):
    """It cannot go on like this; the text says why, and what to do."""


@contextmanager
def in_words(url: str, advice: Advice) -> Iterator[None]:
    """Raises Stopped in the place of ChatwootError."""
    try:
        yield
    except ChatwootError as error:
        raise Stopped(words(error, url, advice)) from None


def sentence(text: str) -> str:
    """With the sign at its end, which a question has already."""
    return text if text.endswith(("?", ".")) else f"{text}."


def words(error: ChatwootError, url: str, advice: Advice) -> str:
    match error:
        case Unreachable():
            return f"{url} cannot be reached ({error}). Is the address right, and reachable from this machine?"
        case Forbidden(status=status) if 300 <= status < 400:
            return f"{url} leads elsewhere (status {status}). Give the address that it leads to, such as its https one"
        case Forbidden(detail=detail):
            meant = next((what for begins, what in advice.items() if detail.startswith(begins)), "")
            return f"{url} refuses: {meant or detail or error}" + (f' ("{detail}")' if meant else "")
        case Throttled(retry_after_s=pause_s):
            return f"{url} is asked too much by this address. Run the same command in {pause_s:.0f} s again"
        case NotFound(detail=detail) if detail:  # Rails' own; what is no Chatwoot has a page for it
            return f"{url} does not know what was asked for. Was it deleted there meanwhile?"
        case Malformed() | NotFound():
            return f"What answers at {url} does not speak as Chatwoot 4 does ({error}). Is it Chatwoot's own address?"
        case Ambiguous(status=402):
            return f"{url} refuses: the account's plan is exhausted. {error.detail}".rstrip()
        case Ambiguous(status=status) if status is not None and status < 500:
            return f"{url} does not take it: {error.detail or error}"
        case Ambiguous():
            return f"{url} failed ({error or 'no answer'}). {AGAIN}"
    return f"{url} refuses: {error}"
