"""What a visitor may answer to a form, a choice or a survey."""

from typing import Any

import pytest

from chat import wire


@pytest.mark.parametrize(
    "values",
    [
        [{"title": "A", "value": "a"}],
        [{"name": "email", "value": "a@b.c"}, {"name": "size", "value": 7}, {"name": "gift", "value": False}],
        {"value": "a@b.c"},
        {"value": None},
        {"value": 1.5},
        {"csat_survey_response": {"rating": 5, "feedback_message": "great"}},
        [{"value": "x" * 10_000}] * 100,
    ],
)
def test_an_answer_is_kept_as_it_was_given(values: Any):
    assert wire.validate_values(values) == values


def test_what_chatwoot_would_drop_is_not_kept():
    assert wire.validate_values([{"value": "a", "new_in_v2": {}}]) == [{"value": "a"}]
    rated = {"csat_survey_response": {"rating": 1, "assigned_agent_id": 7}}
    assert wire.validate_values(rated) == {"csat_survey_response": {"rating": 1, "feedback_message": ""}}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "values are objects"),
        ("a", "values are objects"),
        ([["a"]], "values are objects"),
        ([], "1 to 100 values"),
        ([{"value": "a"}] * 101, "1 to 100 values"),
        ({}, "empty"),
        ([{"value": "a"}, {"other": 1}], "empty"),
        ({"value": ["a"]}, "a value is text"),
        ({"value": {"value": {"value": "a"}}}, "a value is text"),
        ({"value": "x" * 10_001}, "longer than 10,000"),
        ({"name": "a\0"}, "cannot be stored"),
        ({"title": "\ud83d"}, "cannot be stored"),
        ({"value": float("nan")}, "too large"),
        ({"value": 10**400}, "too large"),
        ({"csat_survey_response": {"rating": 0}}, "1 to 5"),
        ({"csat_survey_response": {"rating": True}}, "1 to 5"),
        ({"csat_survey_response": [5]}, "1 to 5"),
        ({"csat_survey_response": {"rating": 5, "feedback_message": 5}}, "a value is text"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isprintable() else "values",
)
def test_an_answer_that_cannot_be_kept_is_refused_in_words(values: Any, words: str):
    with pytest.raises(wire.Refusal, match=words) as refused:
        wire.validate_values(values)
    assert (refused.value.code, refused.value.status) == ("answer_invalid", 422)
