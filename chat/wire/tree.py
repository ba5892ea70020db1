"""Formatted text outward is a tree of these, never HTML. An inline node is a plain string or one of the objects."""

from typing import Literal

from typing_extensions import TypedDict


class Styled(TypedDict):
    t: Literal["strong", "em", "strike"]
    c: "list[Inline]"


class InlineCode(TypedDict):
    t: Literal["code"]
    s: str


class Link(TypedDict):
    """href is http, https, mailto or tel; whatever else was written is text."""

    t: Literal["link"]
    href: str
    c: "list[Inline]"


class Break(TypedDict):
    t: Literal["br"]


Inline = str | Styled | InlineCode | Link | Break


class Paragraph(TypedDict):
    t: Literal["p"]
    c: list[Inline]


class Quote(TypedDict):
    t: Literal["quote"]
    c: "list[Block]"


class Listing(TypedDict):
    t: Literal["list"]
    ordered: bool
    start: int
    c: "list[list[Block]]"


class CodeBlock(TypedDict):
    t: Literal["code"]
    s: str
    lang: str


Block = Paragraph | Quote | Listing | CodeBlock
Tree = list[Block]
