"""Columns that are encrypted at rest: a stolen database file or backup holds no secret of Chatwoot's."""

from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]  # generic for the type checker only
else:
    _TextField = models.TextField

DUMPED = "encrypted:"  # what begins so in a file of `dumpdata` is for our keys


class UnknownKey(ValueError):
    """What is stored was encrypted with a key that is not, or no longer, in ``settings.FIELD_KEYS``."""


@cache
def _keyring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def renewed(stored: str) -> str | None:
    """The same text under the first key; None when it already is. Raises UnknownKey, which quotes nothing."""
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(stored.encode())
    except InvalidToken:
        try:
            return _keyring().rotate(stored.encode()).decode()
        except InvalidToken:
            raise UnknownKey("a value was encrypted with a key not in FIELD_KEYS") from None
    return None


def encrypted(text: str) -> str:
    return _keyring().encrypt(text.encode()).decode()


def decrypted(stored: str, name: str) -> str:
    """Raises UnknownKey, which quotes the column's name alone."""
    if not stored:
        return stored
    try:
        return _keyring().decrypt(stored.encode()).decode()
    except InvalidToken:
        raise UnknownKey(f"{name} was encrypted with a key not in FIELD_KEYS") from None


class EncryptedTextField(_TextField):
    """Text encrypted with the first of ``settings.FIELD_KEYS``; the other keys only decrypt (for rotation).

    The stored value differs at each write, so it can be neither filtered nor unique. `dumpdata` writes it encrypted,
    too, and `loaddata` reads that.
    """

    def get_prep_value(self, value: Any) -> Any:
        return value if value in (None, "") else encrypted(str(value))  # Django's would ask to_python

    def to_python(self, value: Any) -> Any:
        """Of a file, or what an operator wrote; nothing else comes through here."""
        text = super().to_python(value)
        if not isinstance(text, str) or not text.startswith(DUMPED):
            return text
        try:
            return decrypted(text.removeprefix(DUMPED), f"{self.model.__name__}.{self.name}")
        except UnknownKey as unknown:
            raise ValidationError(str(unknown)) from None

    def value_to_string(self, obj: models.Model) -> str:
        text: str = self.value_from_object(obj)
        return text and DUMPED + encrypted(text)

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return value if value is None else decrypted(value, f"{self.model.__name__}.{self.name}")
