import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chat.markdown import markdown_tree, plain_tree
from chat.wire.tree import Tree

TREE = TypeAdapter(Tree)
SAFE = re.compile(r"(?:https?://[^/]|mailto:.|tel:[+\d])", re.IGNORECASE)


def p(*inlines: Any) -> dict[str, Any]:
    return {"t": "p", "c": list(inlines)}


def link(href: str, *inlines: Any) -> dict[str, Any]:
    return {"t": "link", "href": href, "c": list(inlines) or [href]}


BREAK = {"t": "br"}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", []),
        ("  \n ", []),
        ("hello", [p("hello")]),
        (
            "**a** *b* ~~c~~",
            [p({"t": "strong", "c": ["a"]}, " ", {"t": "em", "c": ["b"]}, " ", {"t": "strike", "c": ["c"]})],
        ),
        ("a\nb", [p("a", BREAK, "b")]),
        ("a\n\nb", [p("a"), p("b")]),
        ("# Title", [p({"t": "strong", "c": ["Title"]})]),
        ("`a < b`", [p({"t": "code", "s": "a < b"})]),
        ("```py\na = 1\n```", [{"t": "code", "s": "a = 1", "lang": "py"}]),
        ("> quoted", [{"t": "quote", "c": [p("quoted")]}]),
        ("- a\n- b", [{"t": "list", "ordered": False, "start": 1, "c": [[p("a")], [p("b")]]}]),
        ("3. c\n4. d", [{"t": "list", "ordered": True, "start": 3, "c": [[p("c")], [p("d")]]}]),
        ("[shop](https://shop.example/a?b=c)", [p(link("https://shop.example/a?b=c", "shop"))]),
        ("see https://shop.example.", [p("see ", link("https://shop.example"), ".")]),
        ("<bob@shop.example>", [p(link("mailto:bob@shop.example", "bob@shop.example"))]),
        ("![a *cat*](https://shop.example/cat.png)", [p(link("https://shop.example/cat.png", "a *cat*"))]),
        ("[https://a.example](https://b.example)", [p(link("https://b.example", "https://a.example"))]),
        ("[call](tel:+4930123)", [p(link("tel:+4930123", "call"))]),
        ("<b>bold</b> &lt;i&gt;", [p("<b>bold</b> <i>")]),
        ("<div>\nblock\n</div>", [p("<div>", BREAK, "block", BREAK, "</div>")]),
        ("---", [p("———")]),
    ],
)
def test_an_agents_markdown_becomes_a_tree(text: str, tree: Tree):
    assert markdown_tree(text) == tree


def test_tables_stay_text():
    assert markdown_tree("|a|b|\n|-|-|\n|1|2|") == [p("|a|b|", BREAK, "|-|-|", BREAK, "|1|2|")]


def test_a_visitors_text_is_shown_as_typed():
    assert plain_tree("**a**\n<b> https://shop.example/(x)") == [
        p("**a**", BREAK, "<b> ", link("https://shop.example/(x"), ")")
    ]


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "java&#x0A;script:alert(1)",
        "\x01javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/png;base64,AAAA",
        "DATA:text/html,x",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "https:/\\evil.example",
        "https:///evil.example",
        "https://",
        "relative/path",
        "#fragment",
        "mailto:",
        "tel:javascript",
        "blob:null/1",
        "ws://shop.example",
        "",
    ],
)
@pytest.mark.parametrize("form", ["[x]({})", "[x](<{}>)", "![x]({})", "<{}>", "{}", "[x][1]\n\n[1]: {}"])
def test_only_safe_links_are_links(href: str, form: str):
    tree = markdown_tree(form.format(href))
    assert not [each for each in inlines(tree) if each["t"] == "link"]
    assert not [each for each in inlines(plain_tree(form.format(href))) if each["t"] == "link"]


@pytest.mark.parametrize(
    "address", ["https://shop.example/\x01", "https://shop\u202e.example", "https://a\u200bb.example"]
)
def test_an_address_ends_before_what_nobody_can_see(address: str):
    for tree in (plain_tree(address), markdown_tree(address)):
        for each in inlines(tree):
            assert each.get("href", "").isprintable()


def test_a_reference_does_not_vanish():
    assert "".join(words(markdown_tree("see [1]\n\n[1]: https://shop.example"))) == "see [1][1]: https://shop.example"


@pytest.mark.parametrize(
    "text",
    [
        ">" * 40 + " deep",
        "".join("  " * depth + f"- {depth}\n" for depth in range(40)) + "deep",
        "*a **b " * 200 + "deep" + "** *" * 200,
        "~~a " * 500 + "deep" + "b~~ " * 500,
        "_a *a " * 500 + "deep" + "b* b_ " * 500,
        "*a " * 3000 + "deep" + "b*" * 300,
        "[" * 300 + "deep" + "](http://x.example)" * 300,
        "![" * 300 + "deep" + "](http://x.example)" * 300,
        "*a " * 40_000 + "deep",
    ],
)
def test_what_is_nested_too_deeply_is_kept_and_shallow(text: str):
    tree = markdown_tree(text)
    assert depth(tree) <= 120
    assert "deep" in "".join(words(tree))
    orjson.dumps(tree)


@pytest.mark.parametrize(
    "unit", ["[", "![", "](", "*_", "a*b_c~~d", "<a ", "`", "\\", "&amp;", "[a](", "> ", "- a\n  "]
)
def test_time_grows_with_the_text_and_not_faster_than_its_square(unit: str):
    """An exponential parser would never end here; what is too long for a quadratic one is not parsed."""
    markdown_tree(unit * (9_000 // len(unit)))
    markdown_tree(unit * 50_000)


MARKUP = st.text("*_~`[]()!<>:/\\-+.#>1 \nabhtps&;|\x01", max_size=80)


@given(MARKUP | st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_every_text_gives_a_valid_tree_with_safe_links(text: str):
    for tree in (markdown_tree(text), plain_tree(text)):
        TREE.validate_python(tree)
        for each in inlines(tree):
            assert each["t"] != "link" or SAFE.match(each["href"]), each
            assert each["t"] != "link" or not [one for one in inlines([p(*each["c"])]) if one["t"] == "link"]


@given(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_letter_of_an_agent_is_lost(text: str):
    letters = re.sub(r"\W|_", "", re.sub(r"(?m)^\s*\d+[.)]", "", text))
    shown = re.sub(r"\W|_", "", "".join(words(markdown_tree(text))))
    assert sorted(set(letters)) == sorted(set(letters) & set(shown))


def inlines(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for each in tree["c"] if isinstance(tree, dict) and "c" in tree else tree if isinstance(tree, list) else ():
        yield from inlines(each)


def words(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        yield from words(tree["s"] if "s" in tree else tree.get("c", []))
    else:
        for each in tree:
            yield from words(each)


def depth(tree: Any) -> int:
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return 1 + max(map(depth, parts), default=0)
