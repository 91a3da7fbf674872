"""A small network assembled by hand: its DRAM image, its program, and what NumPy says must be in
DRAM after it.
"""

import numpy as np
from instruction_fields import COPY

from hwcnn import isa
from hwcnn.fixedpoint import requantise, round_shift, saturate

#: Side of all maps but the pooled one.
SIDE = 5


class Image:
    """DRAM content that grows as things are placed in it."""

    def __init__(self):
        self.bytes = bytearray()

    def place(self, content, align=64):
        """Append; returns the byte address."""
        self.bytes += bytes(-len(self.bytes) % align)
        address = len(self.bytes)
        self.bytes += content
        return address

    def place_map(self, tensor, lanes):
        """A map (C, H, W) as channel blocks."""
        return self.place(blocks(tensor, lanes))


def blocks(tensor, lanes):
    """The bytes of a map (C, H, W): [blocks][H][W][lanes]."""
    c, h, w = tensor.shape
    return np.ascontiguousarray(
        tensor.reshape(c // lanes, lanes, h, w).transpose(0, 2, 3, 1)
    ).tobytes()


def convolve(x, weight, pad, pad_value):
    """Sums of int8 products, (Cout, H, W), stride 1."""
    c, h, w = x.shape
    padded = np.full((c, h + 2 * pad, w + 2 * pad), pad_value, np.int64)
    padded[:, pad : pad + h, pad : pad + w] = x
    out = np.zeros((weight.shape[0], h, w), np.int64)
    for ky in range(weight.shape[2]):
        for kx in range(weight.shape[3]):
            out += np.einsum(
                "oc,chw->ohw",
                weight[:, :, ky, kx].astype(np.int64),
                padded[:, ky : ky + h, kx : kx + w],
            )
    return out


class Network:
    """Two convolutions (3x3 in two row tiles, 1x1 with a residual), max pooling, an addition; maps
    of 2*R channels.

    Attributes: `image` (bytes), `program` (its address), `regions` (bus client to an address that
    only it touches), `expected` (address to bytes after the run), `instructions` (number by
    counter), `pixels` (array cycles).
    """

    def __init__(self, config, vector=True, seed=1):
        assert config.rows == config.cols
        self.config, self.vector = config, vector
        self.random, self.memory = np.random.default_rng(seed), Image()
        self.expected, self.regions = {}, {}
        self.lanes, self.channels = config.lanes, 2 * config.lanes
        self.code = []
        self._build()
        self.program = self.memory.place(b"".join(self.code))
        self.memory.place(bytes(512))  # fetch may read as far
        self.regions["fetch"] = self.program
        self.image = bytes(self.memory.bytes)

    def int8(self, *shape):
        return self.random.integers(-128, 128, shape, dtype=np.int8)

    def emit(self, instruction, waits=None, **values):
        self.code.append(isa.encode(instruction, waits, **values))

    def output(self, tensor):
        """A place for a map that the run writes; returns its address."""
        content = blocks(tensor, self.lanes)
        address = self.memory.place(bytes(len(content)))
        self.expected[address] = content
        return address

    def params(self, weight, tap_bits):
        """Random bias, mantissa and shift that use the int8 range; and the address of their DRAM
        image.
        """
        n = len(weight)
        bias = self.random.integers(-5000, 5000, n)
        mantissa = self.random.integers(1 << 16, 1 << 17, n)
        shift = self.random.integers(tap_bits, tap_bits + 3, n)
        words = isa.CHANNEL.pack_arrays({"bias": bias, "mantissa": mantissa, "shift": shift})
        return bias, mantissa, shift, self.memory.place(words.astype("<u8").tobytes())

    def weight_stream(self, weight):
        """Tiles in the order of the loops cb, ky, kx, ob."""
        n, out = self.lanes, b""
        for cb in range(weight.shape[1] // n):
            for ky in range(weight.shape[2]):
                for kx in range(weight.shape[3]):
                    for ob in range(weight.shape[0] // n):
                        out += np.ascontiguousarray(
                            weight[ob * n : ob * n + n, cb * n : cb * n + n, ky, kx].T
                        ).tobytes()
        return self.memory.place(out), len(out)

    def strides(self, prefix=""):
        return {
            f"{prefix}blk_stride": SIDE * SIDE * self.lanes,
            f"{prefix}row_stride": SIDE * self.lanes,
        }

    def _build(self):
        x = self.int8(self.channels, SIDE, SIDE)
        x_at = self.memory.place_map(x, self.lanes)
        y1, y1_at = self._two_tiles(x, x_at)
        y2, y2_at = self._pointwise(y1, y1_at, x, x_at)
        if self.vector:
            self._pool(y2, y2_at)
            self._add(y1, y1_at, y2, y2_at)
        self.instructions = {
            "load": 3,
            "array": 3,
            "post": 3,
            "pstore": 3,
            "vstore": 2 * self.vector,
            "param": 2,
        }
        self.pixels = 2 * 2 * (9 + 1) * SIDE * SIDE
        self.emit(isa.END, self.instructions)

    def _load(self, waits, address, row, rows, pads, pad_value, dest):
        self.emit(
            isa.LOAD,
            waits,
            addr=address + row * SIDE * self.lanes,
            **self.strides(),
            n_blk=2,
            n_rows=rows,
            n_cols=SIDE,
            pad_top=pads[0],
            pad_bottom=pads[1],
            pad_left=pads[2],
            pad_right=pads[2],
            pad_value=pad_value,
            dest=dest,
            half=isa.HALF_NONE,
        )

    def _param(self, address, index):
        self.emit(
            isa.PARAM,
            dest=0,
            addr=address,
            index=index,
            n_beats=8 * self.channels // self.config.axi_bytes,
        )

    def _array(self, waits, base, rows, width, height, kernel, acc):
        self.emit(
            isa.ARRAY,
            waits,
            base=base,
            n_cb=2,
            s_cb=width * height,
            n_ky=kernel,
            s_ky=width,
            n_kx=kernel,
            s_kx=1,
            n_ob=2,
            s_ob=0,
            n_y=rows,
            s_y=width,
            n_x=SIDE,
            s_x=1,
            acc=acc,
            accumulate=0,
            upper=0,
        )

    def _post(self, waits, acc, slot, zero, address, row, rows, **second):
        fields = (
            dict(
                stage2=0, residual=0, ma=0, mb=0, c=0, shift=0, zero2=0, low2=0, high2=0, res_addr=0
            )
            | second
        )
        self.emit(
            isa.POST,
            waits,
            acc=acc,
            n_blk=2,
            group=0,
            slot=slot,
            zero=zero,
            low=-128,
            high=127,
            **fields,
            out_addr=address + row * SIDE * self.lanes,
            **self.strides("out_"),
            out_pix_stride=self.lanes,
            out_rows=rows,
            out_cols=SIDE,
        )

    def _two_tiles(self, x, x_at):
        pad_value, zero, half = -7, 11, self.config.acc_depth
        weight = self.int8(self.channels, self.channels, 3, 3)
        weights_at, n_bytes = self.weight_stream(weight)
        bias, mantissa, shift, params_at = self.params(weight, 27)
        self.regions |= {"load": x_at, "weights": weights_at, "params": params_at}
        sums = convolve(x, weight, 1, pad_value) + bias[:, None, None]
        y = requantise(sums, mantissa[:, None, None], shift[:, None, None], zero)
        y_at = self.output(y)
        self.regions["post"] = y_at
        self._param(params_at, 0)
        tiles = [
            dict(row=0, rows=3, first=0, n=4, pads=(1, 0, 1)),
            dict(row=3, rows=2, first=2, n=3, pads=(0, 1, 1)),
        ]
        for k, t in enumerate(tiles):
            self._load(None, x_at, t["first"], t["n"], t["pads"], pad_value, dest=100 * k)
            self.emit(isa.WEIGHT, addr=weights_at, n_bytes=n_bytes)
            self._array(
                {"load": k + 1}, 100 * k, t["rows"], SIDE + 2, t["rows"] + 2, 3, acc=half * k
            )
            self._post({"array": k + 1, "param": 1}, half * k, 0, zero, y_at, t["row"], t["rows"])
        return y, y_at

    def _pointwise(self, y1, y1_at, residual, residual_at):
        zero, second = (
            -3,
            dict(ma=-70000, mb=45000, c=123456, shift=17, zero2=5, low2=-100, high2=90),
        )
        weight = self.int8(self.channels, self.channels, 1, 1)
        weights_at, n_bytes = self.weight_stream(weight)
        bias, mantissa, shift, params_at = self.params(weight, 25)
        sums = convolve(y1, weight, 0, 0) + bias[:, None, None]
        q = requantise(sums, mantissa[:, None, None], shift[:, None, None], zero)
        t = (
            q.astype(np.int64) * second["ma"]
            + residual.astype(np.int64) * second["mb"]
            + second["c"]
        )
        y = saturate(
            round_shift(t, second["shift"]) + second["zero2"], second["low2"], second["high2"]
        )
        y_at = self.output(y)
        self._param(params_at, 2)
        self._load({"pstore": 2, "array": 1}, y1_at, 0, SIDE, (0, 0, 0), 0, dest=0)
        self.emit(isa.WEIGHT, addr=weights_at, n_bytes=n_bytes)
        self._array({"load": 3, "post": 1}, 0, SIDE, SIDE, SIDE, 1, acc=0)
        # A copy of the residual of its own, so that an error on it is the residual reader's alone.
        copy_at = self.memory.place_map(residual, self.lanes)
        self.regions["residual"] = copy_at
        self._post(
            {"array": 3, "param": 2},
            0,
            2,
            zero,
            y_at,
            0,
            SIDE,
            stage2=1,
            residual=1,
            res_addr=copy_at,
            **second,
        )
        return y, y_at

    def _vector(self, waits, address, pads, out, out_at, **fields):
        base = COPY | dict(lrn_half=1, ma=0)
        _, h, w = out.shape
        self.emit(
            isa.VECTOR,
            waits,
            addr=address,
            **self.strides(),
            n_blk=2,
            n_rows=SIDE,
            n_cols=SIDE,
            pad_top=pads,
            pad_bottom=pads,
            pad_left=pads,
            pad_right=pads,
            pad_value=-128,
            **base | fields,
            out_addr=out_at,
            out_blk_stride=h * w * self.lanes,
            out_row_stride=w * self.lanes,
            out_pix_stride=self.lanes,
            out_rows=h,
            out_cols=w,
        )

    def _pool(self, x, x_at):
        padded = np.full((self.channels, SIDE + 2, SIDE + 2), -128, np.int64)
        padded[:, 1:-1, 1:-1] = x
        out = (SIDE - 1) // 2 + 1
        peak = np.max(
            [
                padded[:, ky : ky + 2 * out - 1 : 2, kx : kx + 2 * out - 1 : 2]
                for ky in range(3)
                for kx in range(3)
            ],
            axis=0,
        )
        y = saturate(round_shift((peak - 5) * 90000, 17) + 9)
        y_at = self.output(y)
        self.regions |= {"vector": y_at}
        self._vector(
            {"pstore": 3},
            x_at,
            1,
            y,
            y_at,
            reduce=isa.REDUCE_MAX,
            kh=3,
            kw=3,
            sh=2,
            sw=2,
            ca=-5,
            ma=90000,
            shift=17,
            zero=9,
        )

    def _add(self, a, a_at, b, b_at):
        t = (a.astype(np.int64) - 11) * 61000 + (b.astype(np.int64) - 5) * 99000 + 777
        y = saturate(round_shift(t, 18) - 20, -90, 80)
        y_at = self.output(y)
        # Copies, as for the residual; they are inputs, since the maps that they equal come from the
        # run.
        a_copy, b_copy = self.memory.place_map(a, self.lanes), self.memory.place_map(b, self.lanes)
        self.regions |= {"vector_a": a_copy, "vector_b": b_copy}
        self._vector(
            {"pstore": 3},
            a_copy,
            0,
            y,
            y_at,
            b_mode=isa.B_MAP,
            b_addr=b_copy,
            b_blk_stride=SIDE * SIDE * self.lanes,
            ca=-11,
            cb=-5,
            ma=61000,
            mb=99000,
            c=777,
            shift=18,
            zero=-20,
            low=-90,
            high=80,
        )
