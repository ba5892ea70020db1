"""Finding an article: by beginnings of words, without accents, the best first; and what is too much to be held."""

import pytest

from chat.articles import MOST_ARTICLES, MOST_CHARACTERS, MOST_WORDS, Articles, folded
from chat.chatwoot.portal import Article


def article(number: int, title: str, description: str = "", content: str = "") -> Article:
    return Article(id=number, title=title, description=description, content=content)


SHELF = Articles(
    [
        article(1, "Send it back", "30 days", "Write to us, and put the order into its box."),
        article(2, "Track your order", "", "You get a number to follow."),
        article(3, "Größe wählen", "Ein Café in Husum", "Messen Sie den Umfang."),
        article(4, "配送について", "", "ご注文から六日で発送します。"),
        article(5, "سياسة الإرجاع", "", "يمكنك إرجاع الطلب خلال ثلاثين يومًا."),
    ],
    lambda number: f"id-{number}",
)


def found(query: str, most: int = 20) -> list[str]:
    return [each.id for each in SHELF.search(query, most)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order", ["id-2", "id-1"]),  # in the title before in the text
        ("ORD", ["id-2", "id-1"]),
        ("rder", []),  # words begin so
        ("where is my order", ["id-2", "id-1"]),  # as many of the words as there are
        ("order box", ["id-1"]),
        ("send", ["id-1"]),
        ("grosse", ["id-3"]),
        ("größe", ["id-3"]),
        ("cafe", ["id-3"]),
        ("発送", ["id-4"]),
        ("إرجاع", ["id-5"]),  # also behind its article
        ("ارجاع", ["id-5"]),
        ("is", []),
        ("***", []),
        ("zebra", []),
    ],
)
def test_what_is_found(query: str, expected: list[str]) -> None:
    assert found(query) == expected


def test_a_short_word_counts_whole_unless_it_is_still_being_written() -> None:
    assert found("it back") == ["id-1"]
    assert found("yo") == ["id-2"]
    assert found("yo number") == ["id-2"]


def test_the_description_counts_more_than_the_text_and_only_the_first_words_of_a_search_count() -> None:
    shelf = Articles([article(1, "a", "", "lamp"), article(2, "b", "lamp")], str)
    assert [each.id for each in shelf.search("lamp", 9)] == ["2", "1"]
    assert [each.id for each in shelf.search("lamp " * MOST_WORDS + "a", 9)] == ["2", "1"]


def test_two_letters_are_short() -> None:
    shelf = Articles([article(1, "ab cde"), article(2, "abc cde")], str)
    assert [each.id for each in shelf.search("ab cde", 9)] == ["1"]


def test_only_so_many_are_shown() -> None:
    assert found("order", most=1) == ["id-2"]
    assert [each.id for each in SHELF.top(2)] == ["id-1", "id-2"]


def test_one_is_found_by_our_id_alone() -> None:
    shown = SHELF.get("id-2")
    assert shown is not None and shown.title == "Track your order"
    assert SHELF.get("2") is None


def test_what_is_too_much_is_left_out_from_the_end_and_counted() -> None:
    many = Articles(article(number, "x") for number in range(MOST_ARTICLES + 3))
    assert (len(many), many.left_out) == (MOST_ARTICLES, 3)
    long = Articles([article(1, "a"), article(2, "b", content="x" * MOST_CHARACTERS), article(3, "c")])
    assert long.left_out == 2 and len(long) == 1


def test_nothing_is_found_in_nothing() -> None:
    assert not Articles()
    assert Articles().search("order", 20) == []


def test_case_and_accents_do_not_count() -> None:
    assert folded("Straße ÉTÉ naïve") == "strasse ete naive"
