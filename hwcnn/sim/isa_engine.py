"""Runs a program on a DRAM image, one instruction after another, exactly as docs/architecture.md
defines them.

It also checks the waits: since instructions complete in program order, each wait must already hold.
"""

import collections

import numpy as np

from hwcnn import isa
from hwcnn.errors import RunError
from hwcnn.fixedpoint import requantise

_STEP_SIGN = 1 << 19
#: Products of two int8 whose sum float32 holds exactly.
EXACT_TERMS = 1024


class ProgramError(RunError):
    """The program does what it must not: a wait that cannot hold, weights that do not match, an
    address outside.
    """


def run(program, dram, config):
    """Execute a program on ``dram`` (uint8 array, changed in place). Returns the number of
    instructions by name.
    """
    return Engine(dram, config).run(program)


class Engine:
    """The machine's state: activation buffer, accumulators, parameters, weight stream, completion
    counters.
    """

    def __init__(self, dram, config):
        self.dram, self.config = dram, config
        # int8 values, ready for BLAS
        self.act = np.zeros((config.act_vectors, config.lanes), np.float32)
        self.acc = np.zeros((2 * config.acc_depth, config.cols), np.int32)
        self.post_params = np.zeros((config.param_slots, config.cols), np.uint64)
        self.vector_params = np.zeros((config.param_slots, config.lanes), np.uint64)
        self.lrn_table, self.table = np.zeros(1024, np.int64), np.zeros(256, np.int8)
        self.weights = collections.deque()
        self.counts = dict.fromkeys(isa.COUNTERS, 0)

    def run(self, program):
        at, executed = 0, collections.Counter()
        while True:
            try:
                instruction, waits, values, size = isa.decode(program, at)
            except ValueError as e:
                raise ProgramError(str(e)) from e
            for counter, count in waits.items():
                if self.counts[counter] < count:
                    raise ProgramError(
                        f"byte {at}: {instruction.name} waits for {counter} = {count}, but {self.counts[counter]} "
                        f"came before it"
                    )
            executed[instruction.name] += 1
            if instruction is isa.END:
                break
            getattr(self, "_" + instruction.name)(values)
            at += size
        if self.weights:
            raise ProgramError("the program streams weights that the array does not use")
        return dict(executed)

    def _count(self, *counters):
        for counter in counters:
            self.counts[counter] += 1

    def _memory(self, addr, strides, shape):
        """A view of DRAM: bytes of vectors, ``[..., lanes]``; int8."""
        end = addr + sum((n - 1) * s for n, s in zip(shape, strides)) + 1
        if end > len(self.dram):
            raise ProgramError(
                f"address {end - 1} is outside of the {len(self.dram)} bytes of memory"
            )
        return np.lib.stride_tricks.as_strided(self.dram[addr:end].view(np.int8), shape, strides)

    def _read(self, v, pad_value):
        """Operand tile int8 [n_blk, rows, cols, lanes], pads included."""
        lanes = self.config.lanes
        tile = self._memory(
            v["addr"],
            (v["blk_stride"], v["row_stride"], lanes, 1),
            (v["n_blk"], v["n_rows"], v["n_cols"], lanes),
        )
        pads = (0, 0), (v["pad_top"], v["pad_bottom"]), (v["pad_left"], v["pad_right"]), (0, 0)
        return np.pad(tile, pads, constant_values=pad_value)

    def _write(self, v, values):
        """values : int8 [n_blk, out_rows * out_cols, P]."""
        rows, cols, width = v["out_rows"], v["out_cols"], values.shape[-1]
        view = self._memory(
            v["out_addr"],
            (v["out_blk_stride"], v["out_row_stride"], v["out_pix_stride"], 1),
            (v["n_blk"], rows, cols, width),
        )
        view[...] = values.reshape(v["n_blk"], rows, cols, width)

    def _load(self, v):
        tile = self._read(v, v["pad_value"]).reshape(-1, self.config.lanes)
        if v["dest"] + len(tile) > len(self.act):
            raise ProgramError(
                f"load: {len(tile)} vectors at {v['dest']} exceed the activation buffer"
            )
        self.act[v["dest"] : v["dest"] + len(tile)] = tile
        self._count("load")

    def _weight(self, v):
        self.weights.append(self._memory(v["addr"], (1,), (v["n_bytes"],)))

    def _pop_weights(self, n):
        parts = []
        while n:
            if not self.weights:
                raise ProgramError("array: its weights have not been streamed")
            first = self.weights.popleft()
            parts.append(first[:n])
            if len(first) > n:
                self.weights.appendleft(first[n:])
            n -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _param(self, v):
        data = self._memory(v["addr"], (1,), (v["n_beats"] * self.config.axi_bytes,))
        if v["dest"] in (0, 1):
            slots, size = (
                (self.post_params, self.config.post_param_bytes)
                if v["dest"] == 0
                else (self.vector_params, self.config.vector_param_bytes)
            )
            words = (
                np.ascontiguousarray(data).view("<u8").reshape(-1, size // 8)[:, : slots.shape[1]]
            )
            slots[(v["index"] + np.arange(len(words))) % len(slots)] = words
        elif v["dest"] == 2:
            words = np.ascontiguousarray(data).view("<u4").astype(np.int64) & 0x1FFFF
            self.lrn_table[: len(words)] = words[:1024]
        else:
            self.table[:] = data[:256]
        self._count("param")

    def _array(self, v):
        config = self.config
        steps = {
            k: v[k] - (1 << 20) if v[k] >= _STEP_SIGN else v[k]
            for k in ("s_cb", "s_ky", "s_kx", "s_ob", "s_y", "s_x")
        }
        taps = v["n_cb"] * v["n_ky"] * v["n_kx"]
        pixels, obs = v["n_y"] * v["n_x"], v["n_ob"]
        w = self._pop_weights(taps * obs * config.tile_bytes).reshape(
            taps, obs, config.rows, config.cols
        )
        out = self.acc[v["acc"] : v["acc"] + obs * pixels]
        if len(out) != obs * pixels:
            raise ProgramError(f"array: {obs * pixels} sums at {v['acc']} exceed the accumulators")
        sums = _passes(self._tile(v, steps), w).reshape(obs * pixels, config.cols)
        out[...] = (out + sums if v["accumulate"] else sums).astype(np.int32)
        self._count("array")

    def _tile(self, v, steps):
        """What the passes read: float32 [n_ob or 1, n_y, n_x, n_cb, n_ky, n_kx, lanes], a view of
        the activation buffer.
        """
        names = (
            ("n_ob", "s_ob"),
            ("n_y", "s_y"),
            ("n_x", "s_x"),
            ("n_cb", "s_cb"),
            ("n_ky", "s_ky"),
            ("n_kx", "s_kx"),
        )
        shape = [v[n] if steps[s] or s != "s_ob" else 1 for n, s in names]
        jumps = [steps[s] for _, s in names]
        reach = [(n - 1) * s for n, s in zip(shape, jumps)]
        first = v["base"] + sum(r for r in reach if r < 0)
        last = v["base"] + sum(r for r in reach if r > 0)
        if first < 0 or last >= len(self.act):
            raise ProgramError(
                f"array: reads vectors {first} to {last} of an activation buffer of {len(self.act)}"
            )
        size, lanes = self.act.itemsize, self.config.lanes
        return np.lib.stride_tricks.as_strided(
            self.act[v["base"] :], (*shape, lanes), (*(s * lanes * size for s in jumps), size)
        )

    def _post(self, v):
        config, pixels = self.config, v["out_rows"] * v["out_cols"]
        lanes = config.post_lanes
        part = slice(v["group"] * lanes, (v["group"] + 1) * lanes)
        acc = (
            self.acc[v["acc"] : v["acc"] + v["n_blk"] * pixels, part]
            .reshape(v["n_blk"], pixels, lanes)
            .astype(np.int64)
        )
        words = self.post_params[(v["slot"] + np.arange(v["n_blk"])) % config.param_slots, part]
        bias, mantissa, shift = (field[:, None] for field in _unpack(words))
        q = requantise(acc + bias, mantissa, shift, v["zero"], v["low"], v["high"])
        if v["stage2"]:
            t = q.astype(np.int64) * v["ma"] + v["c"]
            if v["residual"]:
                r = self._memory(
                    v["res_addr"],
                    (v["out_blk_stride"], v["out_row_stride"], config.lanes, 1),
                    (v["n_blk"], v["out_rows"], v["out_cols"], lanes),
                )
                t = t + r.reshape(q.shape).astype(np.int64) * v["mb"]
            q = requantise(t, 1, v["shift"], v["zero2"], v["low2"], v["high2"])
        self._write(v, q)
        self._count("post", "pstore")

    def _vector(self, v):
        a = self._read(v, v["pad_value"]).astype(np.int64)
        if v["lrn"]:
            q = self._lrn(v, a)
        else:
            x = _windows(v, a) if v["reduce"] != isa.REDUCE_NONE else a
            q = self._alu(v, x)
        if v["lut"]:
            q = self.table[q.astype(np.int64) + 128]
        self._write(v, q.reshape(v["n_blk"], -1, self.config.lanes))
        self._count("vstore")

    def _alu(self, v, x):
        a, b, lanes = x + v["ca"], 0, self.config.lanes
        if v["b_mode"] == isa.B_MAP:
            b = self._memory(
                v["b_addr"], (v["b_blk_stride"], v["row_stride"], lanes, 1), x.shape
            ).astype(np.int64)
        elif v["b_mode"] == isa.B_BROADCAST:
            b = self._memory(v["b_addr"], (v["b_blk_stride"], 0, 0, 1), x.shape).astype(np.int64)
        b = b + v["cb"] if v["b_mode"] != isa.B_NONE else 0
        ma, c, shift = v["ma"], v["c"], v["shift"]
        if v["per_channel"]:
            words = self.vector_params[
                (v["slot"] + np.arange(v["n_blk"])) % self.config.param_slots
            ]
            c, ma, shift = (field[:, None, None] for field in _unpack(words))
        t = {
            isa.ALU_ADD: lambda: a * ma + b * v["mb"],
            isa.ALU_MUL: lambda: a * b * v["mb"],
            isa.ALU_MAX: lambda: np.maximum(a * ma, b * v["mb"]),
            isa.ALU_MIN: lambda: np.minimum(a * ma, b * v["mb"]),
        }[v["alu"]]()
        return requantise(t + c, 1, shift, v["zero"], v["low"], v["high"])

    def _lrn(self, v, a):
        n_blk, rows, cols, lanes = a.shape
        d = (a + v["ca"]).transpose(0, 3, 1, 2).reshape(n_blk * lanes, rows * cols)
        half = v["lrn_half"]
        squares = np.pad(d * d, ((half, half), (0, 0)))
        total = sum(squares[k : k + len(d)] for k in range(2 * half + 1))
        e = np.maximum(np.floor(np.log2(np.maximum(total, 1))).astype(np.int64) - 6, 0)
        index = np.where(total < 128, total, 64 * e + (total >> e))
        q = requantise(d * self.lrn_table[index], 1, v["shift"], v["zero"], v["low"], v["high"])
        return q.reshape(n_blk, lanes, rows * cols).transpose(0, 2, 1)


def _passes(x, w):
    """int64 [output blocks, pixels, cols] of all passes of an ARRAY.

    x : as `Engine._tile` gives; w : int8 [taps, output blocks, rows, cols]. In float32, exact: no
    part sums more than 1024 products, so that every partial sum is an integer of at most 2**24.
    """
    taps, obs, rows, cols = w.shape
    own, pixels = x.shape[0], x.shape[1] * x.shape[2]
    if own == 1:
        w = w.transpose(0, 2, 1, 3).reshape(1, taps * rows, obs * cols)
    else:
        w = w.transpose(1, 0, 2, 3).reshape(obs, taps * rows, cols)
    flat, total = x.reshape(own, pixels, taps * rows), np.int64(0)
    for k in range(0, taps * rows, EXACT_TERMS):
        part = flat[:, :, k : k + EXACT_TERMS] @ w[:, k : k + EXACT_TERMS].astype(np.float32)
        total = total + part.astype(np.int64)
    return total.reshape(pixels, obs, cols).transpose(1, 0, 2) if own == 1 else total


def _unpack(words):
    """(bias, mantissa, shift) of parameter words."""
    bias = (words & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32).astype(np.int64)
    mantissa = (words >> np.uint64(32) & np.uint64(0x3FFFF)).astype(np.int64)
    mantissa = np.where(mantissa >= 1 << 17, mantissa - (1 << 18), mantissa)
    return bias, mantissa, (words >> np.uint64(50) & np.uint64(0x3F)).astype(np.int64)


def _windows(v, a):
    """Windows reduced: int64 [n_blk, out_rows, out_cols, lanes]."""
    rows, cols = v["out_rows"], v["out_cols"]
    reduce = np.maximum if v["reduce"] == isa.REDUCE_MAX else np.add
    result = None
    for ky in range(v["kh"]):
        for kx in range(v["kw"]):
            part = a[
                :,
                ky : ky + (rows - 1) * v["sh"] + 1 : v["sh"],
                kx : kx + (cols - 1) * v["sw"] + 1 : v["sw"],
            ]
            result = part if result is None else reduce(result, part)
    return result
