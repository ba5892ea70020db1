"""Examples for the description of the API, by operation. They are made of the bodies themselves, so they are valid."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chat.wire import annotations, articles, calls, overview, profile, rows, site

CONTACT = UUID("7b0e1d6a-6f0b-4d52-9a39-0f6f6f1f7a10")
CONVERSATION = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
MESSAGE = UUID("9b2c1c5e-8f39-4e9f-8a55-1c2d8c1a2f3b")
ECHO = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
FILE = UUID("3f333df6-90a4-4fda-8dd3-9485d27cee36")
AT = 1_764_414_000_000
CURSOR = "0a1b2c3d.42"
ARTICLE = "5f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5"

_ROW = rows.Conversation(id=CONVERSATION, seq=41, status="open", contact_seen=0, agent_seen=AT, deleted=False)
_SAID = rows.Message(
    id=MESSAGE,
    conversation=CONVERSATION,
    seq=42,
    at=AT,
    direction="outgoing",
    echo_id=None,
    state="sent",
    reason=None,
    sender=rows.Sender(name="Gus", avatar=None, kind="agent"),
    text=[{"t": "p", "c": ["Hello, ", {"t": "strong", "c": ["Ada"]}]}],
    content_type="text",
    attributes={},
    attachments=[],
    deleted=False,
)
_VIEW = overview.ConversationView(
    id=CONVERSATION,
    seq=41,
    status="open",
    created_at=AT,
    contact_seen=0,
    agent_seen=AT,
    unread=1,
    last=overview.Line(text="Hello, Ada", at=AT, direction="outgoing", has_files=False),
)
_CONTACT = profile.ContactView(
    id=CONTACT,
    name="Ada",
    verified=False,
    email="ada@example.com",
    signed_email=None,
    phone=None,
    attributes={"plan": "pro"},
)
_SESSION = calls.Session(access_token="…", expires_in=900, contact=CONTACT, refresh_token="cpr_…")
_INBOX = site.InboxView(
    slug="main",
    name="Shop",
    look=site.Look(accent="#1f6f5c", theme="auto", position="end", launcher="round", locale=""),
    texts={"greeting": "Hello. How can we help?", "out_of_office": "We are back on Monday."},
    limits=site.Limits(text=10_000, files=10, upload_bytes=20_971_520, upload_types=["image/png", "text/plain"]),
    hours=site.Hours(zone="Europe/Berlin", days=[site.OpeningDay(day=1, opens="09:00", closes="17:00")]),
    open=False,
    next_opening=AT,
    csat=True,
    openings=[(AT, AT + 28_800_000)],
    ask=site.Ask(
        fields=[site.AskField(name="email", kind="email", label="", required=True)],
        consent=site.Consent(text="I agree that you keep what I write.", link="", link_text="", version="1"),
    ),
    suggestions=["Where is my order?"],
    resolved="reopen",
    articles=True,
    transcript="own",
    team=[site.Colleague(name="Gus", avatar="/api/v1/avatars/6d3f0c2b7a194e5f8a1b0c9d8e7f6a5b")],
)
_LINE = articles.ArticleLine(id=ARTICLE, title="Send it back", description="30 days, and the way back is free")
_ARTICLE = articles.ArticleView(
    **_LINE.model_dump(), text=[{"t": "p", "c": ["You have ", {"t": "strong", "c": ["30 days"]}, "."]}]
)
_EXPORT = profile.ContactExport(
    contact={"id": str(CONTACT), "name": "Ada"}, sessions=[], conversations=[], uploads=[], deliveries=[]
)
_CHANGES = calls.Changes(type="changes", cursor=CURSOR, conversations=[_ROW], messages=[_SAID], more=False)
_TICKETS = calls.Tickets(urls={FILE: f"/api/v1/attachments/{FILE}?ticket=…"}, expires_in=600)
_ACCEPTED = calls.Accepted(message=MESSAGE, conversation=CONVERSATION)

# Of parameters, by name, wherever they stand.
PARAMETERS: dict[str, Any] = {
    "card": "7f9c24e8b1d14c7d9a3e5f6081b2c3d4-6d3f0c2b7a194e5f8a1b0c9d8e7f6a5b",
    "slug": "main",
    "locale": "de",
    "conversation_id": str(CONVERSATION),
    "message_id": str(MESSAGE),
    "echo_id": str(ECHO),
    "attachment_id": str(FILE),
    "article_id": ARTICLE,
    "query": "send back",
    "before": str(MESSAGE),
    "limit": 20,
    "since": CURSOR,
    "wait": 0,
    "name": "photo.png",
}
# By method and path below /api/v1. A body is given as it is written, an answer as the body that makes it.
REQUESTS: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "post /session": (calls.OpenSession, {"inbox": "main", "kind": "app"}),
    "post /session/refresh": (calls.RefreshSession, {"refresh_token": "cpr_…"}),
    "patch /contact": (
        profile.PatchContact,
        {"name": "Ada", "email": "ada@example.com", "attributes": {"plan": "pro"}},
    ),
    "post /attachments/tickets": (calls.BuyTickets, {"attachments": [str(FILE)]}),
    "put /messages/{echo_id}": (calls.PutMessage, {"text": "Hello", "files": [str(FILE)]}),
    "put /messages/{message_id}/answer": (calls.PutAnswer, {"values": [{"title": "Small", "value": "s"}]}),
    "post /conversations": (
        overview.BeginConversation,
        {"key": str(CONTACT), "message": {"echo_id": str(ECHO), "text": "Hello", "files": [str(FILE)]}},
    ),
    "post /conversations/{conversation_id}/seen": (overview.PostSeen, {"message": str(MESSAGE)}),
    "post /conversations/{conversation_id}/typing": (overview.PostTyping, {"on": True}),
    "post /conversations/{conversation_id}/transcript": (overview.PostTranscript, {"email": "ada@example.com"}),
    "put /conversations/{conversation_id}/csat": (overview.PutCsat, {"rating": 5, "feedback": "Quick and kind."}),
    "put /conversations/{conversation_id}/attributes": (
        annotations.PutAttributes,
        {"attributes": {"order": "A-17", "total": 42.5, "coupon": None}},
    ),
    "put /conversations/{conversation_id}/labels": (annotations.PutLabels, {"add": ["order-question"], "remove": []}),
}
ANSWERS: dict[str, BaseModel] = {
    "post /attachments/tickets": _TICKETS,
    "post /session": _SESSION,
    "post /session/refresh": _SESSION,
    "get /inbox/{slug}": _INBOX,
    "get /inbox/{slug}/articles": articles.ArticleList(articles=[_LINE]),
    "get /inbox/{slug}/articles/{article_id}": _ARTICLE,
    "get /contact": _CONTACT,
    "patch /contact": _CONTACT,
    "get /contact/export": _EXPORT,
    "get /sync": _CHANGES,
    "post /uploads": rows.Attachment(id=FILE, name="photo.png", type="image", size=52_340),
    "put /messages/{echo_id}": _ACCEPTED,
    "get /conversations": overview.ConversationList(conversations=[_VIEW], more=False),
    "post /conversations": overview.Begun(conversation=_VIEW, message=MESSAGE),
    "get /conversations/{conversation_id}": _VIEW,
    "get /conversations/{conversation_id}/messages": calls.History(messages=[_SAID], more=False),
    "post /conversations/{conversation_id}/transcript": overview.Transcript(email="ada@example.com"),
    "put /conversations/{conversation_id}/attributes": annotations.ConversationAttributes(
        attributes={"order": "A-17", "total": 42.5}
    ),
    "put /conversations/{conversation_id}/labels": annotations.ConversationLabels(labels=["order-question"]),
    "get /unread": overview.Unread(total=1, conversations=[overview.UnreadConversation(id=CONVERSATION, unread=1)]),
}
