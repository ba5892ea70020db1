"""An article's Markdown as a tree: pictures are words, what is hidden is no link, and long ones come whole."""

from pydantic import TypeAdapter

from chat.markdown import article_tree, plain_text
from chat.wire.tree import Tree

TREE = TypeAdapter(Tree)


def tree(text: str) -> Tree:
    return TREE.validate_python(article_tree(text, hides=lambda href: "secret" in href))


def test_a_picture_is_what_describes_it_and_nothing_without_that() -> None:
    assert tree("![A *red* box](https://x.example/a.png)") == [{"t": "p", "c": ["A red box"]}]
    assert tree("![](https://x.example/a.png)\n\nText") == [{"t": "p", "c": ["Text"]}]
    linked = tree("[![Box](https://x.example/a.png)](https://shop.example/)")
    assert linked == [{"t": "p", "c": [{"t": "link", "href": "https://shop.example/", "c": ["Box"]}]}]


def test_a_hidden_link_is_its_words() -> None:
    text = "[here](https://secret.example/) and [there](https://shop.example/)"
    there = {"t": "link", "href": "https://shop.example/", "c": ["there"]}
    assert tree(text) == [{"t": "p", "c": ["here", " and ", there]}]


def test_a_bare_address_that_is_hidden_is_left_out() -> None:
    there = {"t": "link", "href": "https://shop.example/", "c": ["https://shop.example/"]}
    assert tree("See https://secret.example/a, or https://shop.example/") == [
        {"t": "p", "c": ["See ", "…", ", or ", there]}
    ]
    assert tree("[https://secret.example/](https://secret.example/)") == [{"t": "p", "c": ["…"]}]
    deep = "- **https://secret.example/**\n\n> [https://secret.example/](https://shop.example/)\n\n" + "x" * 11_000
    assert "secret" not in str(tree(deep + " https://secret.example/"))


def test_a_link_in_a_list_or_a_quote_is_hidden_as_well() -> None:
    assert "link" not in str(tree("- [a](https://secret.example/)\n\n> [b](https://secret.example/)"))


def test_a_long_article_is_parsed_part_by_part() -> None:
    part = "## Heading\n\n" + "word **bold** " * 300 + "\n\n"
    parsed = tree(part * 20)
    assert len(part * 20) > 50_000
    assert sum(block == {"t": "p", "c": [{"t": "strong", "c": ["Heading"]}]} for block in parsed) == 20
    assert "**" not in plain_text(parsed)


def test_a_part_that_the_parser_would_not_take_comes_as_typed() -> None:
    parsed = tree("# First\n\n" + "x" * 12_000 + "\n\n# Second\n\n**bold**")
    assert [block["t"] for block in parsed][-2:] == ["p", "p"]
    assert parsed[-1] == {"t": "p", "c": [{"t": "strong", "c": ["bold"]}]}
    assert plain_text(tree("> " * 60 + "deep")).strip() != ""


def test_a_heading_within_code_is_no_heading() -> None:
    code = {"t": "code", "s": "# not one", "lang": "sh"}
    assert tree("```sh\n# not one\n```") == [code]


def test_nothing_is_nothing() -> None:
    assert tree("") == tree("\n \n") == []
