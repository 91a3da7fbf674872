"""Shapes of tensors, and what layers make of them."""

#: Of a tensor without its batch of one: (C, H, W), or (C,) once flattened.
Shape = tuple[int, ...]


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """``(v, v)`` of an integer; a pair stays."""
    return (value, value) if isinstance(value, int) else value


def pool_size(size: int, kernel: int, stride: int, pad: int = 0, ceil: bool = False) -> int:
    """Windows along one side; in ceil mode the last one may hang over, but starts inside the map or
    its first pad.
    """
    room = size + 2 * pad - kernel
    if not ceil:
        return room // stride + 1
    out = -(-room // stride) + 1
    return out - 1 if (out - 1) * stride >= size + pad else out
