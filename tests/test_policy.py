"""What an operator decided about an inbox: read as far as it can be, and what cannot is told in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from chat import checks, policy
from chat.models import Chatwoot, Inbox

ASK = {
    "fields": [{"name": "email", "required": True}, {"attribute": "order", "label": "Order number"}],
    "consent": {"text": "I agree.", "link": "https://shop.example/privacy", "version": "2026-11"},
}
KEYS = ["ask", "fields", "consent", "suggestions", "resolved", "name", "attribute", "label", "text", "link"]
KEYS += ["team", "transcript", "labels", "erase_upstream"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_whatever_the_row_holds_it_is_read_and_what_is_left_is_well_formed(written: Any) -> None:
    decided = policy.read(written)
    assert len(decided.suggestions) <= 3
    assert all(field.label or field.kind != "attribute" for field in (decided.ask.fields if decided.ask else []))
    if decided.ask and decided.ask.consent and decided.ask.consent.link:
        assert decided.ask.consent.link.startswith(("http://", "https://"))


def test_fields_consent_and_suggestions_are_kept() -> None:
    decided = policy.read({"ask": ASK, "suggestions": ["Where is my order?"]})
    assert decided.troubles == []
    assert decided.suggestions == ["Where is my order?"]
    assert decided.ask is not None and decided.ask.consent is not None
    assert [(field.name, field.kind, field.required) for field in decided.ask.fields] == [
        ("email", "email", True),
        ("order", "attribute", False),
    ]
    assert decided.ask.consent.version == "2026-11"


def test_the_example_in_the_document_can_be_read() -> None:
    document = (Path(__file__).parents[1] / "docs/composer.md").read_text()
    decided = policy.read(json.loads(document.split("```json\n")[1].split("```")[0]))
    assert (decided.troubles, len(decided.suggestions)) == ([], 2)
    assert decided.ask is not None and len(decided.ask.fields) == 3


def test_nothing_written_asks_nothing() -> None:
    assert policy.read({}) == (None, [], "reopen", True, "never", [], False, [])


def test_labels_and_the_switch_for_erasing_are_read() -> None:
    decided = policy.read({"labels": ["vip", "größe_2", "vip"], "erase_upstream": True})
    assert (decided.labels, decided.erases_upstream, decided.troubles) == (["vip", "größe_2"], True, [])
    assert policy.labels({"labels": ["vip", "Not Small", 7]}) == ["vip"]


@pytest.mark.parametrize(
    ("written", "trouble"),
    [
        ([], "write an object"),
        ({"asks": {}}, "there is no 'asks'"),
        ({"ask": {"fields": [{"name": "iban"}]}}, 'ask, field 1: "name" is name, email or phone'),
        ({"ask": {"fields": [{"name": "email"}, {"name": "email"}]}}, "ask, field 2: email is asked twice"),
        ({"ask": {"fields": [{"name": "email", "required": "yes"}]}}, '"required" is true or false'),
        ({"ask": {"fields": [{"attribute": "unverified email", "label": "x"}]}}, '"attribute" is a key'),
        ({"ask": {"fields": [{"attribute": "consent", "label": "x"}]}}, '"attribute" is a key'),
        ({"ask": {"fields": [{"attribute": "order"}]}}, "label is text of up to 80 characters"),
        ({"ask": {"fields": [{"name": "email"}] * 9}}, "at most 8 fields"),
        ({"ask": {"consent": {"text": "Yes", "link": "javascript:alert(1)"}}}, '"link" is an address'),
        ({"ask": {"consent": {"text": "Yes", "link": "https://a b/"}}}, '"link" is an address'),
        ({"ask": {"consent": {"link": "https://shop.example"}}}, "consent: text is text"),
        ({"suggestions": ["a", "b", "c", "d"]}, "at most 3 suggestions"),
        ({"suggestions": "Where?"}, "suggestions are a list"),
        ({"suggestions": ["x" * 81]}, "suggestion 1"),
        ({"resolved": "never"}, "resolved is one of reopen, new, ask"),
        ({"team": 1}, "team is true or false"),
        ({"transcript": True}, "transcript is one of never, own, any"),
        ({"labels": "vip"}, "labels are a list of up to 20"),
        ({"labels": ["vip"] * 21}, "labels are a list of up to 20"),
        ({"labels": ["VIP"]}, "label 'VIP': it has small letters"),
        ({"labels": [{}]}, "label {}: it has small letters"),
        ({"erase_upstream": 1}, "erase_upstream is true or false"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(written: Any, trouble: str) -> None:
    assert any(trouble in each for each in policy.read(written).troubles), policy.read(written).troubles


def test_one_wrong_field_costs_no_other() -> None:
    decided = policy.read({"ask": {"fields": [{"name": "iban"}, {"name": "phone"}]}, "suggestions": ["Hello?"]})
    assert decided.ask is not None
    assert [field.name for field in decided.ask.fields] == ["phone"]
    assert decided.suggestions == ["Hello?"]


@pytest.mark.django_db
def test_operators_are_shown_a_row_that_is_wrong() -> None:
    chatwoot = Chatwoot.objects.create(url="https://chatwoot.example", cable_url="wss://chatwoot.example/cable")
    inbox = Inbox(slug="main", chatwoot=chatwoot, inbox_identifier="abc", policy={"suggestions": "Where?"})
    with pytest.raises(ValidationError, match="The policy of inbox main cannot be read: suggestions are a list"):
        inbox.clean()
    inbox.save()
    assert [each.id for each in checks.policies_are_read()] == ["chat.W005"]
    Inbox.objects.update(policy={"ask": ASK})
    assert checks.policies_are_read() == []


@pytest.mark.parametrize(
    "written", [{"team": "yes", "transcript": "everybody"}, {"team": 0, "transcript": ["any"]}, []]
)
def test_what_is_unclear_tells_visitors_less(written: Any) -> None:
    decided = policy.read(written)
    assert (decided.team, decided.transcript) == (False, "never")
