"""Ranges of an axis: cut evenly, and with the pads that lie in front of and behind them."""

from dataclasses import dataclass
from itertools import pairwise

#: (first, end): the items from `first` on, `end` excluded.
Range = tuple[int, int]


def balanced(total: int, count: int) -> int:
    """Size of the largest of `count` ranges of `total` items whose sizes differ by at most one."""
    return -(-total // count)


def split(total: int, size: int) -> list[Range]:
    """The fewest ranges of at most `size` that make up `total` items (at least one); their sizes
    differ by at most one, the larger first.
    """
    count = -(-total // size)
    small, larger = divmod(total, count)
    edges = [0]
    for i in range(count):
        edges.append(edges[-1] + small + (i < larger))
    return list(pairwise(edges))


@dataclass(frozen=True)
class Span:
    """Items along one axis of a map that is padded: `before` pads, the map's own [first, end),
    `after` pads.
    """

    before: int
    first: int
    end: int
    after: int

    @property
    def size(self) -> int:
        """Items in all."""
        return self.before + self.end - self.first + self.after


def span(first: int, count: int, limit: int) -> tuple[Span, int]:
    """The span of items first to first+count-1 of an axis with `limit` items of its own, and the
    offset of item `first` in it. It holds at least one of the axis's own.
    """
    low, high = min(first, limit - 1), max(first + count, 1)
    return Span(max(0, -low), max(0, low), min(high, limit), max(0, high - limit)), first - low
