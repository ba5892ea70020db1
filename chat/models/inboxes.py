"""The inboxes, each a site that embeds the chat."""

import re
import secrets
from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from chat import policy
from chat.fields import EncryptedTextField
from chat.limits import BadLimit
from chat.models.servers import Chatwoot

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+")  # it stands in a path; Chatwoot's are 24 letters and digits
TOKENS = ("hmac_token", "bot_token", "agent_token")
OF_ITS_CHATWOOT = (*TOKENS, "canary_token")  # no other one is to see them
OF_ITS_INBOX = ("account_id", "chatwoot_inbox_id")


class Inbox(models.Model):
    """One API inbox of a Chatwoot, and the site that embeds it."""

    slug = models.SlugField(unique=True, help_text="public name, part of the chat page's address")
    name = models.CharField(max_length=255, blank=True)
    chatwoot = models.ForeignKey(Chatwoot, models.PROTECT, related_name="inboxes")
    chatwoot_inbox_id = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="learnt from Chatwoot's answers"
    )
    account_id = models.BigIntegerField(null=True, blank=True, help_text="Chatwoot's number of the account")
    inbox_identifier = EncryptedTextField()
    hmac_token = EncryptedTextField(blank=True, default="")
    bot_token = EncryptedTextField(blank=True, default="", help_text="of an agent bot: may write into all its account")
    agent_token = EncryptedTextField(
        blank=True,
        default="",
        db_default="",
        help_text="of an agent who is a member of the inbox: may do there what they may",
    )
    portal = models.SlugField(
        blank=True,
        default="",
        db_default="",
        help_text="of the help centre: the name after /hc/ in its address; empty: none",
    )
    portal_url = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="where people read it, if that is not Chatwoot's address, such as https://help.example.com",
    )
    marker_off = models.CharField(max_length=255, blank=True, default="", help_text="why the bot token is not used")
    identity_secret = EncryptedTextField(blank=True, default="", help_text="with which the site signs who somebody is")
    identity_secret_old = EncryptedTextField(blank=True, default="", help_text="the one before it, still accepted")
    legacy_identity = models.BooleanField(default=True, help_text="accept identifier_hash, which never expires")
    claims_once = models.BooleanField(default=False, help_text="each identity token works only once, by its jti")
    requires_identity = models.BooleanField(default=False, help_text="nobody may chat without having signed in")
    trusts_claims = models.BooleanField(
        default=False, help_text="e-mail and phone number that the site signed may join contacts in Chatwoot"
    )
    canary_source_id = EncryptedTextField(blank=True, default="", editable=False)
    canary_token = EncryptedTextField(blank=True, default="", editable=False)
    allowed_origins = models.JSONField(
        default=list, blank=True, help_text='origins that may embed the chat, ["https://…"]'
    )
    look = models.JSONField(default=dict, blank=True, help_text='{"accent": "#…"}')
    texts = models.JSONField(default=dict, blank=True, help_text='{"greeting": "…"}')
    policy = models.JSONField(
        default=dict, blank=True, help_text="what is asked first, and suggestions; see docs/composer.md"
    )
    limits = models.JSONField(
        default=dict, blank=True, help_text='instead of the defaults, {"messages": "40/min:20"}; see docs/abuse.md'
    )
    capped = models.CharField(
        max_length=40, blank=True, default="", editable=False, help_text="the daily limit that was reached last"
    )
    capped_at = models.BigIntegerField(default=0, editable=False, help_text="when that was, ms")
    hook_secret = EncryptedTextField(
        blank=True, default="", editable=False, help_text="in the address that Chatwoot's webhook is given"
    )
    told = models.JSONField(default=dict, editable=False, help_text="what Chatwoot told last: name, hours, zone, csat")
    told_at = models.BigIntegerField(default=0, editable=False, help_text="when it was asked last, ms")
    team = models.JSONField(
        default=list, db_default=[], editable=False, help_text="some of its agents, for visitors: name, avatar"
    )
    team_at = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="when they were asked for last, ms"
    )
    attribute_keys = models.JSONField(
        default=list, blank=True, help_text='attributes that visitors may set, ["plan"]; empty: any'
    )
    locks_to_single = models.BooleanField(
        default=False, editable=False, help_text="learnt: one conversation per contact"
    )
    paused_until = models.BigIntegerField(default=0, editable=False, help_text="no delivery before this time, ms")

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return self.name or self.slug

    def clean(self) -> None:
        """Raises ValidationError: a wrong identifier, or a move that would strand what was said so far."""
        if not IDENTIFIER.fullmatch(self.inbox_identifier):
            raise ValidationError(f"The identifier of inbox {self.slug} has other signs than letters, digits, _ and -")
        try:
            settings.LIMITS.over(self.limits)
        except (BadLimit, AttributeError) as bad:
            raise ValidationError(f"The limits of inbox {self.slug} cannot be read: {bad}") from None
        if self.portal_url and not _is_address(self.portal_url):
            raise ValidationError(
                f"The address of the help centre of inbox {self.slug} cannot be read: write one such as "
                "https://help.example.com"
            )
        if troubles := policy.read(self.policy).troubles:
            raise ValidationError(f"The policy of inbox {self.slug} cannot be read: {'; '.join(troubles)}")
        if self._moves_from(self._stored()) and self.conversations.exclude(chatwoot_id=None).exists():
            raise ValidationError(
                f"Inbox {self.slug} has conversations in another inbox of Chatwoot: they would get no more answers. "
                "Use another slug for the new one; a Chatwoot that only has a new address is changed in the "
                "admin, and its tokens are written again there"
            )

    def save(self, *, given: Container[str] = (), **options: Any) -> None:
        """``given``: columns that are said of the inbox it is from now on, even if they were the same before."""
        before = self._stored()
        if before:
            self._forget(before, given)
        if before and (self._moves_from(before) or self.agent_token != before.agent_token):
            self.team, self.team_at = [], 0  # perhaps those of another one, and asked for anew
        super().save(**options)

    @property
    def bot_serves(self) -> bool:
        """There is a bot token, and it may be used."""
        return bool(self.bot_token) and self.account_id is not None and not self.marker_off

    @property
    def agent_serves(self) -> bool:
        """There is an agent's token, and the account in which it may do something is known."""
        return bool(self.agent_token) and self.account_id is not None

    def renew_hook_secret(self) -> str:
        """A new path for Chatwoot's webhook; the former one leads nowhere from now on."""
        self.hook_secret = secrets.token_urlsafe(32)
        self.save(update_fields=["hook_secret"])
        return f"/hooks/chatwoot/{self.slug}/{self.hook_secret}"

    def forget_tokens(self) -> bool:
        """Its Chatwoot is somewhere else from now on. False: there were none that somebody has to write again."""
        had = any(getattr(self, name) for name in TOKENS)
        for name in OF_ITS_CHATWOOT:
            setattr(self, name, "")
        self.save(update_fields=[*OF_ITS_CHATWOOT, "team", "team_at"])
        return had

    def _stored(self) -> "Inbox | None":
        return Inbox.objects.filter(pk=self.pk).first()

    def _moves_from(self, before: "Inbox | None") -> bool:
        now = (self.chatwoot_id, self.inbox_identifier)
        return before is not None and (before.chatwoot_id, before.inbox_identifier) != now

    def _forget(self, before: "Inbox", given: Container[str]) -> None:
        """On a move, what was said and learnt of the one before, unless it changes in the same save."""
        leaves = OF_ITS_CHATWOOT if self.chatwoot_id != before.chatwoot_id else ()
        for name in (*leaves, *(OF_ITS_INBOX if self._moves_from(before) else ())):
            if name not in given and getattr(self, name) == getattr(before, name):
                setattr(self, name, None if name in OF_ITS_INBOX else "")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in text and parts.port != 0
    except ValueError:
        return False


def upsert_inbox(*, slug: str, url: str, cable_url: str, **values: Any) -> Inbox:
    """The inbox that the environment describes, as a row. Called at start; an operator's other columns are kept.

    Raises ValidationError (``Inbox.clean``).
    """
    chatwoot, _ = Chatwoot.objects.update_or_create(url=url, defaults={"cable_url": cable_url})
    said = {"chatwoot": chatwoot, **values}
    inbox = Inbox.objects.filter(slug=slug).first() or Inbox(slug=slug)
    for name, value in said.items():
        setattr(inbox, name, value)
    inbox.clean()
    inbox.save(given=said)
    return inbox
