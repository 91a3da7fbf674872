"""What an accelerator is made of: its blocks, what the size of each depends on, and the RAMs in
them.
"""

from dataclasses import dataclass
from math import log2

from amaranth.hdl import Fragment, Instance

from hwcnn.rtl.array.pe_array import PeArray
from hwcnn.rtl.lib.ram import RAMS_ONLY

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
    """A part of the hierarchy whose size has a formula of its own.

    path : in the hierarchy; what lies below it is of it, unless another block's path is longer.
    component : one of `COMPONENTS`.
    features : keys of `FEATURES`, in which its LUTs, flip-flops, multipliers and block RAMs are
    linear. needs : of the vector functions that it is for, one of which must be built in.
    """

    path: str
    component: str
    features: tuple = ("1",)
    needs: tuple = ("pool", "eltwise", "affine", "lrn", "lut")

    def built(self, config):
        return not self.path.startswith("core.vector") or any(
            f in config.features for f in self.needs
        )


#: AMD's synthesis makes a shift register of LUTs of a delay of so many cycles, beyond what a
#: multiplier block has of its own registers.
_SHIFTED, _ABSORBED = 3, 2


def _skews(config):
    """The array's delays as (bits, cycles): of vectors by row, of weights and sums by group of
    columns.
    """
    group, rows, groups = PeArray.GROUP, config.rows, config.cols // PeArray.GROUP
    return (
        [(8, r + 1) for r in range(rows)],
        [(8 * group, g) for g in range(groups)],
        [(config.sum_bits * group, groups - 1 - g) for g in range(groups)],
    )


def _skew_registers(config):
    return sum(bits * cycles for skew in _skews(config) for bits, cycles in skew)


def _short_skews(config):
    return sum(
        bits * cycles for skew in _skews(config)[1:] for bits, cycles in skew if cycles < _SHIFTED
    )


def _shifted_operands(config):
    vectors, weights, _ = _skews(config)
    return sum(bits for bits, cycles in vectors if cycles >= _SHIFTED + _ABSORBED) + sum(
        bits for bits, cycles in weights if cycles >= _SHIFTED
    )


def _shifted_sums(config):
    return sum(bits for bits, cycles in _skews(config)[2] if cycles >= _SHIFTED)


def _has(*functions):
    return lambda c: int(any(f in c.features for f in functions))


FEATURES = {
    "1": lambda c: 1,
    "rows": lambda c: c.rows,
    "columns": lambda c: c.cols,
    "elements": lambda c: c.rows * c.cols,
    "element sum bits": lambda c: c.rows * c.cols * c.sum_bits,
    "adder bits": lambda c: (c.rows - 1) * c.cols * c.sum_bits,
    # A group of columns passes its vectors on, and which row is loaded.
    "passed bits": lambda c: 9 * c.rows * (c.cols // PeArray.GROUP - 1),
    "skew registers": _skew_registers,
    "short skews": _short_skews,
    "shifted operands": _shifted_operands,
    "shifted sums": _shifted_sums,
    "lanes": lambda c: c.lanes,
    "axi bytes": lambda c: c.axi_bytes,
    # A beat holds less than an instruction word or than the parameters of two channels; less than a
    # vector.
    "narrow beat": lambda c: int(c.axi_bytes < 16),
    "words of a beat": lambda c: max(0, log2(c.axi_bytes / 16)),
    "gathered bytes": lambda c: c.lanes if c.lanes > c.axi_bytes else 0,
    # A vector is picked from so many places of a beat.
    "lanes in halves": lambda c: c.lanes * (c.axi_bytes == 2 * c.lanes),
    "lanes in quarters": lambda c: c.lanes * (c.axi_bytes == 4 * c.lanes),
    "lanes in eighths": lambda c: c.lanes * (c.axi_bytes >= 8 * c.lanes),
    "post lanes": lambda c: c.post_lanes,
    # The post engine picks its columns, and the lanes of its residual.
    "post groups": lambda c: c.post_lanes * log2(c.cols / c.post_lanes),
    "residual groups": lambda c: c.post_lanes * log2(c.lanes / c.post_lanes),
    "vector": lambda c: int(bool(c.features)),
    "pool": _has("pool"),
    "eltwise": _has("eltwise"),
    "eltwise lanes": lambda c: c.lanes * _has("eltwise")(c),
    "coefficients": _has("affine", "lrn"),
    "coefficient lanes": lambda c: c.lanes * _has("affine", "lrn")(c),
    "coefficient beat": lambda c: c.axi_bytes * _has("affine", "lrn")(c),
}

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
    Block("core.vector_queue", "control", ("1", "pool", "eltwise")),
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
    Block("core.vector", "vector", ("1", "lanes", "pool", "eltwise")),
    Block("core.vector.core.alu", "vector", ("1", "lanes", "eltwise lanes", "coefficient lanes")),
    Block(
        "core.vector.core.coefficients",
        "vector",
        ("1", "coefficients", "coefficient lanes", "coefficient beat"),
    ),
    Block("core.vector.core.window", "vector", ("1", "lanes"), ("pool",)),
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


def block_of(path):
    """The block that a path in the hierarchy belongs to."""
    while path not in _BY_PATH:
        path = path.rpartition(".")[0]
    return _BY_PATH[path]


def rams(component):
    """``[(path, (width, depth, block))]`` of every RAM in an Amaranth component, as `rtl.ram.Ram`
    has them.
    """
    found, waiting = [], [("", Fragment.get(component, RAMS_ONLY))]
    while waiting:
        path, fragment = waiting.pop()
        if isinstance(fragment, Instance) and fragment.type == "hwcnn_ram":
            found.append((path, tuple(fragment.parameters[n] for n in ("WIDTH", "DEPTH", "BLOCK"))))
        waiting += [(f"{path}.{name}".strip("."), sub) for sub, name, *_ in fragment.subfragments]
    return found
