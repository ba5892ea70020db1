"""What is said of an inbox to whoever asks."""

from typing import Annotated

from pydantic import BaseModel, Field


class Look(BaseModel):
    """accent: #rgb or #rrggbb, empty where none was chosen."""

    accent: str


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


class InboxView(BaseModel):
    """What Chatwoot has not told yet is null: it is asked only while somebody is here who has written.

    hours: null, too, where the inbox is always open. next_opening: ms; null while it is open, or if it never opens.
    csat: Chatwoot asks for a rating when a conversation ends. texts: greeting, out_of_office, and others by name.
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
