"""What hosts embed is one classic script, whatever it is made of."""

import re
from pathlib import Path

import pytest

from chat.joining import joined

SOURCES = Path(__file__).resolve().parent.parent / "static/chat"


def write(folder: Path, **scripts: str) -> Path:
    for name, text in scripts.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "main.js"


def test_parts_come_before_what_needs_them_and_each_once(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport { a } from "./a.js";\nb(a);\n',
        b='import { a } from "./a.js";\n/**\n * Words.\n */\nexport const b = () => a;\n',
        a="// Words.\nexport function a() {}\n",
    )
    assert joined(entry).decode() == "(() => {\nfunction a() {}\nconst b = () => a;\nb(a);\n})();\n"


def test_a_script_without_parts_is_served_as_it_lies(tmp_path: Path) -> None:
    text = "/** Words. */\nwindow.x = 1;\n"
    assert joined(write(tmp_path, main=text)).decode() == text


@pytest.mark.parametrize("name", ["sdk", "compat", "element"])
def test_ours_can_be_joined(name: str) -> None:
    text = joined(SOURCES / f"{name}.js").decode()
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)
    names = re.findall(r"^(?:const|class|function|let) \[?(\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)), "two parts use one name"
