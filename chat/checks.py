"""What only the database knows. `manage.py check --deploy --tag chat` asks what every start asks."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

if TYPE_CHECKING:
    from chat.models import Chatwoot, Inbox

TAG = "chat"
OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def register() -> None:
    """Deployment checks: `migrate` and the admin's first inbox must work before an inbox exists."""
    mentioned = (
        origins_are_named,
        admin_token_is_used,
        fences_hold,
        answers_are_stamped,
        bot_tokens_are_used,
        proxies_are_named,
        debug_is_off,
        policies_are_read,
        erasures_reach_chatwoot,
        address_is_used,
    )
    for check in (is_migrated, has_an_inbox, *mentioned):
        checks.register(check, TAG, deploy=True)


def is_migrated(**_: Any) -> list[checks.CheckMessage]:
    waiting = unapplied_migrations()
    if not waiting:
        return []
    return [
        checks.Error(
            f"The database lacks {len(waiting)} migrations, the first is {waiting[0]}",
            hint="Run manage.py migrate, then start again.",
            id="chat.E001",
        )
    ]


def has_an_inbox(**_: Any) -> list[checks.CheckMessage]:
    from chat.models import Inbox

    if settings.DEBUG or settings.CHATWOOT_INBOX_IDENTIFIER or unapplied_migrations() or Inbox.objects.exists():
        return []
    return [
        checks.Error(
            "There is no inbox: nobody can chat",
            hint="Run manage.py connect_chatwoot; or set CHATWOOT_URL and CHATWOOT_INBOX_IDENTIFIER.",
            id="chat.E002",
        )
    ]


def origins_are_named(**_: Any) -> list[checks.CheckMessage]:
    from chat.models import Inbox

    if settings.DEBUG or unapplied_migrations():
        return []
    silent = [inbox.slug for inbox in Inbox.objects.order_by("slug") if not origins_of(inbox)]
    return [
        checks.Warning(
            f"Inbox {slug} names no allowed origins: only pages of this site itself can embed its chat",
            hint="Set ALLOWED_ORIGINS, or the allowed origins of the inbox in the admin, such as https://shop.example.",
            obj=slug,
            id="chat.W001",
        )
        for slug in silent
    ]


def origins_of(inbox: "Inbox") -> list[str]:
    """As the next start writes them, where the environment names those of this inbox."""
    said: list[str] = settings.ALLOWED_ORIGINS if inbox.slug == settings.CHATWOOT_INBOX_SLUG else []
    return said or inbox.allowed_origins


def admin_token_is_used(**_: Any) -> list[checks.CheckMessage]:
    if settings.CHATWOOT_URL or not settings.CHATWOOT_ADMIN_TOKEN:
        return []
    return [
        checks.Warning(
            "CHATWOOT_ADMIN_TOKEN is set, and CHATWOOT_URL is not: serve sends that token nowhere",
            hint="Set CHATWOOT_URL where visitors' erasures are to reach Chatwoot; else take the token away.",
            id="chat.W010",
        )
    ]


def fences_hold(**_: Any) -> list[checks.CheckMessage]:
    """By the latest verdict in the database; nothing is asked of Chatwoot."""
    from chat.models import Chatwoot

    if unapplied_migrations():
        return []
    unfenced = Chatwoot.objects.filter(fence=Chatwoot.Fence.UNFENCED).order_by("url")
    return [
        checks.Warning(
            f"{chatwoot.url} is {fence_words(chatwoot)}",
            hint="X-Request-Start must reach Chatwoot unchanged, and its rack-timeout be on; see docs/operating.md",
            id="chat.W002",
        )
        for chatwoot in unfenced
    ]


def fence_words(chatwoot: "Chatwoot") -> str:
    if chatwoot.fence == chatwoot.Fence.FENCED:
        return "fenced: a request that we gave up on cannot take effect later"
    if chatwoot.fence == chatwoot.Fence.UNFENCED:
        return (
            "unfenced: a request that we gave up on may still take effect later. After a cut we wait "
            f"{settings.DELIVERY_UNFENCED_S:g} s before we send again; what takes effect still later makes a "
            "duplicate, which is counted and shown"
        )
    return "not checked yet, so it counts as unfenced"


def clock_words(skew_ms: int, error_ms: int) -> str:
    """Chatwoot tells whole seconds, so that nothing is known to less than the error."""
    if not (skew_ms or error_ms):
        return "as ours, as far as is known"
    where = "ahead of" if skew_ms > 0 else "behind"
    return f"{abs(skew_ms) / 1000:.1f} s {where} ours (± {error_ms / 1000:.1f} s)"


def answers_are_stamped(**_: Any) -> list[checks.CheckMessage]:
    """By the latest probe of the fence."""
    from chat.models import Chatwoot

    if unapplied_migrations():
        return []
    return [
        checks.Warning(
            f"X-Runtime is taken out of the answers of {chatwoot.url}: what was deleted there is not begun anew",
            hint="let proxies before Chatwoot pass that header; see docs/operating.md",
            id="chat.W004",
        )
        for chatwoot in Chatwoot.objects.filter(hides_runtime=True).order_by("url")
    ]


def bot_tokens_are_used(**_: Any) -> list[checks.CheckMessage]:
    from chat.models import Inbox

    if unapplied_migrations():
        return []
    return [
        checks.Warning(
            f"Inbox {inbox.slug} does not use its bot token: {inbox.marker_off}",
            hint="Find out why; then switch it on again at the inbox in the admin, or give it another token.",
            obj=inbox.slug,
            id="chat.W003",
        )
        for inbox in Inbox.objects.exclude(marker_off="").order_by("slug")
    ]


def proxies_are_named(**_: Any) -> list[checks.CheckMessage]:
    if settings.DEBUG or not settings.SECURE_PROXY_SSL_HEADER or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "TRUST_FORWARDED_PROTO says that there is a proxy, and TRUSTED_PROXIES does not name it: all visitors "
            "count as one address, whose limits they share",
            hint="Set TRUSTED_PROXIES to the networks of your proxies, such as 10.0.0.0/8; see docs/abuse.md.",
            id="chat.W006",
        )
    ]


def debug_is_off(**_: Any) -> list[checks.CheckMessage]:
    """Names of this machine are a developer's."""
    served = [host for host in settings.ALLOWED_HOSTS if host not in OWN_HOSTS and not host.endswith(".localhost")]
    if not (settings.DEBUG and served):
        return []
    return [
        checks.Warning(
            f"DEBUG is on, and {served[0]} is served: whoever meets an error there is shown our code, cookies go over "
            "plain HTTP, and nobody has to be named",
            hint="Unset DEBUG where others than you can reach this.",
            id="chat.W008",
        )
    ]


def policies_are_read(**_: Any) -> list[checks.CheckMessage]:
    from chat import policy
    from chat.models import Inbox

    if unapplied_migrations():
        return []
    return [
        checks.Warning(
            f"The policy of inbox {inbox.slug} is not followed where it cannot be read: {trouble}",
            hint="Write it anew in the admin; see docs/composer.md.",
            id="chat.W005",
        )
        for inbox in Inbox.objects.exclude(policy={}).order_by("slug")
        for trouble in policy.read(inbox.policy).troubles
    ]


def erasures_reach_chatwoot(**_: Any) -> list[checks.CheckMessage]:
    from chat import policy, removals
    from chat.models import Inbox

    if unapplied_migrations():
        return []
    told = Inbox.objects.exclude(policy={}).select_related("chatwoot").order_by("slug")
    wanting = [inbox for inbox in told if policy.erases_upstream(inbox.policy)]
    served = removals.served()
    return [
        checks.Warning(
            f"Visitors of inbox {inbox.slug} who erase themselves wait to be deleted at Chatwoot, which nobody does",
            hint=f"Set CHATWOOT_ADMIN_TOKEN for it, and CHATWOOT_URL to {inbox.chatwoot.url}; see docs/operating.md",
            obj=inbox.slug,
            id="chat.W007",
        )
        for inbox in wanting
        if inbox.chatwoot.url != served
    ]


def address_is_used(**_: Any) -> list[checks.CheckMessage]:
    """Alone it is for `connect_chatwoot` and an administrator's token; whoever changes it may think that we move."""
    from chat.models import Inbox

    url = settings.CHATWOOT_URL
    if not url or settings.CHATWOOT_INBOX_IDENTIFIER or unapplied_migrations() or not Inbox.objects.exists():
        return []
    if Inbox.objects.filter(chatwoot__url=url).exists():
        return []
    return [
        checks.Warning(
            f"CHATWOOT_URL is {url}, and no inbox is there",
            hint="Run manage.py connect_chatwoot, or change the address of that Chatwoot in the admin.",
            id="chat.W009",
        )
    ]


def unapplied_migrations() -> list[str]:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
