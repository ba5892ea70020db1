"""Text as a small JSON tree (``chat.wire.tree``): no HTML leaves the server.

Agents write Markdown (contract §2.7); a visitor's own text is shown as typed. Links are checked here: http, https,
mailto and tel become links, everything else stays text.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from chat.wire.tree import Block, Inline, Tree

_ALLOWED = re.compile(r"(?:https?://[^\s/?#]|mailto:.|tel:[+\d])", re.IGNORECASE)
_INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # would make an address look like another
)
_ADDRESS = re.compile(rf"https?://[^\s<>\"'{_INVISIBLE}]+", re.IGNORECASE)
_HIDING = re.compile(rf"[\s{_INVISIBLE}]")
_TRAILING = ".,;:!?)]}»”’'\"*"
_MARKUP = re.compile(r"[\\`*_\[<~&\n\t]|://|^\s*(?:[-+#>=]|\d+[.)])")
_MAX_NESTING = 16  # deeper than people write; JSON encoders and recursion end somewhere beyond
_MAX_MARKDOWN = 10_000  # characters; on hostile text the parser takes quadratic time
_HEADING = re.compile(r"^(?=#{1,6} )", re.MULTILINE)
_OPTIONS = {"breaks": True, "html": False, "maxNesting": _MAX_NESTING}
# A reference definition would vanish, used or not: nothing that an agent wrote may.
_MARKDOWN = MarkdownIt("commonmark", _OPTIONS).enable("strikethrough").disable("reference")


def plain_tree(text: str) -> Tree:
    """A visitor's words, as typed: line breaks kept, web addresses made links."""
    return [{"t": "p", "c": list(_lines(text))}] if text else []


@lru_cache(maxsize=256)
def markdown_tree(text: str) -> Tree:
    """An agent's Markdown. Headings are strong paragraphs, images links, raw HTML and tables text.

    What is nested too deeply (the parser drops it) or too long comes as typed.
    """
    if not text.strip():
        return []
    if not _MARKUP.search(text):  # most messages: nothing to parse
        return [{"t": "p", "c": [text.strip()]}]
    tokens = _MARKDOWN.parse(text) if len(text) <= _MAX_MARKDOWN else []
    if not tokens or _deepest(tokens) >= _MAX_NESTING - 1:
        return plain_tree(text)
    return list(_blocks(SyntaxTreeNode(tokens).children))


def article_tree(text: str, *, hides: Callable[[str], bool]) -> Tree:
    """An article's Markdown, section by section. Pictures are their descriptions, links that it hides their words."""
    tree = [block for section in _sections(text) for block in _article_blocks(section)]
    return [each for node in tree for each in _shown(node, hides)]


def _shown(node: Any, hides: Callable[[str], bool]) -> Iterator[Any]:
    """A link that it hides is its words, and where those are an address, an ellipsis."""
    if isinstance(node, str):
        yield _ADDRESS.sub(lambda match: "…" if hides(match[0].rstrip(_TRAILING)) else match[0], node)
    elif isinstance(node, list):
        yield [each for child in node for each in _shown(child, hides)]
    elif "c" not in node:
        yield node
    else:
        words = [each for child in node["c"] for each in _shown(child, hides)]
        if node["t"] == "link" and hides(node["href"]):
            yield from words
        else:
            yield node | {"c": words}


def _sections(text: str) -> list[str]:
    """Of a long text the parts that begin with a heading, as many together as the parser takes."""
    sections = [""]
    for part in _HEADING.split(text.replace("\r\n", "\n")):
        if len(sections[-1]) + len(part) > _MAX_MARKDOWN:
            sections.append("")
        sections[-1] += part
    return sections


def _article_blocks(text: str) -> Tree:
    if len(text) > _MAX_MARKDOWN:
        return plain_tree(text)
    tokens = _MARKDOWN.parse(text)
    if _deepest(tokens) >= _MAX_NESTING - 1:
        return plain_tree(text)
    for token in _within(tokens):
        if token.type == "image":
            token.type, token.content = "text", "".join(part.content for part in token.children or ())
    return [block for block in _blocks(SyntaxTreeNode(tokens).children) if block.get("c") != []]


def _within(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _within(token.children or ())


def plain_text(tree: Iterable[Any]) -> str:
    """The words of a tree, blocks and breaks as spaces."""
    return "".join(_words(tree))


def _words(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            yield from _words(node)
        else:
            yield node.get("s", "")
            yield from _words(node.get("c", ()))
            if node["t"] in ("p", "br") or "lang" in node:
                yield " "


def _deepest(tokens: Iterable[Token]) -> int:
    return max(max(token.level, _deepest(token.children or ())) for token in tokens) if tokens else 0


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Block]:
    for node in nodes:
        match node.type:
            case "paragraph":
                yield {"t": "p", "c": _inlines(node)}
            case "heading":
                yield {"t": "p", "c": [{"t": "strong", "c": _inlines(node)}]}
            case "blockquote":
                yield {"t": "quote", "c": list(_blocks(node.children))}
            case "bullet_list" | "ordered_list":
                items = [list(_blocks(item.children)) for item in node.children]
                ordered = node.type == "ordered_list"
                yield {"t": "list", "ordered": ordered, "start": int(node.attrs.get("start", 1)), "c": items}
            case "fence" | "code_block":
                lang = node.info.split()[0] if node.type == "fence" and node.info.strip() else ""
                yield {"t": "code", "s": node.content.removesuffix("\n"), "lang": lang}
            case "hr":
                yield {"t": "p", "c": ["———"]}
            case _:
                yield {"t": "p", "c": list(_lines(node.content or ""))}


def _inlines(node: SyntaxTreeNode) -> list[Inline]:
    return [part for child in node.children for part in _inline(child)]


def _inline(node: SyntaxTreeNode) -> Iterator[Inline]:
    match node.type:
        case "inline":
            yield from _inlines(node)
        case "text":
            yield from _linked(node.content)
        case "softbreak" | "hardbreak":
            yield {"t": "br"}
        case "code_inline":
            yield {"t": "code", "s": node.content}
        case "strong" | "em":
            yield {"t": "strong" if node.type == "strong" else "em", "c": _inlines(node)}
        case "s":
            yield {"t": "strike", "c": _inlines(node)}
        case "link":
            yield from _link(str(node.attrs.get("href", "")), [part for c in node.children for part in _unlinked(c)])
        case "image":
            source = str(node.attrs.get("src", ""))
            yield from _link(source, [node.content or source])
        case _:
            yield node.content


def _unlinked(node: SyntaxTreeNode) -> Iterator[Inline]:
    """Inside a link nothing is a link again."""
    if node.type == "text":
        yield node.content
    else:
        yield from _inline(node)


def is_address(text: str) -> bool:
    """Whether a link may lead there."""
    return bool(_ALLOWED.match(text)) and not _HIDING.search(text)


def _link(href: str, content: list[Inline]) -> Iterator[Inline]:
    if _ALLOWED.match(href):
        yield {"t": "link", "href": href, "c": content or [href]}
    else:
        yield from content


def _lines(text: str) -> Iterator[Inline]:
    for number, line in enumerate(text.strip().replace("\r\n", "\n").split("\n")):
        if number:
            yield {"t": "br"}
        yield from _linked(line)


def _linked(text: str) -> Iterator[Inline]:
    at = 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_TRAILING)
        if not _ALLOWED.match(address):
            continue
        if text[at : match.start()]:
            yield text[at : match.start()]
        yield {"t": "link", "href": address, "c": [address]}
        at = match.start() + len(address)
    if text[at:]:
        yield text[at:]
