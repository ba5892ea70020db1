"""A file comes as the body, and is answered with its id."""

from typing import Any

import pytest

from chat.wire import Code, Refusal


async def test_the_body_is_the_file(visitor: Any, feed: Any) -> None:
    content = b"\0" * 300_000  # more than the other calls take
    answered = await visitor.call("POST", "uploads?name=a%20b.png", content, content_type="image/png")
    assert answered.status_code == 201
    body = answered.json()
    assert (set(body), body["name"], body["size"]) == (
        {"id", "name", "size", "type", "width", "height"},
        "a b.png",
        300_000,
    )
    assert feed.calls == [("upload", "a b.png", content)]


@pytest.mark.parametrize(
    ("code", "status"),
    [(Code.FILE_TOO_BIG, 413), (Code.FILE_REFUSED, 415), (Code.FILE_EMPTY, 422), (Code.UNAVAILABLE, 503)],
)
async def test_a_refusal_is_said_in_words(visitor: Any, feed: Any, code: Code, status: int) -> None:
    feed.refusal = Refusal(code)
    answered = await visitor.call("POST", "uploads", b"x", content_type="application/octet-stream")
    assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)


async def test_nobody_uploads_without_a_session(anybody: Any, feed: Any) -> None:
    answered = await anybody.call("POST", "uploads", b"x", content_type="text/plain")
    assert (answered.status_code, feed.calls) == (401, [])


async def test_a_message_names_its_files(visitor: Any, feed: Any) -> None:
    path = "messages/6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    file_id = "7f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    assert (await visitor.call("PUT", path, {"text": "", "files": [file_id]})).status_code == 202
    assert [str(each) for each in feed.calls[0]] == ["send", "", file_id]
    assert (await visitor.call("PUT", path, {"text": ""})).json()["error"]["code"] == "text_empty"
    many = {"text": "x", "files": [f"{n:08d}-8b86-4d01-b42d-00cf4fc964ff" for n in range(11)]}
    assert (await visitor.call("PUT", path, many)).json()["error"]["code"] == "too_many_files"
