"""What each block's size depends on: numbers that follow from a configuration."""

from collections.abc import Callable
from math import log2

from hwcnn.config import AccelConfig
from hwcnn.rtl.array.pe_array import PeArray

#: AMD's synthesis makes a shift register of LUTs of a delay of so many cycles, beyond what a
#: multiplier block has of its own registers.
_SHIFTED, _ABSORBED = 3, 2


#: Delays as (bits, cycles).
_Delays = list[tuple[int, int]]


def _skews(config: AccelConfig) -> tuple[_Delays, _Delays, _Delays]:
    """The array's delays: of vectors by row, of weights and of sums by group of columns."""
    group, rows, groups = PeArray.GROUP, config.rows, config.cols // PeArray.GROUP
    return (
        [(8, r + (r < rows // 2)) for r in range(rows)],
        [(8 * group, g) for g in range(groups)],
        [(config.sum_bits * group, groups - 1 - g) for g in range(groups)],
    )


def _skew_registers(config: AccelConfig) -> int:
    return sum(bits * cycles for skew in _skews(config) for bits, cycles in skew)


def _short_skews(config: AccelConfig) -> int:
    return sum(
        bits * cycles for skew in _skews(config)[1:] for bits, cycles in skew if cycles < _SHIFTED
    )


def _shifted_operands(config: AccelConfig) -> int:
    vectors, weights, _ = _skews(config)
    return sum(bits for bits, cycles in vectors if cycles >= _SHIFTED + _ABSORBED) + sum(
        bits for bits, cycles in weights if cycles >= _SHIFTED
    )


def _shifted_sums(config: AccelConfig) -> int:
    return sum(bits for bits, cycles in _skews(config)[2] if cycles >= _SHIFTED)


def _has(*functions: str) -> Callable[[AccelConfig], int]:
    return lambda c: int(any(f in c.features for f in functions))


def _has_coefficients(c: AccelConfig) -> int:
    return int(_has("affine", "lrn")(c) or c.dw_taps > 0)


#: By name. The resources of a block are linear in those that it names.
FEATURES: dict[str, Callable[[AccelConfig], float]] = {
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
    "coefficients": _has_coefficients,
    "coefficient lanes": lambda c: c.lanes * _has_coefficients(c),
    "coefficient beat": lambda c: c.axi_bytes * _has_coefficients(c),
    "depthwise": lambda c: int(c.dw_taps > 0),
    "depthwise lanes": lambda c: c.lanes * (c.dw_taps > 0),
    "depthwise multipliers": lambda c: c.lanes * c.dw_taps,
}
