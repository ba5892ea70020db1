"""What an attempt's end, and a look after it, mean for a delivery: the table in docs/architecture.md. Pure."""

from dataclasses import dataclass
from enum import Enum

from chat.chatwoot.errors import (
    Ambiguous,
    ChatwootError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    Unreachable,
    Unsent,
)

CREATIONS = ("contact", "conversation")  # nothing of the visitor's is in them: they must come right one day
ANNOTATIONS = ("attributes", "labels")  # written with tokens of their own
# Twice is once, but late is wrong: repeated once the first try is over.
REPEATABLE = ("answer", "resolve", "seen", "profile", *ANNOTATIONS)
POISON = 8  # 5xx answers after which a message is given up, if others get through
PATIENCE = 3  # 5xx answers after which one of these is given up, since messages wait behind it
SLIGHT = ("profile", *ANNOTATIONS)
ENOUGH = 2  # looks that find nothing, a second apart, once the attempt can no longer take effect
ENOUGH_SLOW = 3  # of a Chatwoot that takes long for each: with a pause in which whatever thawed has ended
TOO_MANY = "Too many messages"  # Chatwoot's words for a conversation's limit per minute
# Reasons that visitors are told; pages say them in words of their own.
NOT_ACCEPTED = "not_accepted"
NOT_DELIVERED = "not_delivered"
DAMAGED = "attachment_damaged"  # of what has arrived
BEHIND = "behind_unconfirmed"  # of what is accepted, and waits for the visitor's choice about an earlier one


class Step(Enum):
    LATER = "try again"
    DOUBT = "look first"
    FAIL = "give it up"
    DONE = "it has arrived"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``alarm``: what an operator is told, in words. ``wait_s``: at least so long; None: as the backoff has it.

    ``crashed``: Rails itself answered with 5xx. ``rests``: this delivery waits for a pause. ``pauses``: its inbox does.
    ``without_marker``: go on without the bot, whose token does not serve, or what it names is not there.
    """

    step: Step
    alarm: str = ""
    wait_s: float | None = None
    finished: bool = False
    permanent: bool = False
    crashed: bool = False
    rests: bool = False
    pauses: bool = False
    without_marker: bool = False


def judge(kind: str, error: ChatwootError, *, through_bot: bool = False) -> Outcome:
    """How an attempt that raised ``error`` goes on."""
    match error:
        case Unreachable():
            return Outcome(Step.LATER)
        case Unsent(permanent=True):
            return Outcome(Step.FAIL, alarm=f"cannot be sent: {error}")
        case Unsent():
            return Outcome(Step.LATER, alarm=f"cannot be sent now: {error}")
        case Throttled():
            return Outcome(Step.LATER, wait_s=error.retry_after_s)
        case Forbidden() if through_bot:
            alarm = "the bot token does not serve: messages go without a marker for now; check the inbox's row"
            return Outcome(Step.LATER, alarm=alarm, wait_s=0, without_marker=True)
        case Forbidden() if kind in ANNOTATIONS:  # the visitors' own way is another
            alarm = f"was refused: the token for it does not serve; check the inbox's row: {error}"
            return Outcome(Step.FAIL, alarm=alarm)
        case Forbidden():
            return Outcome(Step.LATER, alarm="Chatwoot does not let us in; check its row", pauses=True)
        case NotFound() if kind == "contact":  # we name nothing but the inbox
            return Outcome(Step.LATER, alarm="Chatwoot knows no inbox with its identifier", pauses=True)
        case NotFound(finished=True) if kind == "profile":  # the contact is gone: created anew, it brings its profile
            return Outcome(Step.FAIL)
        case Refused() if kind in CREATIONS:
            return Outcome(Step.LATER, alarm=f"was refused: {error}", rests=True)
        case Refused():
            return Outcome(Step.FAIL, alarm=f"was refused: {error}")
        case Ambiguous() if kind == "contact":  # it has our source_id: Chatwoot finds it again, at any time
            return Outcome(Step.LATER)
        case Ambiguous():
            return _doubt(kind, error, through_bot=through_bot)
    return Outcome(Step.DOUBT)


def _doubt(kind: str, error: Ambiguous, *, through_bot: bool) -> Outcome:
    crashed = error.finished and error.status is not None and error.status >= 500
    if kind in REPEATABLE and error.finished and not isinstance(error, NotFound):
        if isinstance(error, Invalid) and error.permanent:
            return Outcome(Step.FAIL, alarm=f"was refused: {error}")
        if isinstance(error, Malformed):
            return Outcome(Step.DONE)  # Rails said yes
        return Outcome(Step.LATER, crashed=crashed, rests=TOO_MANY in error.detail)
    permanent = kind not in CREATIONS and _is_permanent(kind, error, through_bot=through_bot)
    without = through_bot and error.finished and not permanent and TOO_MANY not in error.detail
    return Outcome(Step.DOUBT, finished=error.finished, permanent=permanent, crashed=crashed, without_marker=without)


def _is_permanent(kind: str, error: Ambiguous, *, through_bot: bool) -> bool:
    """Sending it again would fail again. Through the bot only what names a validation is (contract §6.8)."""
    if isinstance(error, NotFound):
        return kind in REPEATABLE and kind != "profile"  # what it was about is gone
    if not isinstance(error, Invalid):
        return False
    return error.permanent and (not through_bot or error.detail.startswith("Validation failed"))


def hint(kind: str, error: ChatwootError) -> str:
    """What an operator should know of an error whose words do not tell it; empty: nothing."""
    crashed = isinstance(error, Ambiguous) and error.finished and error.status == 500
    return " (so it answers a missing or wrong HMAC token, too: check the inbox's row)" * (
        kind == "contact" and crashed
    )


def certain(*, finished: bool, over: bool, prompt: bool, looks: int) -> tuple[int, bool]:
    """The fruitless looks that count, with one that has just ended; and whether absence is certain now.

    ``over``: the look was begun after the attempt could take effect. ``prompt``: it was answered quickly; a frozen
    Chatwoot that thaws may let an old attempt through just then. Slow ones count below zero: each begins long after the
    one before was answered, so that what thawed with that one is over.
    """
    if finished or not over:
        return looks, finished
    if prompt:
        return max(looks, 0) + 1, looks + 1 >= ENOUGH or looks < 0
    looks = min(looks, 0) - 1
    return looks, looks <= -ENOUGH_SLOW


def reason_to_fail(*, kind: str, permanent: bool, crashes: int, others_arrive: bool, expired: bool) -> str:
    """Why something that is certainly not at Chatwoot is not sent again; empty: it is."""
    if kind in CREATIONS:
        return ""
    if permanent:
        return NOT_ACCEPTED
    if kind in SLIGHT and crashes >= PATIENCE:
        return NOT_DELIVERED
    return NOT_DELIVERED if expired or (crashes >= POISON and others_arrive) else ""
