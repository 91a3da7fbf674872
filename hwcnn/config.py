"""The accelerator's parameters: what the user chooses, and every width that follows from it.

Both the compiler and the RTL generator read this one object, so that no width is computed twice.
"""

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .errors import InputError

#: Multipliers a lane of the depthwise unit, at most.
MAX_DW_TAPS = 8
#: Functions of the vector engine that a configuration may leave out.
VECTOR_FEATURES = ("pool", "eltwise", "affine", "lrn", "lut")


def bits_for(n: int) -> int:
    """Bits that hold the values 0 to n-1 (at least one)."""
    return max(1, (n - 1).bit_length())


def max_axi_bytes(rows: int, cols: int) -> int:
    """Bytes of the widest AXI4 beat that an array of rows x cols PEs can have: a weight tile, or
    the parameters of an output block, fill a beat at least.
    """
    return min(rows * cols, 8 * cols)


@dataclass(frozen=True)
class AccelConfig:
    """Parameters of one accelerator.

    Parameters
    ----------
    rows, cols : PEs down (input channels, R) and across (output channels, C); powers of two from 4
    to 64.
    acc_depth : accumulator vectors in each of the two halves (D).
    act_kib : activation buffer in KiB.
    axi_bytes : bytes in a beat of the AXI4 data bus (8 to 64).
    queue_words : 16-byte instruction words that each engine's queue holds.
    read_fifo : beats that each read port may have in flight or waiting.
    weight_fifo : the same for the weight stream.
    param_slots : output blocks whose bias and scale the post engine holds at a time; likewise the
    vector engine.
    pool_depth : row-reduced vectors that the pooling window buffer holds; also the pixels of one
    LRN instruction.
    dw_taps : multipliers a lane of the depthwise unit, 0 to 8; 0 leaves it out.
    features : vector functions built in, a subset of ``VECTOR_FEATURES``.

    Raises InputError where a value is out of range or does not fit the others.
    """

    rows: int = 16
    cols: int = 16
    acc_depth: int = 512
    act_kib: int = 128
    axi_bytes: int = 16
    queue_words: int = 64
    read_fifo: int = 128
    weight_fifo: int = 512
    param_slots: int = 64
    pool_depth: int = 512
    dw_taps: int = 3
    features: tuple[str, ...] = field(default=VECTOR_FEATURES)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "features", tuple(f for f in VECTOR_FEATURES if f in self.features)
        )
        if not self.features:  # no vector engine
            object.__setattr__(self, "dw_taps", 0)
        ranges = dict(
            rows=(4, 64),
            cols=(4, 64),
            acc_depth=(64, 4096),
            act_kib=(4, 4096),
            axi_bytes=(8, 64),
            queue_words=(16, 256),
            read_fifo=(32, 1024),
            weight_fifo=(64, 4096),
            param_slots=(8, 256),
            pool_depth=(64, 4096),
        )
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value & (value - 1) or not low <= value <= high:
                raise InputError(
                    f"accelerator configuration: {name} = {value!r}: expected a power of two from "
                    f"{low} to {high}"
                )
        taps: Any = self.dw_taps
        if not isinstance(taps, int) or not 0 <= taps <= MAX_DW_TAPS:
            raise InputError(
                f"accelerator configuration: dw_taps = {taps!r}: expected a number from 0 to "
                f"{MAX_DW_TAPS}"
            )
        if self.axi_bytes > max_axi_bytes(self.rows, self.cols):
            raise InputError(
                f"accelerator configuration: axi_bytes = {self.axi_bytes} is too wide for a "
                f"{self.rows}x{self.cols} array: at most {max_axi_bytes(self.rows, self.cols)}"
            )

    @property
    def lanes(self) -> int:
        """L: channels in a block of a tensor in DRAM, and bytes in a vector."""
        return self.rows

    @property
    def post_lanes(self) -> int:
        """P: channels that the post engine emits a cycle: min(R, C)."""
        return min(self.rows, self.cols)

    @property
    def alu_lanes(self) -> int:
        """M: channels that the vector engine's ALU takes a cycle, half a vector."""
        return self.lanes // 2

    @property
    def act_vectors(self) -> int:
        """Vectors of L bytes in the activation buffer."""
        return self.act_kib * 1024 // self.lanes

    @property
    def tile_bytes(self) -> int:
        """Bytes of one weight tile (R*C)."""
        return self.rows * self.cols

    @property
    def post_param_bytes(self) -> int:
        """Bytes in DRAM of the parameters of one output block (C lanes of 8 bytes)."""
        return 8 * self.cols

    @property
    def vector_param_bytes(self) -> int:
        """Bytes in DRAM of the per-channel parameters of one vector block: L lanes of 8 bytes,
        filled up to a whole beat.
        """
        return max(8 * self.lanes, self.axi_bytes)

    @property
    def multipliers(self) -> int:
        """Multipliers that compute convolutions: the PEs and those of the depthwise unit."""
        return self.rows * self.cols + self.lanes * self.dw_taps

    @property
    def vector_sum_bits(self) -> int:
        """Width of the ALU's operand A: sums of windows, wider where there is a depthwise unit."""
        return 24 if self.dw_taps else 18

    @property
    def vector_constant_bits(self) -> int:
        """Width of the ALU's constant a channel."""
        return 40 if self.dw_taps else 32

    @property
    def dw_word_bytes(self) -> int:
        """Bytes in DRAM of the depthwise weights of a cycle: dw_taps vectors of L lanes, filled up
        to a power of two and to a whole beat.
        """
        taps = 1 << (self.dw_taps - 1).bit_length()
        return max(taps * self.lanes, self.axi_bytes)

    @property
    def sum_bits(self) -> int:
        """Width of a column's partial sum.

        A product of two int8 is within [-2**14 + 128, 2**14], so R of them are within 2**14 * R in
        size, which 16 + log2(R) signed bits hold.
        """
        return 16 + bits_for(self.rows)

    @property
    def pe(self) -> str:
        """ROWSxCOLS."""
        return f"{self.rows}x{self.cols}"

    def key(self) -> str:
        """A short hash of all parameters, for caches of builds."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """All parameters as JSON values; `from_dict` reads them."""
        return dataclasses.asdict(self) | {"features": list(self.features)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AccelConfig":
        """The configuration with these parameters; the others have their defaults.

        Raises InputError for unknown parameters and for values that make no sense.
        """
        known = sorted(f.name for f in dataclasses.fields(cls))
        if unknown := sorted(set(values) - set(known)):
            raise InputError(
                f"accelerator configuration: unknown key {unknown[0]!r}: known are "
                f"{', '.join(known)}"
            )
        values = dict(values)
        if "features" in values:
            values["features"] = cls._features(values["features"])
        return cls(**values)

    @staticmethod
    def _features(given: object) -> tuple[str, ...]:
        names = cast(list[object], given) if isinstance(given, list | tuple) else None
        if names is None or not all(isinstance(name, str) for name in names):
            raise InputError(
                f"accelerator configuration: features = {given!r}: expected a list of names, "
                f'such as ["pool"]: known are {", ".join(VECTOR_FEATURES)}'
            )
        features = cast(list[str], names)
        if bad := sorted(set(features) - set(VECTOR_FEATURES)):
            raise InputError(
                f"accelerator configuration: unknown feature {bad[0]!r}: known are "
                f"{', '.join(VECTOR_FEATURES)}"
            )
        return tuple(features)

    @classmethod
    def load(
        cls, config: "str | Path | AccelConfig | None" = None, pe: str | None = None
    ) -> "AccelConfig":
        """The configuration of a TOML file (all keys optional) or another one, with the array size
        `pe` ("ROWSxCOLS") over it.
        """
        values: dict[str, Any] = {}
        if isinstance(config, AccelConfig):
            values = config.to_dict()
        elif config is not None:
            try:
                values = tomllib.loads(Path(config).read_text())
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
                raise InputError(
                    f"{config}: cannot read the accelerator configuration: "
                    f"{getattr(e, 'strerror', e)}"
                ) from e
        if pe is not None:
            match = re.fullmatch(r"(\d+)x(\d+)", pe)
            if not match:
                raise InputError("expected ROWSxCOLS, such as 16x16", "pe", pe)
            values |= {"rows": int(match[1]), "cols": int(match[2])}
        rows, cols = values.get("rows"), values.get("cols")
        if "axi_bytes" not in values and isinstance(rows, int) and isinstance(cols, int):
            values["axi_bytes"] = max(8, min(16, rows * cols))
        return cls.from_dict(values)
