"""How the pixels of a picture become values of a network's input."""

from dataclasses import dataclass

from .errors import InputError

#: Short side of the resized picture over the input's: what ImageNet networks are tested with.
RESIZE = 256 / 224
ORDERS = ("RGB", "BGR", "L")


@dataclass(frozen=True)
class Preprocess:
    """``(pixel - mean) * scale`` with pixels from 0 to 255.

    mean, scale : one value, or one a channel in the network's own order. order : of the input's
    channels, "RGB", "BGR" or "L" (grey). resize : short side of the resized picture, as a multiple
    of the input's, before the centre is cropped.

    Raises InputError for values that make no sense.
    """

    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (1 / 127.5,)
    order: str = "RGB"
    resize: float = RESIZE

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(
                f"preprocessing: order {self.order!r}: expected one of {', '.join(ORDERS)}"
            )
        lengths = (1, self.channels)
        if len(self.mean) not in lengths or len(self.scale) not in lengths or not self.resize >= 1:
            raise InputError(
                f"preprocessing: mean {self.mean}, scale {self.scale}, resize {self.resize}: "
                f"expected one value or {self.channels} (order {self.order}), and a resize of at "
                "least 1"
            )

    @property
    def channels(self) -> int:
        """Channels of the input that it makes."""
        return len(self.order)
