"""The figures of a row, and their sum at the end of a session."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields


@dataclass
class Figures:
    tried: int = 0
    accepted: int = 0
    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    slowest_heal_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.tried} messages tried, {self.accepted} accepted, {self.faults} faults injected, {self.lost} lost, "
            f"{self.duplicated} duplicated, {self.out_of_order} out of order, healed in {self.slowest_heal_s:.1f} s"
        )

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def total(rows: Iterable[Figures]) -> Figures:
    """Sums, and of the heals the slowest."""
    whole = Figures()
    for row in rows:
        for field in fields(Figures):
            mine, theirs = getattr(whole, field.name), getattr(row, field.name)
            setattr(whole, field.name, max(mine, theirs) if field.name == "slowest_heal_s" else mine + theirs)
    return whole
