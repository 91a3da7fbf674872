"""The integer IR in the making: what an import adds tensors and operations to."""

from collections.abc import Iterable

from hwcnn import ir


class IrBuilder:
    """Tensors by name, operations in order, names of inputs, and what is left to the host.

    dry_run : a float model is only tried, with made-up scales of 1: what depends on real scales is
    not judged.
    """

    def __init__(self, dry_run: bool = False):
        self.dry_run = dry_run
        self.tensors: dict[str, ir.Tensor] = {}
        self.ops: list[ir.Op] = []
        self.inputs: list[str] = []
        self.host: list[ir.HostOp] = []

    def new_tensor(self, name: str, shape: Iterable[int], scale: float, zero: int) -> ir.Tensor:
        """A tensor of a name of its own (`name`, with a number where that is taken). shape: [N, C,
        H, W].
        """
        unique, count = name, 1
        while unique in self.tensors:
            count += 1
            unique = f"{name}_{count}"
        n, c, h, w = shape
        self.tensors[unique] = ir.Tensor(unique, (n, c, h, w), scale, zero)
        return self.tensors[unique]
