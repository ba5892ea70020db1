"""What a person says of themselves, and what is held of them."""

import orjson
from django.http import HttpResponse
from ninja import Router

from chat.api.access import ApiRequest, Bearer
from chat.api.answers import answer
from chat.profile import Profile
from chat.wire import calls
from chat.wire.profile import ContactExport, ContactView, PatchContact

router = Router(tags=["contact"], auth=Bearer())


@router.get("", response={200: ContactView})
async def get_contact(request: ApiRequest) -> HttpResponse:
    """Who this session is, as far as they said."""
    return _answer(await request.conversations().people.show(request.auth.contact_id))


@router.patch("", response={200: ContactView, 409: calls.Error})
async def patch_contact(request: ApiRequest, body: PatchContact) -> HttpResponse:
    """Say more of oneself; answers with what was kept. Agents read it as name and custom attributes.

    Only the name and attributes named here change. E-mail and phone are shown to agents as unverified.
    """
    wanted = body.model_dump(exclude_unset=True)
    return _answer(await request.conversations().people.change(request.auth.contact_id, wanted=wanted))


@router.get("/export", response={200: ContactExport})
async def export_contact(request: ApiRequest) -> HttpResponse:
    """Everything that is held here of this person, as one document."""
    request.gate().export(request.auth.contact_id, request.auth.contact.inbox.slug)
    return answer(orjson.dumps(await request.conversations().people.export(request.auth.contact_id)))


@router.delete("", response={204: None})
async def erase_contact(request: ApiRequest) -> HttpResponse:
    """Erase this person here, for good: conversations, files, and all sessions, this one too.

    What agents have in Chatwoot stays there, unless the operator wants it deleted, too, which then takes a moment.
    """
    await request.conversations().people.erase(request.auth.contact_id)
    return HttpResponse(status=204)


def _answer(profile: Profile) -> HttpResponse:
    return answer(ContactView.model_validate(profile, from_attributes=True).model_dump_json().encode())
