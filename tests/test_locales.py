"""Which language a visitor is spoken to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import locales
from chat.locales import Speech, choose
from chat.outcome import NOT_ACCEPTED, NOT_DELIVERED
from chat.wire.errors import Code

# What only programs meet: a page of ours does nothing that is answered so, or does by itself what helps.
FOR_PROGRAMS = {
    *("bad_frame", "bad_request", "not_json", "not_found", "method_not_allowed", "range_invalid", "echo_id_mismatch"),
    *("unknown_token", "foreign_origin", "no_such_inbox", "not_lost", "profile_invalid", "too_many_attributes"),
    *("label_refused", "unsupported"),
}


@pytest.mark.parametrize(
    ("wishes", "accepted", "speech"),
    [
        (["de"], "", Speech("de", "de")),
        (["de-AT"], "fr", Speech("de", "de-AT")),
        (["DE-at"], "", Speech("de", "de-AT")),
        (["de"], "fr, de-CH;q=0.5", Speech("de", "de-CH")),
        (["pt"], "", Speech("pt-BR", "pt")),
        (["pt-PT"], "", Speech("pt-BR", "pt-PT")),
        (["zh-Hant-TW"], "", Speech("zh", "zh-Hant-TW")),
        (["iw"], "", Speech("he", "he")),
        (["en-GB-oxendict"], "", Speech("en", "en-GB")),
        (["", "fa"], "de", Speech("fa", "fa")),
        (["sw", ""], "sw, ar-EG;q=0.8, de;q=0.9", Speech("de", "de")),
        ([], "de;q=0, fr;q=0.1, *", Speech("fr", "fr")),
        ([], "*", Speech("en", "en")),
        ([], "de;q=nonsense, fr", Speech("fr", "fr")),
        (["../../sdk", "de/../fr", "d e"], "", Speech("en", "en")),
    ],
)
def test_the_first_wish_that_can_be_met_is(wishes: list[str], accepted: str, speech: Speech) -> None:
    assert choose(*wishes, accepted=accepted) == speech


def test_what_else_is_spoken_comes_last() -> None:
    assert choose("sw", accepted="sw", otherwise="fr") == Speech("fr", "fr")
    assert choose(otherwise="sw") == Speech("en", "en")


def test_some_languages_run_the_other_way() -> None:
    assert [language for language in locales.languages() if Speech(language, "").direction == "rtl"] == [
        "ar",
        "fa",
        "he",
    ]


@given(st.text(max_size=200), st.text(max_size=3000))
def test_whatever_a_stranger_asks_for_there_is_a_language_and_a_plain_tag(wish: str, accepted: str) -> None:
    speech = choose(wish, accepted=accepted)
    assert speech.language in locales.languages()
    assert speech.locale.isascii() and speech.locale.replace("-", "").isalnum()


def test_a_phrase_that_a_catalogue_lacks_is_said_in_english() -> None:
    assert locales.phrase("de", "launcher.open") == "Chat öffnen"
    assert locales.phrase("de", "launcher.no_such") is None
    assert locales.phrase("de", "launcher.open.deeper") is None


def test_every_reason_that_a_visitor_may_meet_has_words() -> None:
    reasons = set(locales.catalogue("en")["reasons"])
    assert reasons == ({code.value for code in Code} - FOR_PROGRAMS) | {NOT_ACCEPTED, NOT_DELIVERED}
