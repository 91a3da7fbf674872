"""The blocks of an accelerator whose sizes have formulas of their own."""

from dataclasses import dataclass

from hwcnn.config import VECTOR_FEATURES, AccelConfig

#: The components of the tables, in their order.
COMPONENTS = (
    "array",
    "accumulators",
    "post",
    "vector",
    "load",
    "weights",
    "store",
    "AXI",
    "control",
)


@dataclass(frozen=True)
class Block:
    """A subtree of the hierarchy.

    path : in the hierarchy; what lies below it belongs to it, unless another block's path is
    longer.
    component : one of `COMPONENTS`.
    features : keys of `features.FEATURES`, in which its resources are linear.
    needs : of the vector functions that it is for, one of which must be built in;
    "depthwise" is where there are taps.
    """

    path: str
    component: str
    features: tuple[str, ...] = ("1",)
    needs: tuple[str, ...] = VECTOR_FEATURES

    def built(self, config: AccelConfig) -> bool:
        """Whether an accelerator of this configuration has it."""
        functions = (*config.features, *(("depthwise",) if config.dw_taps else ()))
        return not self.path.startswith("core.vector") or any(f in functions for f in self.needs)


_READER = (
    "1",
    "lanes",
    "axi bytes",
    "lanes in halves",
    "lanes in quarters",
    "lanes in eighths",
    "gathered bytes",
)
_WRITER = ("1", "lanes", "axi bytes", "gathered bytes")
#: Multiplier blocks hold what the elements do where they have the registers; otherwise flip-flops
#: do.
_ARRAY = (
    "1",
    "elements",
    "element sum bits",
    "adder bits",
    "passed bits",
    "skew registers",
    "short skews",
    "shifted operands",
)
_QUEUES = ("load", "weight", "param", "post", "end")

BLOCKS = (
    Block("", "control"),
    Block("control", "control", ("1", "vector")),
    Block("core", "control"),
    Block("core.fetch", "control", ("1", "narrow beat")),
    Block("core.dispatch", "control"),
    *(Block(f"core.{name}_queue", "control") for name in _QUEUES),
    Block("core.array_queue", "control", ("1", "words of a beat")),
    Block("core.vector_queue", "control", ("1", "pool", "eltwise", "depthwise")),
    Block("core.reads", "AXI", ("1", "vector", "eltwise", "axi bytes")),
    Block("core.writes", "AXI", ("1", "vector", "axi bytes")),
    Block("core.activations", "load"),
    Block("core.load", "load", _READER),
    Block("core.weight", "weights", ("1", "columns", "axi bytes")),
    Block("core.param", "weights", ("1", "axi bytes", "narrow beat")),
    Block("core.array", "array", ("1", "rows", "columns")),
    Block("core.array.pes", "array", _ARRAY),
    Block("core.accumulators", "accumulators", ("1", "columns", "shifted sums")),
    Block("core.post", "post", ("1", "post lanes", "post groups", "residual groups")),
    Block("core.post.reader", "post", _READER),
    Block("core.post.writer", "store", ("1", "post lanes", "axi bytes")),
    Block("core.vector", "vector", ("1", "lanes", "pool", "eltwise", "depthwise lanes")),
    Block(
        "core.vector.core.alu",
        "vector",
        ("1", "lanes", "eltwise lanes", "coefficient lanes", "depthwise lanes"),
    ),
    Block(
        "core.vector.core.coefficients",
        "vector",
        ("1", "coefficients", "coefficient lanes", "coefficient beat", "depthwise lanes"),
    ),
    Block("core.vector.core.window", "vector", ("1", "lanes", "depthwise lanes"), ("pool",)),
    Block(
        "core.vector.core.depthwise",
        "vector",
        ("1", "lanes", "depthwise multipliers"),
        ("depthwise",),
    ),
    Block("core.vector.core.lrn", "vector", ("1", "lanes"), ("lrn",)),
    Block("core.vector.core.table", "vector", ("1", "lanes", "axi bytes"), ("lut",)),
    Block("core.vector.read_a", "vector", _READER),
    Block("core.vector.read_b", "vector", _READER, ("eltwise",)),
    Block("core.vector.writer", "store", _WRITER),
)
#: RAMs of so many block RAMs that some lie behind each other, and the block that reads them: a LUT
#: is counted to what it feeds.
READ_BY = {"core.activations": "core.array.pes"}
_BY_PATH = {block.path: block for block in BLOCKS}


def block_of(path: str) -> Block:
    """The block that a path in the hierarchy belongs to."""
    while path not in _BY_PATH:
        path = path.rpartition(".")[0]
    return _BY_PATH[path]
