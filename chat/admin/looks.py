"""How an inbox looks: what is written of it, a preview of the chat before that is saved, and the lines for a site."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse

from chat import look, policy, speaking, views
from chat.models import Inbox

if TYPE_CHECKING:  # generic for the type checker only
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

LOOK = '{"accent": "#1f6f5c", "theme": "auto", "position": "end", "launcher": "round"}; see docs/look.md'
TEXTS = '{"greeting": "…", "de": {"greeting": "…"}}: for all languages, and for one; see docs/look.md'
PAIRS = {
    "look": 'Write pairs such as {"accent": "#1f6f5c"}: in braces, with double quotes.',
    "texts": 'Write pairs such as {"greeting": "Hello."}: in braces, with double quotes.',
    "policy": 'Write pairs such as {"resolved": "ask"}: in braces, with double quotes.',
}
# Scripts of the preview run in an origin of their own, without cookies and storage, and ask for nothing.
ALONE = "connect-src 'none'; sandbox allow-scripts"


class LookForm(ModelForm):
    class Meta:
        model = Inbox
        fields: tuple[str, ...] = ("name", "look", "texts", "policy")
        help_texts = {"look": LOOK, "texts": TEXTS}
        error_messages = {name: {"invalid": words} for name, words in PAIRS.items()}

    def clean_look(self) -> dict[str, Any]:
        return _without_faults(self.cleaned_data["look"] or {}, look.look_faults)

    def clean_texts(self) -> dict[str, Any]:
        return _without_faults(self.cleaned_data["texts"] or {}, look.text_faults)

    def clean_policy(self) -> dict[str, Any]:
        return _without_faults(self.cleaned_data["policy"] or {}, _unread)


def _unread(written: Any) -> list[str]:
    return [f"This cannot be read: {trouble}." for trouble in policy.read(written).troubles]


def _without_faults(written: Any, faults_of: Callable[[Any], list[str]]) -> dict[str, Any]:
    if faults := faults_of(written):
        raise ValidationError([ValidationError(fault) for fault in faults])
    kept: dict[str, Any] = written
    return kept


def preview(request: HttpRequest, inbox: Inbox) -> HttpResponse:
    """The chat and its launcher, as they are stored or, with a POST, as the form has them. Nothing is saved.

    What cannot be read stays as it is stored, and the page says why.
    """
    faults = list(_put_on(inbox, request.POST)) if request.method == "POST" else []
    context = views.chat_context(request, inbox)
    context["config"] |= {"begun": False, "still": True}  # whoever looks is typing beside it, and may be a visitor, too
    launcher = speaking.launcher(request, inbox) | {"theme": context["config"]["theme"]}
    context |= {"launcher": launcher, "faults": faults}
    response = views.page(request, "admin/chat/inbox/preview.html", context, ancestors="'self'")
    response["Content-Security-Policy"] += f", {ALONE}"  # both hold
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _put_on(inbox: Inbox, written: Any) -> Iterator[str]:
    form = LookForm(written, instance=inbox)
    for name, faults in form.errors.items():
        for fault in faults:
            yield str(fault) if name == NON_FIELD_ERRORS else f"{name}: {fault}"


def embed_snippet(request: HttpRequest, inbox: Inbox) -> str:
    """HTML for the end of a site's pages."""
    address = request.build_absolute_uri(f"/sdk.js?inbox={inbox.slug}")
    return (
        "<script>window.chatproxy = window.chatproxy || { q: [] };</script>\n"
        f'<script async src="{address}" data-inbox="{inbox.slug}"></script>\n'
    )
