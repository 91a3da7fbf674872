"""One of the items that pass a block is picked, any one, and followed: what holds of it holds of
all.
"""

from amaranth import Value


class Followed:
    """An item is picked in a cycle in which one `enters`: `ahead` ones are in front of it, until
    they `leave`; at most `most` are inside.

    values : {name: what is known of the item when it enters}; the attribute holds what they were
    for the picked one.
    here : it is inside and the next one to leave.
    """

    def __init__(self, h, enters, leaves, most, values, name="followed"):
        self.inside, self.picked, self.ahead = (
            h.register(f"{name}_{part}", bits)
            for part, bits in (
                ("inside", range(most + 2)),
                ("picked", 1),
                ("ahead", range(most + 2)),
            )
        )
        self.values = [
            h.register(f"{name}_{part}", len(Value.cast(value))) for part, value in values.items()
        ]
        h.m.d.sync += self.inside.eq(self.inside + enters - leaves)
        self.picks = enters & h.any(f"{name}_pick") & ~self.picked
        with h.m.If(self.picks):
            h.m.d.sync += [self.picked.eq(1), self.ahead.eq(self.inside - leaves)]
            h.m.d.sync += [
                held.eq(value) for held, value in zip(self.values, values.values(), strict=True)
            ]
        with h.m.Elif(self.picked & leaves):
            h.m.d.sync += [self.ahead.eq(self.ahead - 1), self.picked.eq(self.ahead != 0)]
        self.here = self.picked & (self.ahead == 0)
