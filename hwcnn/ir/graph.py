"""A network as operations of the integer IR in topological order."""

from dataclasses import dataclass, field

from .checks import check_op, check_tensor
from .ops import Conv, ConvTranspose, Depthwise, Op
from .tensor import Tensor


@dataclass(frozen=True, eq=False)
class HostOp:
    """A float operation at the end of the network that the host runs (softmax): reads tensor x,
    gives output y.
    """

    name: str
    op_type: str  # ONNX operator
    x: str
    y: str
    attributes: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.x,)


@dataclass
class Graph:
    """A network.

    tensors : of the inputs and of every operation's result, by name. ops : in an order in which
    they can be executed. inputs, outputs : names of tensors; outputs are those before the host's
    operations. host : what the host computes in float after that, in order. onnx_outputs : for each
    of `outputs`, the name and shape that it has in the ONNX model (after the host's operations), to
    give back results in the user's terms.
    """

    name: str
    tensors: dict[str, Tensor]
    ops: list[Op]
    inputs: list[str]
    outputs: list[str]
    host: list[HostOp] = field(default_factory=list[HostOp])
    onnx_outputs: list[tuple[str, tuple[int, ...]]] = field(
        default_factory=list[tuple[str, tuple[int, ...]]]
    )

    def verify(self) -> "Graph":
        """The graph itself. Raises ValueError, which names the operation or tensor, at the first
        inconsistency: names that are undefined, defined twice or out of order; shapes of operands,
        parameters and results that do not fit each other; numbers out of the hardware's range.
        """
        for name, tensor in self.tensors.items():
            if tensor.name != name:
                raise ValueError(f"tensor {name!r} calls itself {tensor.name!r}")
            check_tensor(tensor)
        defined: set[str] = set()
        for name in self.inputs:
            self._define(f"input {name!r}", name, defined)
        for op in self.ops:
            for name in op.inputs:
                if name not in defined:
                    raise ValueError(f"{op.name}: input {name!r} is not defined before it")
            self._define(op.name, op.y, defined)
            check_op(op, self.tensors)
        if unused := self.tensors.keys() - defined:
            raise ValueError(f"tensor {min(unused)!r} is never computed")
        for name in self.outputs:
            if name not in defined:
                raise ValueError(f"output {name!r} is never computed")
        self._verify_host(defined)
        return self

    def _define(self, what: str, name: str, defined: set[str]) -> None:
        if name in defined:
            raise ValueError(f"{what}: {name!r} is defined twice")
        if name not in self.tensors:
            raise ValueError(f"{what}: tensor {name!r} has no entry in the table")
        defined.add(name)

    def _verify_host(self, defined: set[str]) -> None:
        """The host's operations read tensors, or each other's results in order."""
        results: set[str] = set()
        for op in self.host:
            if op.x not in defined | results:
                raise ValueError(f"{op.name}: input {op.x!r} is not defined before it")
            if op.y in results:
                raise ValueError(f"{op.name}: {op.y!r} is defined twice")
            results.add(op.y)
        if len(self.onnx_outputs) not in (0, len(self.outputs)):
            raise ValueError(
                f"{len(self.outputs)} outputs, but {len(self.onnx_outputs)} of the ONNX model"
            )

    def consumers(self, name: str) -> list[Op]:
        """The operations that read a tensor, in order."""
        return [op for op in self.ops if name in op.inputs]


def _counted(op: Op) -> Conv | ConvTranspose | Depthwise | None:
    """The convolution of the network that an operation computes; None where it is none, or only
    moves elements.
    """
    if isinstance(op, Conv) and op.phases_of is not None:
        return op.phases_of
    return op if isinstance(op, Conv | ConvTranspose | Depthwise) and not op.moves else None


def params(op: Op) -> int:
    """Weights and biases of convolutions, transposed or not; 0 of all else, and of what only moves
    elements.
    """
    conv = _counted(op)
    return 0 if conv is None else conv.weight.size + conv.mantissa.size


def macs(op: Op, graph: Graph) -> int:
    """True multiply-accumulates (unpadded channels, padding taps counted, batch included) of
    convolutions, transposed or not; 0 of all else, and of what only moves elements.
    """
    conv = _counted(op)
    if conv is None:
        return 0
    n, _, h, w = graph.tensors[conv.x if isinstance(conv, ConvTranspose) else conv.y].shape
    return n * h * w * conv.weight.size
