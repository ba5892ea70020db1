"""Chatwoot's rows, as far as anything outside can see them. Times are unix seconds as float, or None."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

JSON = dict[str, Any]


class MessageType(IntEnum):
    INCOMING = 0
    OUTGOING = 1
    ACTIVITY = 2
    TEMPLATE = 3


class Status(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    PENDING = "pending"
    SNOOZED = "snoozed"


CONTENT_TYPES = (
    "text",
    "input_text",
    "input_textarea",
    "input_email",
    "input_select",
    "cards",
    "form",
    "article",
    "incoming_email",
    "input_csat",
    "integrations",
    "sticker",
    "voice_call",
)
PRIORITIES = ("low", "medium", "high", "urgent")


@dataclass
class Row:
    id: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass
class Account(Row):
    name: str = ""
    locale: str = "en"
    domain: str | None = None
    support_email: str | None = None
    custom_attributes: JSON = field(default_factory=dict)


@dataclass
class User(Row):
    name: str = ""
    display_name: str | None = None
    email: str = ""
    uid: str = ""
    access_token: str = field(default="", repr=False)
    pubsub_token: str = field(default="", repr=False)
    custom_attributes: JSON | None = None
    picture_id: int | None = None  # an attachment without a message

    @property
    def available_name(self) -> str:
        return self.display_name or self.name


@dataclass
class AccountUser(Row):
    account_id: int = 0
    user_id: int = 0
    role: str = "agent"


@dataclass
class AgentBot(Row):
    account_id: int = 0
    name: str = ""
    description: str | None = None
    access_token: str = field(default="", repr=False)


@dataclass
class PlatformApp(Row):
    access_token: str = field(default="", repr=False)
    account_ids: list[int] = field(default_factory=list)
    user_ids: list[int] = field(default_factory=list)


@dataclass
class Inbox(Row):
    """An inbox together with its ``Channel::Api``."""

    account_id: int = 0
    channel_id: int = 0
    name: str = ""
    identifier: str = field(default="", repr=False)
    hmac_token: str = field(default="", repr=False)
    hmac_mandatory: bool = False
    webhook_url: str | None = None
    additional_attributes: JSON = field(default_factory=dict)
    greeting_enabled: bool = False
    greeting_message: str | None = None
    csat_survey_enabled: bool = False
    csat_config: JSON = field(default_factory=dict)
    working_hours_enabled: bool = False
    working_hours: list[JSON] = field(default_factory=list)
    out_of_office_message: str | None = None
    timezone: str = "UTC"
    enable_auto_assignment: bool = True
    allow_messages_after_resolved: bool = True
    lock_to_single_conversation: bool = False


@dataclass
class InboxMember(Row):
    inbox_id: int = 0
    user_id: int = 0


@dataclass
class Contact(Row):
    account_id: int = 0
    name: str = ""
    email: str | None = None
    phone_number: str | None = None
    identifier: str | None = None
    custom_attributes: JSON = field(default_factory=dict)
    additional_attributes: JSON = field(default_factory=dict)
    last_activity_at: float | None = None
    contact_type: str = "visitor"
    blocked: bool = False


@dataclass
class ContactInbox(Row):
    contact_id: int = 0
    inbox_id: int = 0
    source_id: str = field(default="", repr=False)
    pubsub_token: str = field(default="", repr=False)
    hmac_verified: bool = False


@dataclass
class Conversation(Row):
    account_id: int = 0
    inbox_id: int = 0
    contact_id: int = 0
    contact_inbox_id: int = 0
    display_id: int = 0
    uuid: str = ""
    status: str = Status.OPEN
    assignee_id: int | None = None
    labels: list[str] = field(default_factory=list)
    priority: str | None = None
    snoozed_until: float | None = None
    custom_attributes: JSON = field(default_factory=dict)
    additional_attributes: JSON = field(default_factory=dict)
    waiting_since: float | None = None
    first_reply_created_at: float | None = None
    agent_last_seen_at: float | None = None
    assignee_last_seen_at: float | None = None
    contact_last_seen_at: float | None = None
    last_activity_at: float = 0.0


@dataclass
class Transcript(Row):
    """One that was asked for, and would be on its way by e-mail."""

    account_id: int = 0
    conversation_id: int = 0
    email: str = ""


@dataclass
class Message(Row):
    account_id: int = 0
    inbox_id: int = 0
    conversation_id: int = 0
    message_type: int = MessageType.INCOMING
    content: str | None = None
    processed_message_content: str | None = None
    content_type: str = "text"
    content_attributes: JSON = field(default_factory=dict)
    private: bool = False
    status: str = "sent"
    source_id: str | None = None
    sender_type: str | None = None
    sender_id: int | None = None
    echo_id: Any = None
    """As received. Chatwoot keeps it in memory only; the ledger shows it."""


@dataclass
class Attachment(Row):
    message_id: int = 0
    account_id: int = 0
    file_type: str = "file"
    filename: str = ""
    content_type: str = ""
    content: bytes = b""
    is_lost: bool = False  # the row was committed, but the storage did not take the file
    width: int | None = None
    height: int | None = None


@dataclass
class CsatResponse(Row):
    account_id: int = 0
    conversation_id: int = 0
    message_id: int = 0
    contact_id: int = 0
    assigned_agent_id: int | None = None
    rating: int = 0
    feedback_message: str | None = None


@dataclass
class CannedResponse(Row):
    account_id: int = 0
    short_code: str = ""
    content: str = ""


@dataclass
class Portal(Row):
    account_id: int = 0
    name: str = ""
    slug: str = ""
    custom_domain: str | None = None
    default_locale: str = "en"


@dataclass
class Article(Row):
    account_id: int = 0
    portal_id: int = 0
    locale: str = "en"
    slug: str = ""
    title: str = ""
    description: str = ""
    content: str = ""
    status: str = "draft"
    position: int = 0
    views: int = 0


KINDS: tuple[type[Row], ...] = (
    Account,
    User,
    AccountUser,
    AgentBot,
    PlatformApp,
    Inbox,
    InboxMember,
    Contact,
    ContactInbox,
    Conversation,
    Message,
    Attachment,
    CsatResponse,
    CannedResponse,
    Portal,
    Article,
    Transcript,
)
