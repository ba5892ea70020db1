"""What the sandbox starts with, and the world file that tells other processes about it."""

import json
import os
from pathlib import Path
from typing import Any

from chat.sandbox.context import Context
from chat.sandbox.entities import (
    JSON,
    Account,
    AccountUser,
    AgentBot,
    Article,
    Inbox,
    InboxMember,
    PlatformApp,
    Portal,
    User,
)
from chat.sandbox.people import new_user
from chat.sandbox.samples import ARTICLES
from chat.sandbox.tokens import base58_token

CLOSED = {
    "closed_all_day": True,
    "open_hour": None,
    "open_minutes": None,
    "close_hour": None,
    "close_minutes": None,
    "open_all_day": False,
}
OPEN = {
    "closed_all_day": False,
    "open_hour": 9,
    "open_minutes": 0,
    "close_hour": 17,
    "close_minutes": 0,
    "open_all_day": False,
}


def working_hours() -> list[JSON]:
    """Sunday first; Monday to Friday nine to five."""
    return [{"day_of_week": day} | (OPEN if 1 <= day <= 5 else CLOSED) for day in range(7)]


def new_inbox(ctx: Context, account_id: int, name: str, **columns: Any) -> Inbox:
    inbox = Inbox(
        account_id=account_id,
        name=name,
        identifier=base58_token(),
        hmac_token=base58_token(),
        **{"working_hours": working_hours(), **columns},
    )
    ctx.add(inbox)
    inbox.channel_id = inbox.id
    ctx.save(inbox)
    return inbox


def seed(ctx: Context, canary: str = "") -> None:
    """Nothing that is there from before."""
    if not ctx.store.all(Account):
        _seed_account(ctx, canary)
    if not ctx.store.all(Portal):
        _seed_portal(ctx)


def _seed_account(ctx: Context, canary: str) -> None:
    """An account with administrator, agent and bot, a platform app, three API inboxes."""
    account = ctx.add(Account(name="Acme"))
    _user(ctx, account, "Ada Admin", f"ada{canary}@sandbox.test", "administrator")
    agent = _user(ctx, account, "Gus Agent", f"gus{canary}@sandbox.test", "agent")
    ctx.add(AgentBot(account_id=account.id, name="Bridge Bot", access_token=base58_token()))
    ctx.add(PlatformApp(access_token=base58_token()))
    calm = {"enable_auto_assignment": False}
    strict = {"hmac_mandatory": True, "lock_to_single_conversation": True}
    inboxes = (
        new_inbox(ctx, account.id, "Portal chat", **calm),
        new_inbox(ctx, account.id, "Verified portal", **calm, **strict),
        new_inbox(ctx, account.id, "Product page", **calm),
    )
    for inbox in inboxes:
        ctx.add(InboxMember(inbox_id=inbox.id, user_id=agent.id))


def _seed_portal(ctx: Context) -> None:
    account = ctx.store.all(Account)[0]
    portal = ctx.add(Portal(account_id=account.id, name="Saltmark", slug="saltmark"))
    for position, columns in enumerate(ARTICLES, start=1):
        ctx.add(Article(account_id=account.id, portal_id=portal.id, status="published", position=position, **columns))


def _user(ctx: Context, account: Account, name: str, email: str, role: str) -> User:
    user = ctx.add(new_user(name, email))
    ctx.add(AccountUser(account_id=account.id, user_id=user.id, role=role))
    return user


def describe(ctx: Context, base_url: str) -> JSON:
    """The world as the conformance program reads it, with ``demo_inbox`` and ``demo_portal`` beside."""
    account = ctx.store.all(Account)[0]
    admin, agent = ctx.store.all(User)[:2]
    bot, platform = ctx.store.all(AgentBot)[0], ctx.store.all(PlatformApp)[0]
    main, strict, demo = ctx.store.all(Inbox)[:3]
    names = {"account": account.name, "agent": agent.name, "admin": admin.name, "bot": bot.name}
    return {
        "base_url": base_url,
        "frontend_url": base_url,
        "cable_url": base_url.replace("http", "ws", 1) + "/cable",
        "account_id": account.id,
        "agent_id": agent.id,
        "agent_token": agent.access_token,
        "agent_pubsub_token": agent.pubsub_token,
        "admin_id": admin.id,
        "admin_token": admin.access_token,
        "admin_pubsub_token": admin.pubsub_token,
        "bot_id": bot.id,
        "bot_token": bot.access_token,
        "platform_token": platform.access_token,
        "inbox": _inbox(main),
        "hmac_inbox": _inbox(strict),
        "demo_inbox": _inbox(demo),
        "demo_portal": ctx.store.all(Portal)[0].slug,
        "names": names | {"inbox": main.name, "hmac_inbox": strict.name},
        "emails": {"agent": agent.email, "admin": admin.email},
    }


def _inbox(inbox: Inbox) -> JSON:
    return {
        "id": inbox.id,
        "name": inbox.name,
        "identifier": inbox.identifier,
        "hmac_token": inbox.hmac_token,
        "hmac_mandatory": inbox.hmac_mandatory,
        "lock_to_single_conversation": inbox.lock_to_single_conversation,
    }


def write(path: Path, world: JSON) -> None:
    """Atomically; readable by the owner only, for it holds tokens."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(world, indent=1) + "\n", "utf-8")
    fresh.replace(path)
