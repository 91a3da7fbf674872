"""Shapes of tensors, and what layers make of them."""

#: Of a tensor without its batch of one: (C, H, W), or (C,) once flattened.
Shape = tuple[int, ...]


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """``(v, v)`` of an integer; a pair stays."""
    return (value, value) if isinstance(value, int) else value


def sides(pad: int | tuple[int, ...]) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of one pad for all four, of (rows, columns), or of all four."""
    if isinstance(pad, int):
        return pad, pad, pad, pad
    top, left, *rest = pad
    bottom, right = rest or (top, left)
    return top, left, bottom, right


def pool_size(
    size: int, kernel: int, stride: int, before: int = 0, after: int = 0, ceil: bool = False
) -> int:
    """Windows along one side; in ceil mode the last one may hang over, but starts inside the map or
    its first pad.

    before, after : pads.
    """
    room = size + before + after - kernel
    if not ceil:
        return room // stride + 1
    out = -(-room // stride) + 1
    return out - 1 if (out - 1) * stride >= size + before else out
