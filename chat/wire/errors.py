"""The one shape of an error outward: ``{"error": {"code", "message"}}``."""

import math
from enum import StrEnum
from typing import NotRequired, TypedDict


class Code(StrEnum):
    BAD_FRAME = "bad_frame"
    BAD_REQUEST = "bad_request"
    NOT_JSON = "not_json"
    UNKNOWN_TOKEN = "unknown_token"
    BAD_IDENTITY = "bad_identity"
    IDENTITY_REQUIRED = "identity_required"
    CONSENT_REQUIRED = "consent_required"
    FOREIGN_ORIGIN = "foreign_origin"
    NO_SUCH_INBOX = "no_such_inbox"
    NO_SUCH_CONVERSATION = "no_such_conversation"
    NO_SUCH_MESSAGE = "no_such_message"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TEXT_EMPTY = "text_empty"
    TEXT_TOO_LONG = "text_too_long"
    TEXT_INVALID = "text_invalid"
    TOO_BIG = "too_big"
    FILE_TOO_BIG = "file_too_big"
    FILE_EMPTY = "file_empty"
    FILE_REFUSED = "file_refused"
    NO_SUCH_FILE = "no_such_file"
    FILE_UNREACHABLE = "file_unreachable"
    RANGE_INVALID = "range_invalid"
    TOO_MANY_FILES = "too_many_files"
    ANSWER_INVALID = "answer_invalid"
    PROFILE_INVALID = "profile_invalid"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    LABEL_REFUSED = "label_refused"
    UNSUPPORTED = "unsupported"
    NO_QUESTION = "no_question"
    NO_TRANSCRIPT = "no_transcript"
    NOT_LOST = "not_lost"
    ECHO_ID_MISMATCH = "echo_id_mismatch"
    TOO_MANY_WAITING = "too_many_waiting"
    TOO_FAST = "too_fast"
    BLOCKED = "blocked"
    CHALLENGED = "challenged"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"


# HTTP status and what a person is told.
ANSWERS: dict[Code, tuple[int, str]] = {
    Code.BAD_FRAME: (400, "This frame could not be read."),
    Code.BAD_REQUEST: (422, "This request could not be read."),
    Code.NOT_JSON: (415, "Send JSON, with Content-Type: application/json."),
    Code.UNKNOWN_TOKEN: (401, "This session has ended or was never begun."),
    Code.BAD_IDENTITY: (401, "This sign-in is not valid, or not any more."),
    Code.IDENTITY_REQUIRED: (403, "Sign in first: this chat is for people whom its site knows."),
    Code.CONSENT_REQUIRED: (403, "Please agree first to what this chat asks; then this can be sent."),
    Code.FOREIGN_ORIGIN: (403, "This site may not use this chat."),
    Code.NO_SUCH_INBOX: (404, "There is no chat at this address."),
    Code.NO_SUCH_CONVERSATION: (404, "There is no such conversation."),
    Code.NO_SUCH_MESSAGE: (404, "There is no such message."),
    Code.NOT_FOUND: (404, "There is nothing at this address."),
    Code.METHOD_NOT_ALLOWED: (405, "This address does not take this method."),
    Code.TEXT_EMPTY: (422, "The message is empty."),
    Code.TEXT_TOO_LONG: (422, "The message is longer than 10,000 characters."),
    Code.TEXT_INVALID: (422, "The message contains characters that cannot be stored."),
    Code.TOO_BIG: (413, "This is more than 64 KiB."),
    Code.FILE_TOO_BIG: (413, "This file is too big."),
    Code.FILE_EMPTY: (422, "This file is empty."),
    Code.FILE_REFUSED: (415, "Send a picture, a PDF, plain text, sound or film; this file is none of these."),
    Code.NO_SUCH_FILE: (404, "There is no such file, or it was sent already."),
    Code.FILE_UNREACHABLE: (502, "This file cannot be had from here."),
    Code.RANGE_INVALID: (416, "The file has no such part."),
    Code.TOO_MANY_FILES: (422, "A message holds up to 10 different files."),
    Code.ANSWER_INVALID: (422, "This answer cannot be sent."),
    Code.PROFILE_INVALID: (422, "This cannot be kept."),
    Code.TOO_MANY_ATTRIBUTES: (409, "There are at most 20 attributes; forget some first."),
    Code.LABEL_REFUSED: (409, "This chat does not take this label."),
    Code.UNSUPPORTED: (409, "This chat cannot do this."),
    Code.NO_QUESTION: (409, "This message does not ask for an answer."),
    Code.NO_TRANSCRIPT: (409, "This conversation cannot be sent by e-mail."),
    Code.NOT_LOST: (409, "This message was delivered, or is still being sent."),
    Code.ECHO_ID_MISMATCH: (422, "This echo_id was already used for another message."),
    Code.TOO_MANY_WAITING: (429, "Too many messages are still waiting to be delivered."),
    Code.TOO_FAST: (429, "Too much at once; please wait a moment."),
    Code.BLOCKED: (403, "This chat is not available to you."),
    Code.CHALLENGED: (403, "Please show first that you are no machine."),
    Code.UNAVAILABLE: (503, "The chat is not available right now."),
    Code.FAULT: (500, "Something went wrong on our side."),
}


RETRY_AFTER_S: dict[Code, float] = {Code.TOO_FAST: 1, Code.TOO_MANY_WAITING: 10}  # where nobody knows better


class Detail(TypedDict):
    code: str
    message: str
    retry_after: NotRequired[int]


class ErrorBody(TypedDict):
    """What every error answer looks like, over HTTP and inside frames."""

    error: Detail


class Refusal(Exception):
    """Something asked for is not done, and nothing else happened.

    ``message`` is in plain words, for a person; ``status`` is its HTTP status. ``retry_after``: whole seconds after
    which the same may be asked for again with success; None where waiting alone does not help.
    """

    def __init__(self, code: Code | str, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        self.code = Code(code)
        self.status, default = ANSWERS[self.code]
        self.message = default if message is None else message
        after_s = RETRY_AFTER_S.get(self.code) if retry_after_s is None else retry_after_s
        self.retry_after = None if after_s is None else max(1, math.ceil(after_s))
        super().__init__(f"{self.code}: {self.message}")

    @property
    def body(self) -> ErrorBody:
        detail: Detail = {"code": self.code.value, "message": self.message}
        if self.retry_after is not None:
            detail["retry_after"] = self.retry_after
        return {"error": detail}
