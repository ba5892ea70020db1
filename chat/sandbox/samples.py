"""Articles of the demo's help centre: a shop that sells a clock."""

import re
from typing import Any

_WRAPPED = re.compile(r"(?<=\S)\n(?![\n>#-]|\d+\.)")  # within a paragraph, where a break would be one to readers

CHOOSING = """The harbour clock has **one hand**, which goes around once from high water to high water, in 12
hours and 25
minutes. It is right wherever there are two even tides a day.

## Where it is right

- The North Sea and the English Channel
- The Atlantic coast, from Norway down to Portugal
- The east coast of North America

## Where it is wrong

In the Baltic and the Mediterranean there is hardly a tide, and around the Isle of Wight there are two high waters
in a row. There it is a handsome way to be wrong. If you are not sure, tell us your harbour and we look it up.
"""
SETTING = """You set it once, and nudge it every few weeks.

1. Look up the next **high water** of your harbour, in the newspaper or at a harbour office.
2. At that time, turn the wheel on the back until the hand points straight up.
3. Hang the clock, away from the sun and the stove.

> The moon is not quite regular. A quarter of an hour early or late is as right as it gets.

Every two or three weeks compare it once with the table, and turn the wheel if you like.
"""
DELIVERY = """Each clock is made to order in Husum and leaves the workshop in **six days**.

- Germany: one or two days after that
- The rest of the European Union: three to five days
- Great Britain, Switzerland, Norway: about a week; duty is paid at the door

You get a message with a number to follow as soon as the parcel is on its way. Delivery within the European Union is
part of the price.
"""
RETURNS = """You have **30 days** to send it back, whatever the reason.

1. Write to us in this chat, so that we know of it.
2. Put the clock into the box it came in, with the hand taken off.
3. Take it to a post office. The label lies in the box, and the way back is free.

We pay the money back within two days after it has arrived, the way you paid it.
"""
REPAIR = """Every part can be had, for as long as there is a workshop.

The cell is a common **AA**; it lasts for two years. Use no rechargeable one, its voltage is too low. If the hand
stops with a fresh cell in it, take a picture of the movement and send it to us here. Most repairs cost less than €
20.
"""
CARE = """Oak and ash were oiled, not varnished. Wipe the case with a dry cloth, and once a year with a drop
of linseed oil.

Brass grows darker with the years. Who wants it bright takes a little lemon juice and salt; who likes it as it is
does nothing. The dial is enamel: a damp cloth is enough.
"""
DELIVERY_DE = """Jede Uhr wird in Husum auf Bestellung gebaut und verlässt die Werkstatt nach **sechs Tagen**.

- Deutschland: danach ein bis zwei Tage
- Übrige Europäische Union: drei bis fünf Tage
- Großbritannien, Schweiz, Norwegen: etwa eine Woche; Zoll wird an der Tür bezahlt

Sobald das Paket unterwegs ist, bekommen Sie eine Nachricht mit der Sendungsnummer.
"""
RETURNS_DE = """Sie haben **30 Tage** Zeit, die Uhr zurückzusenden, ganz gleich warum.

1. Schreiben Sie uns hier im Chat, damit wir davon wissen.
2. Legen Sie die Uhr in ihre Schachtel, den Zeiger daneben.
3. Geben Sie das Paket bei der Post ab. Der Aufkleber liegt bei, der Rückweg ist kostenlos.
"""

# By the columns of ``Article``.
_ARTICLES: tuple[dict[str, Any], ...] = (
    {
        "slug": "choosing-a-harbour",
        "title": "Is it right for my harbour?",
        "description": "Where the tides are even enough for one hand",
        "content": CHOOSING,
        "views": 412,
    },
    {
        "slug": "setting-the-clock",
        "title": "Set the clock to the tide",
        "description": "Once at high water, then a nudge every few weeks",
        "content": SETTING,
        "views": 240,
    },
    {
        "slug": "delivery",
        "title": "How long does delivery take?",
        "description": "Six days in the workshop, then one to seven on the way",
        "content": DELIVERY,
        "views": 377,
    },
    {
        "slug": "returns",
        "title": "Send it back",
        "description": "30 days, and the way back is free",
        "content": RETURNS,
        "views": 118,
    },
    {
        "slug": "repair",
        "title": "Repairs and spare parts",
        "description": "When the hand stops",
        "content": REPAIR,
        "views": 64,
    },
    {
        "slug": "care",
        "title": "Care for wood and brass",
        "description": "A dry cloth does most of it",
        "content": CARE,
        "views": 51,
    },
    {
        "slug": "lieferzeit",
        "locale": "de",
        "title": "Wie lange dauert die Lieferung?",
        "description": "Sechs Tage Werkstatt, dann ein bis sieben Tage Weg",
        "content": DELIVERY_DE,
        "views": 80,
    },
    {
        "slug": "rueckgabe",
        "locale": "de",
        "title": "Die Uhr zurücksenden",
        "description": "30 Tage, und der Rückweg ist kostenlos",
        "content": RETURNS_DE,
        "views": 33,
    },
)
ARTICLES = [each | {"content": _WRAPPED.sub(" ", each["content"].strip())} for each in _ARTICLES]
