"""What agents say during a fault, and who has not seen it yet."""

from tests.faults.rig import Rig
from tests.faults.visitors import Visitor
from tests.fixtures.world import plain


async def answer_all(rig: Rig, number: int) -> list[int]:
    """The agent answers everybody so often, and takes each first answer back; the ids of the others."""
    kept = []
    for visitor in rig.visitors:
        talk = rig.talk_of(visitor)
        ids = [await rig.agent.reply(talk.id, f"{rig.run}/agent/{len(rig.agent.wrote)}") for _ in range(number)]
        await rig.agent.delete(talk.id, ids[0])
        kept += ids[1:]
    return kept


def shown(visitor: Visitor, text: str) -> bool:
    return any(plain(row["text"]) == text for row in visitor.view.messages.values() if not row["deleted"])


def unanswered(rig: Rig) -> list[str]:
    """Visitors who do not see yet what an agent sees, by the ledger."""
    missing = []
    for visitor in rig.visitors:
        rows = rig.talk_of(visitor).messages
        texts = [row.text for row in rows if row.shown and not row.incoming and not row.deleted]
        missing += [f"{visitor.name}: {text}" for text in texts if not shown(visitor, text)]
    return missing
