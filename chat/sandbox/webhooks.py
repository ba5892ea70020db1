"""One POST per event, 5 s, never repeated; a failing one marks its message as failed (contract §5)."""

import httpx
import orjson

from chat.sandbox.entities import JSON

TIMEOUT_S = 5.0
USER_AGENT = "rest-client/2.1.0 (linux-gnu x86_64) ruby/3.4.4p34"


async def deliver(client: httpx.AsyncClient, url: str, body: JSON) -> str | None:
    """What went wrong in Chatwoot's words, or None."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        answer = await client.post(url, content=orjson.dumps(body), headers=headers, timeout=TIMEOUT_S)
    except httpx.TimeoutException:
        return "Timed out reading data from server"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__
    return None if 200 <= answer.status_code <= 207 else f"{answer.status_code} {answer.reason_phrase}"
