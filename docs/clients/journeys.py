"""Everything that an app can do, in one story: each journey that is done is one line.

To see how an app does something, look it up in `talk.py`, `trouble.py` and `people.py`, and then in the app itself.
"""

from __future__ import annotations

import argparse
import sys
import time

import people
import talk
import trouble
from calls import Refused
from story import Broken, Story

ALL = (*talk.ALL, *trouble.ALL, *people.ALL)


def main(client) -> int:
    """The exit status: 0 if all were done."""
    parser = argparse.ArgumentParser(description="Go through everything that an app can do, against `make run`.")
    parser.add_argument("site", help="such as http://127.0.0.1:8000")
    parser.add_argument("desk", nargs="?", default="http://127.0.0.1:3000", help="where the agents sit")
    asked = parser.parse_args()
    doing = "the demo is not there; `make run` starts it"
    try:
        story = Story(client, asked.site.rstrip("/"), asked.desk)
        for journey in ALL:
            doing, began = journey.__doc__, time.monotonic()
            journey(story)
            print(f"{time.monotonic() - began:5.1f} s  {doing}", flush=True)
    except (Broken, Refused, OSError) as error:
        print(f"not done: {doing}: {error}", file=sys.stderr)
        return 1
    print(f"All {len(ALL)} journeys are done.", flush=True)
    return 0
