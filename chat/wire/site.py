"""What is said of an inbox to whoever asks."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Look(BaseModel):
    """accent: #rgb or #rrggbb, empty where none was chosen. locale: empty where the visitor's own is spoken.

    position: at which edge of the page, along its lines, the launcher stands. launcher: an icon, or a pill with a word.
    """

    accent: str
    theme: Literal["auto", "light", "dark"]
    position: Literal["end", "start"]
    launcher: Literal["round", "pill"]
    locale: str


class Limits(BaseModel):
    """text in characters; files of one message; upload_bytes of the files of one message together."""

    text: int
    files: int
    upload_bytes: int
    upload_types: list[str]


class OpeningDay(BaseModel):
    """day: 0 is Sunday. 24:00 is midnight at its end."""

    day: Annotated[int, Field(ge=0, le=6)]
    opens: str
    closes: str


class Hours(BaseModel):
    """Days that are left out are closed. zone: a name of the IANA's."""

    zone: str
    days: list[OpeningDay]


class AskField(BaseModel):
    """One line of the form before the first message. name: what `PATCH /contact` calls it, or the attribute's key.

    label: empty for name, email and phone that the inbox names as the client does.
    """

    name: str
    kind: Literal["name", "email", "phone", "attribute"]
    label: str
    required: bool


class Consent(BaseModel):
    """What a visitor agrees to before the first message. link and link_text may be empty. version: goes to
    `consent` of `PATCH /contact`."""

    text: str
    link: str
    link_text: str
    version: str


class Ask(BaseModel):
    """What is asked before the first message."""

    fields: list[AskField]
    consent: Consent | None


class Colleague(BaseModel):
    """Somebody who answers here. avatar: an address below this site's; what answers 404 is shown as initials."""

    name: str
    avatar: str | None


# To which e-mail addresses a visitor may have a conversation sent: none, the one that the site signed, any.
Transcript = Literal["never", "own", "any"]
# What writing does in a conversation that is closed: opens it again, begins a new one, or the visitor chooses.
Resolved = Literal["reopen", "new", "ask"]


class InboxView(BaseModel):
    """What Chatwoot has not told yet is null: it is asked only while somebody is here who has written.

    hours: null, too, where the inbox is always open. next_opening: ms; null while it is open, or if it never opens.
    csat: Chatwoot asks for a rating when a conversation ends. texts: greeting, out_of_office, and others by name, in
    the language that was asked for.
    openings: from and until when it is open in the next days, ms; null where it is always open, or not known.
    articles: there is a help centre to be searched.
    team: up to three of those who answer here; none where that is not known, or not to be told.
    transcript: to which addresses a conversation may be sent by e-mail.
    ask: null where nothing is asked. suggestions: up to three questions for a conversation that is empty.
    """

    slug: str
    name: str
    look: Look
    texts: dict[str, str]
    limits: Limits
    hours: Hours | None
    open: bool | None
    next_opening: int | None
    csat: bool | None
    openings: list[tuple[int, int]] | None
    ask: Ask | None
    suggestions: list[str]
    resolved: Resolved
    articles: bool
    team: list[Colleague]
    transcript: Transcript
