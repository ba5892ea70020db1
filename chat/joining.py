"""One classic script made of several modules, where the sources are served as they lie. No Django.

A host's page loads one file, not a tree of them. Only what our own modules do is understood: imports of names on one
line, exports in front of declarations, no name twice.
"""

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}\n]*\} from "(\.[^"\n]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_COMMENT = re.compile(r"^ */\*\*(?:(?!\*/)[\s\S])*\*/ *\n|^ *// .*\n", re.MULTILINE)


def joined(script: Path) -> bytes:
    """The script with everything that it imports; as it is, where it imports nothing."""
    parts: dict[Path, str] = {}
    _collect(script.resolve(), parts)
    if len(parts) == 1:
        return script.read_bytes()
    return f"(() => {{\n{''.join(parts.values())}}})();\n".encode()


def _collect(script: Path, parts: dict[Path, str]) -> None:
    """What is imported comes first."""
    if script in parts:
        return
    text = _COMMENT.sub("", script.read_text())
    for name in _IMPORT.findall(text):
        _collect((script.parent / name).resolve(), parts)
    parts[script] = _EXPORT.sub("", _IMPORT.sub("", text))
