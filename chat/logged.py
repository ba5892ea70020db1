"""What Django is to say nothing of."""

from django.http import HttpResponse


def logged(response: HttpResponse) -> HttpResponse:
    """In the log already, or not to be there: Django would log its status, with the address that was asked for."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
    return response
