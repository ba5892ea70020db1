"""Asks the process on this machine how it is, as a health check and a restart do: needs neither curl nor Django.

    python -m chatproxy.ask livez
    python -m chatproxy.ask readyz --port 8001 --within 60

Exits with 0 when it answered 200, else with 1 and the answer. `BIND`, `PORT` and `ALLOWED_HOSTS` are those of the
settings.
"""

import argparse
import http.client
import os
import sys
import time

ANSWER_S, AGAIN_S = 5, 0.2
EVERYWHERE = ("", "0.0.0.0", "::")  # as BIND


def host() -> str:
    """A name that the process answers to, whatever the address is at which it is asked."""
    named = os.environ.get("ALLOWED_HOSTS", "").replace(",", " ").split()
    first = named[0].lstrip(".") if named else "localhost"
    return "localhost" if first == "*" else first


def address() -> str:
    """At which the process listens."""
    bind = os.environ.get("BIND", "")
    return "127.0.0.1" if bind in EVERYWHERE else bind


def ask(path: str, *, port: int) -> tuple[bool, str]:
    """Whether all is well, and what was answered; past every proxy of the environment."""
    connection = http.client.HTTPConnection(address(), port, timeout=ANSWER_S)
    try:
        connection.request("GET", f"/{path}", headers={"Host": host()})
        answer = connection.getresponse()
        return answer.status == 200, f"{answer.status} {answer.read(200).decode(errors='replace').strip()}"
    except (OSError, http.client.HTTPException) as error:
        return False, f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask the process on this machine how it is.")
    parser.add_argument("path", choices=("livez", "readyz", "healthz"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="PORT, default 8000")
    parser.add_argument("--within", type=float, default=0, metavar="SECONDS", help="ask again until then")
    asked = parser.parse_args()
    until = time.monotonic() + asked.within
    while True:
        is_well, words = ask(asked.path, port=asked.port)
        if is_well or time.monotonic() >= until:
            break
        time.sleep(AGAIN_S)
    if not is_well:
        print(words, file=sys.stderr)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
