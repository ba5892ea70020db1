"""What strangers, agents and bots may put into a chat executes nothing and breaks no policy, wherever it stands.

The page runs under its real Content-Security-Policy with Trusted Types; `context` fails on whatever it reports.
"""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat.markdown import markdown_tree, plain_tree
from tests.fixtures.browser import PlayedServer
from tests.fixtures.rich_messages import PlayedFiles, answered, file

pytestmark = pytest.mark.browser

# After OWASP's cheat sheet for filter evasion, and what Markdown parsers have let through.
PAYLOADS = [
    "<script>boom()</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=boom()>",
    "<img src=x onerror=&#98;oom()//",
    "<IMG SRC=`javascript:boom()`>",
    '<IMG """><SCRIPT>boom()</SCRIPT>">',
    "<svg onload=boom()>",
    "<svg><animate onbegin=boom() attributeName=x dur=1s>",
    "<svg><script>boom()</script></svg>",
    "<body onload=boom()>",
    "<iframe src=javascript:boom()></iframe>",
    '<iframe srcdoc="<script>parent.boom()</script>"></iframe>',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=boom()>",
    "<details open ontoggle=boom()>",
    "<input autofocus onfocus=boom()>",
    "<video><source onerror=boom()></video>",
    "<object data=javascript:boom()>",
    "<embed src=data:text/html;base64,PHNjcmlwdD5ib29tKCk8L3NjcmlwdD4=>",
    "<base href=javascript:boom()//>",
    "<link rel=stylesheet href=javascript:boom()>",
    "<style>@import'javascript:boom()';*{background:url(javascript:boom())}</style>",
    "<meta http-equiv=refresh content='0;url=javascript:boom()'>",
    "<table background=javascript:boom()>",
    "<div style='width:expression(boom())' onmouseover=boom()>x</div>",
    "<a href=javascript:boom()>x</a>",
    "<noscript><p title='</noscript><img src=x onerror=boom()>'>",
    "<template><script>boom()</script></template>",
    "<form action=javascript:boom()><button>x</button></form>",
    "<isindex type=image src=1 onerror=boom()>",
    "\"><img src=x onerror=boom()>",
    "'-boom()-'",
    "\\u003cscript\\u003eboom()\\u003c/script\\u003e",
    "${boom()}{{constructor.constructor('boom()')()}}",
    "<!--<img src=--><img src=x onerror=boom()>-->",
    "<![CDATA[<script>boom()</script>]]>",
    "[x](javascript:boom())",
    "[x](JaVaScRiPt:boom())",
    "[x](java\tscript:boom())",
    "[x](&#106;avascript:boom())",
    "[x](javascript&colon;boom())",
    "[x](\x01javascript:boom())",
    "[x](data:text/html,<script>boom()</script>)",
    "[x](vbscript:boom())",
    "[x](//evil.example)",
    "[x](https://ok.example \"onmouseover=boom()\")",
    "![x](javascript:boom())",
    '![x"onerror="boom()](https://evil.example/x.png)',
    "<javascript:boom()>",
    "<https://ok.example/'onmouseover='boom()>",
    "[a]: javascript:boom()\n\n[a]",
    "```html\n<script>boom()</script>\n```",
    "`<img src=x onerror=boom()>`",
    "> <script>boom()</script>",
    "javascript:boom()",
    "data:text/html,<script>boom()</script>",
    "\u202egnp.exe <b onclick=boom()>",
]  # fmt: skip


def told(payload: str) -> dict[str, dict[str, Any]]:
    """Attributes by content type, as a server would send them that reads nothing."""
    option = {"title": payload, "label": payload, "value": payload}
    field = {"name": payload, "type": payload, "label": payload, "placeholder": payload, "default": payload}
    select = {"name": "s", "type": "select", "label": payload, "options": [option]}
    actions = [{"type": "link", "text": payload, "uri": payload}, {"type": "postback", "text": payload}]
    card = {"title": payload, "description": payload, "media_url": payload, "actions": actions}
    rating = {"csat_survey_response": {"rating": 3, "feedback_message": payload}}
    return {
        "input_select": {"items": [option]},
        "form": {"items": [field | {"pattern": payload}, select]},
        "cards": {"items": [card]},
        "article": {"items": [{"title": payload, "description": payload, "link": payload}]},
        "input_csat": {"display_type": payload} | answered(rating),
        payload[:20]: {},
    }


def rows(played: PlayedServer, payload: str) -> list[dict[str, Any]]:
    """The payload everywhere that others write, also where our server would have stopped it."""
    say = played.message
    sender = {"name": payload, "avatar": None, "kind": "agent"}
    tree = list(markdown_tree(payload))
    shown = [say(tree, sender=sender, content_type=kind, attributes=each) for kind, each in told(payload).items()]
    quote = {"reply_to": {"id": shown[0]["id"], "text": payload, "own": False}}
    raw = [{"t": "p", "c": [{"t": "link", "href": payload, "c": [payload]}]}, {"t": payload, "c": [payload]}]
    files = [file(kind, payload) for kind in ("file", "location", payload[:20])]
    failed = {"items": []} | answered([{"title": payload, "value": payload}], "failed")
    return [
        *shown,
        say(raw, sender=sender, attributes=quote, attachments=files),
        say(list(plain_tree(payload)), own=True, reason=payload),
        say(payload, content_type="input_select", attributes=failed),
    ]


CHAT = "/chat/main/"
WATCH = """
  window.booms = [];
  window.boom = () => booms.push("boom");
  addEventListener("securitypolicyviolation", (event) => booms.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
# Whatever could be waiting for a pointer or a focus gets one.
POKE = """() => {
  const all = [...document.querySelectorAll("chat-thread *")];
  for (const element of all) for (const name of ["pointerenter", "mouseover", "focus", "blur", "toggle", "error"]) {
    element.dispatchEvent(new Event(name, { bubbles: name !== "error" }));
  }
  return all.length;
}"""
LINKS = "[...document.querySelectorAll('chat-thread a[href]')].map(({ href }) => new URL(href).protocol)"
FORBIDDEN = "chat-thread :is(script, style, link, iframe, object, embed, base, meta, math, table, img, audio)"


@pytest.mark.parametrize("part", range(3))
def test_nothing_that_is_said_runs_or_is_reported(
    context: BrowserContext, played: PlayedServer, returning: Page, part: int
) -> None:
    played.strict = True
    PlayedFiles(context, played)
    context.add_init_script(WATCH)
    dialogs: list[str] = []
    returning.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    played.messages = [row for payload in PAYLOADS[part::3] for row in rows(played, payload)][-49:]
    later = [row for payload in PAYLOADS[part::3] for row in rows(played, payload)]
    returning.goto(CHAT)
    returning.locator(".rich-part > *").first.wait_for()
    played.changes(later)
    played.says("last words")
    returning.get_by_text("last words").wait_for()
    expect(returning.locator(".part:empty")).to_have_count(0, timeout=60_000)
    assert returning.evaluate(POKE) > 500
    assert set(returning.evaluate(LINKS)) <= {"http:", "https:"}
    assert returning.locator(FORBIDDEN).count() == 0
    assert (returning.evaluate("window.booms"), dialogs) == ([], [])
    assert not any("evil.example" in path for path in played.requests)
