"""Whose the labels of a conversation are: a page may take away those that it has set, and never an agent's own. Pure.

Of each label that was set from here one word is kept:

    wanted ──put by us──────────────► placed ──the page takes it back──► unwanted ──taken away──► (none)
    wanted ──it was there before us─► theirs ──the page takes it back──► (none): it stays at Chatwoot

One that was put by us, and that agents removed and set again, still counts as ours: nobody tells us of that.
"""

from collections.abc import Collection, Mapping

WANTED, PLACED, THEIRS, UNWANTED = "wanted", "placed", "theirs", "unwanted"
Labels = Mapping[str, str]


def shown(labels: Labels) -> list[str]:
    """Those that the page wants."""
    return [name for name, word in labels.items() if word != UNWANTED]


def change(labels: Labels, *, add: Collection[str], remove: Collection[str]) -> tuple[dict[str, str], dict[str, bool]]:
    """What is known then, and what is to be told: by name, whether it shall be there. What is in both is removed."""
    after, news = dict(labels), dict[str, bool]()
    for name in add:
        if name not in remove and labels.get(name) in (None, UNWANTED):
            after[name] = PLACED if name in labels else WANTED
            news[name] = True
    for name in remove:
        word = labels.get(name)
        if word in (WANTED, THEIRS):
            del after[name]
        elif word == PLACED:
            after[name] = UNWANTED
        if word in (WANTED, PLACED):
            news[name] = False
    return after, news


def plan(labels: Labels, wanted: Mapping[str, bool], *, found: Collection[str]) -> list[str]:
    """All that there shall be. ``labels``: as known when the attempt began; ``found``: what is there."""
    kept = [name for name in found if wanted.get(name, True) or labels.get(name) != UNWANTED]
    return kept + [name for name, is_wanted in wanted.items() if is_wanted and name not in kept]


def settle(labels: Labels, wanted: Mapping[str, bool], *, before: Collection[str], known: Labels) -> dict[str, str]:
    """What is known once it is so. ``before``: what was there before the first attempt; ``known``: when the last one
    began; ``labels``: now."""
    after = dict(labels)
    for name, is_wanted in wanted.items():
        word = labels.get(name)
        if not is_wanted:
            if known.get(name) == UNWANTED and word == UNWANTED:
                del after[name]
            elif known.get(name) == UNWANTED and word == PLACED:
                after[name] = WANTED  # taken away, and wanted again since
        elif name in before and known.get(name) not in (PLACED, UNWANTED):
            if word == WANTED:
                after[name] = THEIRS
        elif word is None:
            after[name] = UNWANTED  # the page took it back while it was put
        elif word != UNWANTED:
            after[name] = PLACED
    return after
