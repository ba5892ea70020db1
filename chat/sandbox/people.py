"""Shapes of contacts, agents and bots (contract §2.3, §5, §6)."""

from chat.sandbox.attachments import picture
from chat.sandbox.context import Context, iso, iso_or_none, unix
from chat.sandbox.entities import JSON, Account, AccountUser, AgentBot, Contact, ContactInbox, Inbox, Message, User
from chat.sandbox.presence import Kind
from chat.sandbox.tokens import base58_token


def new_user(name: str, email: str) -> User:
    """With tokens of their own; to be added."""
    return User(name=name, email=email.lower(), uid=email, access_token=base58_token(), pubsub_token=base58_token())


def contact_push(contact: Contact) -> JSON:
    return {
        "additional_attributes": contact.additional_attributes,
        "custom_attributes": contact.custom_attributes,
        "email": contact.email,
        "id": contact.id,
        "identifier": contact.identifier,
        "name": contact.name,
        "phone_number": contact.phone_number,
        "thumbnail": "",
        "blocked": contact.blocked,
        "type": "contact",
    }


def agent_push(ctx: Context, agent: User | AgentBot) -> JSON:
    """What frames and message bodies show of an agent or bot."""
    if isinstance(agent, AgentBot):
        return {"id": agent.id, "name": agent.name, "avatar_url": "", "type": "agent_bot"}
    return {
        "id": agent.id,
        "name": agent.name,
        "available_name": agent.available_name,
        "avatar_url": picture(ctx, agent),
        "type": "user",
        "availability_status": availability(ctx, agent),
        "thumbnail": picture(ctx, agent),
    }


def availability(ctx: Context, agent: User) -> str | None:
    """Null wherever Chatwoot renders outside an agent's request (contract quirk 32)."""
    if ctx.account_id is None:
        return None
    return ctx.presence.status(ctx.account_id, Kind.USER, agent.id)


def sender_push(ctx: Context, message: Message) -> JSON | None:
    sender = sender_of(ctx, message)
    if sender is None:
        return None
    return contact_push(sender) if isinstance(sender, Contact) else agent_push(ctx, sender)


def sender_of(ctx: Context, message: Message) -> Contact | User | AgentBot | None:
    match message.sender_type:
        case "Contact":
            return ctx.store.get(Contact, message.sender_id)
        case "User":
            return ctx.store.get(User, message.sender_id)
        case "AgentBot":
            return ctx.store.get(AgentBot, message.sender_id)
    return None


def webhook_sender(ctx: Context, sender: Contact | User | AgentBot) -> JSON:
    if isinstance(sender, User):
        return {"id": sender.id, "name": sender.name, "email": sender.email, "type": "user"}
    if isinstance(sender, AgentBot):
        return {"id": sender.id, "name": sender.name, "type": "agent_bot"}
    return {
        "account": webhook_account(ctx, sender.account_id),
        "additional_attributes": sender.additional_attributes,
        "avatar": "",
        "custom_attributes": sender.custom_attributes,
        "email": sender.email,
        "id": sender.id,
        "identifier": sender.identifier,
        "name": sender.name,
        "phone_number": sender.phone_number,
        "thumbnail": "",
        "blocked": sender.blocked,
    }


def webhook_account(ctx: Context, account_id: int) -> JSON:
    return {"id": account_id, "name": ctx.find(Account, account_id).name}


def contact_row(contact: Contact) -> JSON:
    """The raw row, as the Client API shows it (contract §1.4)."""
    return {
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "phone_number": contact.phone_number,
        "account_id": contact.account_id,
        "identifier": contact.identifier,
        "custom_attributes": contact.custom_attributes,
        "additional_attributes": contact.additional_attributes,
        "created_at": iso(contact.created_at),
        "updated_at": iso(contact.updated_at),
        "last_activity_at": iso_or_none(contact.last_activity_at),
        "contact_type": contact.contact_type,
        "middle_name": "",
        "last_name": "",
        "location": None,
        "country_code": None,
        "blocked": contact.blocked,
        "company_id": None,
        "label_list": [],
    }


def contact_account(ctx: Context, contact: Contact, *, sessions: bool) -> JSON:
    """The Application API's contact, with its sessions where the view shows them (contract §6.6)."""
    shown: JSON = {
        "additional_attributes": contact.additional_attributes,
        "availability_status": ctx.presence.status(contact.account_id, Kind.CONTACT, contact.id),
        "email": contact.email,
        "id": contact.id,
        "name": contact.name,
        "phone_number": contact.phone_number,
        "blocked": contact.blocked,
        "identifier": contact.identifier,
        "thumbnail": "",
        "custom_attributes": contact.custom_attributes,
        "created_at": unix(contact.created_at),
    }
    if contact.last_activity_at is not None:
        shown["last_activity_at"] = unix(contact.last_activity_at)
    if sessions:
        rows = ctx.store.contact_inboxes_of(contact.id)
        shown["contact_inboxes"] = [contact_session(ctx, row) for row in rows]
    return shown


def contact_session(ctx: Context, contact_inbox: ContactInbox) -> JSON:
    inbox = ctx.find(Inbox, contact_inbox.inbox_id)
    return {
        "source_id": contact_inbox.source_id,
        "inbox": {
            "id": inbox.id,
            "avatar_url": "",
            "channel_id": inbox.channel_id,
            "name": inbox.name,
            "channel_type": "Channel::Api",
            "provider": None,
        },
    }


def agent_account(ctx: Context, user: User, account_id: int) -> JSON:
    """The Application API's agent (contract §6.5)."""
    membership = ctx.store.first(AccountUser, lambda row: row.account_id == account_id and row.user_id == user.id)
    shown: JSON = {
        "id": user.id,
        "account_id": account_id,
        "availability_status": ctx.presence.status(account_id, Kind.USER, user.id),
        "auto_offline": True,
        "confirmed": True,
        "email": user.email,
        "provider": "email",
        "available_name": user.available_name,
        "name": user.name,
        "role": membership.role if membership else None,
        "thumbnail": picture(ctx, user),
    }
    if user.custom_attributes is not None:
        shown["custom_attributes"] = user.custom_attributes
    return shown
