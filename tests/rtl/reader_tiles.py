"""Random tiles to read and what must come of them, in plain Python."""

from hwcnn import isa
from hwcnn.bitfields import BitFields, Field

READ = BitFields("read", isa.READ)
#: `layouts.WRITE_LAYOUT`.
WRITE = BitFields("write", (Field("n_blk", 16), *isa.WRITE))


def tile(
    addr, blk_stride, row_stride, n_blk, n_rows, n_cols, top=0, bottom=0, left=0, right=0, value=0
):
    return dict(
        addr=addr,
        blk_stride=blk_stride,
        row_stride=row_stride,
        n_blk=n_blk,
        n_rows=n_rows,
        n_cols=n_cols,
        pad_top=top,
        pad_bottom=bottom,
        pad_left=left,
        pad_right=right,
        pad_value=value,
    )


def random_tile(random, lanes, size):
    """A tile within `size` bytes; now and then beside a multiple of 4 KiB."""
    n_blk, n_rows = random.randint(1, 3), random.randint(1, 4)
    n_cols = random.choice([1, 2, 3, 4, 5, 7, 8, 13, 40])
    row_stride = lanes * (n_cols + random.choice([0, 0, 1, 3]))
    blk_stride = row_stride * n_rows + lanes * random.choice([0, 0, 1, 5])
    last = (size - blk_stride * n_blk) // lanes - 1
    addr = lanes * random.randint(0, last)
    if random.random() < 0.5:
        addr = min(
            last * lanes,
            max(0, random.randrange(4096, size, 4096) - lanes * random.randint(0, 2 * n_cols)),
        )
    pads = dict(
        zip(
            ("top", "bottom", "left", "right"),
            (random.choice([0, 0, 1, 3]) for _ in range(4)),
            strict=True,
        )
    )
    return tile(
        addr, blk_stride, row_stride, n_blk, n_rows, n_cols, **pads, value=random.randint(-128, 127)
    )


def vectors(memory, t, lanes):
    """The tile's vectors as integers, in order."""
    pad = int.from_bytes(bytes([t["pad_value"] & 255]) * lanes, "little")
    width = t["pad_left"] + t["n_cols"] + t["pad_right"]
    for blk in range(t["n_blk"]):
        yield from [pad] * (width * t["pad_top"])
        for row in range(t["n_rows"]):
            start = t["addr"] + blk * t["blk_stride"] + row * t["row_stride"]
            yield from [pad] * t["pad_left"]
            for col in range(t["n_cols"]):
                yield int.from_bytes(
                    memory[start + col * lanes : start + (col + 1) * lanes], "little"
                )
            yield from [pad] * t["pad_right"]
        yield from [pad] * (width * t["pad_bottom"])
