"""Imports point downwards only. Read from the source, so that imports inside functions count, too."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS: dict[int, str] = {
    0: "chatwoot wire audience backoff breaker budget clock failpoints markdown echoes outcome outlet patience "
    "window trouble waiting draining filetypes networks limits ranges reencoding signature posting hours colours look "
    "policy identity standstill release locales joining dimensions rich kept articles advice trail turns labelling",
    1: "bridge fields models migrations",
    2: "feed files claim outbox lanes settling gone mirror recognition snapshot place acceptance sessions "
    "embedding sql statements queues records reader writer lock_turns wal rotation rules tickets faces notices "
    "overview profile export erasing signin order expected reissued published quoting showing consent connected "
    "minutes annotations removals cards",
    3: "courier places leases sending marking comparing reception tokens liveness indicator link looking resync "
    "upstreams probing processes neighbours holding conversations sender socket uploads gate streams downloads "
    "pictures avatars card_pictures hints presence notifying inboxes people retention devices outage sharing portals "
    "connecting provisioning vitals team transcripts challenge annotating removing parting",
    4: "runtime consumers api views webhooks routing urls admin operating checks starting apps management "
    "frontend speaking figures examining logged",
}
LAYER_OF = {f"chat.{name}": layer for layer, names in LAYERS.items() for name in names.split()}
SANDBOX = "chat.sandbox"
# The rest of layer 0 and the bridge know nothing of Django; wire knows nothing at all.
WITHOUT_DJANGO = [name for name, layer in LAYER_OF.items() if layer == 0] + ["chat.bridge"]
FORBIDDEN = {
    "chat.bridge": {"django", "httpx", "chat.wire", "chat.audience"},
    "chat.chatwoot": {"websockets", "chat.wire", "chat.audience"},
    "chat.outbox": {"chat.mirror"},
    "chat.feed": {"chat.outbox", "chat.mirror"},
}
NETWORK = {"httpx", "websockets", "socket", "urllib.request", "http.client"}
WIRE_MAY_USE = {"pydantic", "pydantic_core", "typing_extensions", "orjson"}  # the third is how pydantic wants TypedDict


def modules(*folders: str) -> list[str]:
    files = (file for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names]


def source(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> set[str]:
    """Every module named by an import, `from chat import feed` as chat.feed."""
    return set(_imports(ast.parse(source(module).read_text())))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """chat.wire.frames is of the part chat.wire."""
    return ".".join(module.split(".")[:2])


def parts_of_chat(names: set[str]) -> set[str]:
    return {part(name) for name in names if name.startswith("chat.")}


OURS = [name for name in modules("chat") if name != "chat" and part(name) != SANDBOX]


@pytest.mark.parametrize("module", OURS)
def test_a_module_imports_from_its_own_layer_or_below(module: str) -> None:
    assert part(module) in LAYER_OF, f"{part(module)} has no layer: give it one here and in docs/architecture.md"
    layer = LAYER_OF[part(module)]
    found = parts_of_chat(imports(module)) - {part(module), "chat.management" if layer == 4 else ""}
    upwards = {name for name in found if LAYER_OF.get(name, 5) > layer}
    assert not upwards


def test_every_module_of_the_table_exists() -> None:
    assert LAYER_OF.keys() == {part(module) for module in OURS}


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_some_neighbours_stay_strangers(name: str) -> None:
    found = {imported for module in OURS if part(module) == name for imported in imports(module)}
    tops = {imported.split(".")[0] for imported in found} | parts_of_chat(found)
    assert not tops & FORBIDDEN[name]


def test_nothing_imports_in_a_circle() -> None:
    graph = {name: parts_of_chat_imported_by(name) - {name} for name in {part(module) for module in OURS}}
    while leaves := [name for name, needs in graph.items() if not needs & graph.keys()]:
        for leaf in leaves:
            del graph[leaf]
    assert not graph, "these import each other"


def parts_of_chat_imported_by(name: str) -> set[str]:
    return {found for module in OURS if part(module) == name for found in parts_of_chat(imports(module))}


@pytest.mark.parametrize("name", WITHOUT_DJANGO)
def test_the_lowest_layers_know_no_django(name: str) -> None:
    found = {imported.split(".")[0] for module in OURS if part(module) == name for imported in imports(module)}
    assert not found & {"django", "channels", "daphne", "ninja", "asgiref"}


def test_wire_needs_only_pydantic_and_orjson() -> None:
    found = {imported for module in OURS if part(module) == "chat.wire" for imported in imports(module)}
    outside = {name.split(".")[0] for name in found if part(name) != "chat.wire" and name != "chat"}
    assert outside - set(sys.stdlib_module_names) <= WIRE_MAY_USE


@pytest.mark.parametrize("name", [name for name, layer in LAYER_OF.items() if layer == 2])
def test_the_database_layer_does_no_network(name: str) -> None:
    found = {imported for module in OURS if part(module) == name for imported in imports(module)}
    assert not found & NETWORK


@pytest.mark.parametrize("module", [name for name in modules("chat/sandbox")])
def test_the_sandbox_shares_nothing_with_the_chat(module: str) -> None:
    assert {name for name in parts_of_chat(imports(module))} <= {SANDBOX}
    assert not {name for name in imports(module) if name.split(".")[0] == "chatproxy"}


@pytest.mark.parametrize("module", [*OURS, *modules("chatproxy")])
def test_only_asgi_and_the_commands_name_the_sandbox_or_the_project(module: str) -> None:
    may = module.startswith("chat.management.") or module.startswith("chatproxy")
    named = {name for name in imports(module) if part(name) == SANDBOX or name.split(".")[0] == "chatproxy"}
    assert may or not named


@pytest.mark.parametrize("module", [*OURS, *modules("chatproxy", "chat/sandbox")])
def test_imports_are_absolute_and_named(module: str) -> None:
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert all(alias.name != "*" for alias in node.names)
