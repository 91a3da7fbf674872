"""Random integer networks, built directly as ``ir.Graph``, and how to run a compiled one."""

import dataclasses

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import multiplier
from hwcnn.golden.lrn import lrn_table
from hwcnn.scheduler.rewrite.fold_stem import pack_input
from hwcnn.sim.engines import isa_engine


class Builder:
    """Adds operations with random parameters that keep results spread over int8; each returns its
    result's name.
    """

    def __init__(self, seed, shape, name="random"):
        self.rng = np.random.default_rng(seed)
        self.graph = ir.Graph(name, {}, [], ["x"], [])
        self.tensor("x", shape)

    def tensor(self, name, shape, zero=None):
        zero = int(self.rng.integers(-20, 20)) if zero is None else zero
        self.graph.tensors[name] = ir.Tensor(name, tuple(int(s) for s in shape), 0.05, zero)
        return name

    def new(self, shape, zero=None):
        return self.tensor(f"t{len(self.graph.tensors)}", shape, zero)

    def shape(self, x):
        return self.graph.tensors[x].shape

    def zero(self, x):
        return self.graph.tensors[x].zero

    def add(self, op):
        self.graph.ops.append(op)
        return op.y

    def conv(
        self, x, cout, kernel=1, stride=1, pads=0, groups=1, dilation=1, residual=None, relu=False
    ):
        rng, (n, c, h, w) = self.rng, self.shape(x)
        (kh, kw), (sh, sw), (dh, dw) = _pair(kernel), _pair(stride), _pair(dilation)
        pads = (pads,) * 4 if isinstance(pads, int) else pads
        oh, ow = (
            (h + pads[0] + pads[2] - (kh - 1) * dh - 1) // sh + 1,
            (w + pads[1] + pads[3] - (kw - 1) * dw - 1) // sw + 1,
        )
        y = self.new((n, cout, oh, ow))
        weight = rng.integers(-128, 128, (cout, c // groups, kh, kw)).astype(np.int8)
        spread = 60 * 74 * np.sqrt(weight[0].size)
        mantissa, shift = multiplier(rng.uniform(30, 60, cout) / spread)
        bias = rng.integers(-2000, 2000, cout).astype(np.int32)
        second = None
        if residual is not None:
            ma, mb = (int(rng.integers(1 << 15, 1 << 17)) for _ in range(2))
            second = ir.Second(
                residual, ma, mb, int(rng.integers(-1 << 20, 1 << 20)), 17, self.zero(y), -128, 120
            )
        low = self.zero(y) if relu else -128
        return self.add(
            ir.Conv(
                y + ".conv",
                x,
                y,
                weight,
                bias,
                mantissa,
                shift,
                self.zero(y),
                low,
                127,
                (sh, sw),
                pads,
                (dh, dw),
                groups,
                self.zero(x),
                second,
                fully_connected=(kh, kw) == (h, w),
            )
        )

    def pool(self, x, kind, kernel, stride, pads=0, ceil=False, include_pad=False):
        (n, c, h, w), (kh, kw), (sh, sw) = self.shape(x), _pair(kernel), _pair(stride)
        pads = (pads,) * 4 if isinstance(pads, int) else pads
        oh = _out(h, kh, sh, pads[0], pads[2], ceil)
        ow = _out(w, kw, sw, pads[1], pads[3], ceil)
        y = self.new((n, c, oh, ow))
        if kind == "max":
            mults = {0: tuple(int(v) for v in multiplier(self.rng.uniform(0.5, 1.5)))}
        else:
            real = self.rng.uniform(1, 3)
            full = kh * kw
            counts = np.outer(_taps(h, kh, sh, pads[0], oh), _taps(w, kw, sw, pads[1], ow))
            mults = {
                int(t): tuple(int(v) for v in multiplier(real / (full if include_pad else t)))
                for t in np.unique(counts)
            }
        return self.add(
            ir.Pool(
                y + ".pool", x, y, kind, (kh, kw), (sh, sw), pads, mults, self.zero(x), self.zero(y)
            )
        )

    def eltwise(self, a, b, kind):
        rng, y = self.rng, self.new(self.shape(a))
        shift = 24 if kind == "mul" else 17
        return self.add(
            ir.Eltwise(
                y + ".eltwise",
                a,
                b,
                y,
                kind,
                -self.zero(a),
                -self.zero(b),
                int(rng.integers(1 << 15, 1 << 17)),
                int(rng.integers(1 << 15, 1 << 17)),
                int(rng.integers(-1 << 18, 1 << 18)),
                shift,
                self.zero(y),
            )
        )

    def affine(self, x):
        rng, c, y = self.rng, self.shape(x)[1], self.new(self.shape(x))
        return self.add(
            ir.Affine(
                y + ".affine",
                x,
                y,
                rng.integers(-1 << 17, 1 << 17, c),
                rng.integers(-1 << 22, 1 << 22, c),
                rng.integers(16, 20, c),
                self.zero(y),
            )
        )

    def lut(self, x):
        y = self.new(self.shape(x))
        return self.add(ir.Lut(y + ".lut", x, y, self.rng.integers(-128, 128, 256).astype(np.int8)))

    def lrn(self, x, size=5):
        y = self.new(self.shape(x))
        table, shift = lrn_table(size, 0.5, 0.75, 1.0, 0.05, 0.04)
        return self.add(ir.Lrn(y + ".lrn", x, y, size, table, shift, self.zero(x), self.zero(y)))

    def concat(self, *xs):
        n, _, h, w = self.shape(xs[0])
        y = self.new((n, sum(self.shape(x)[1] for x in xs), h, w))
        for x in xs:
            self._set_zero(x, self.zero(y))
        return self.add(ir.Concat(y + ".concat", xs, y))

    def _set_zero(self, name, zero):
        """Give a tensor that zero point, and whatever writes or reads it."""
        if self.zero(name) == zero:
            return
        self.graph.tensors[name] = dataclasses.replace(self.graph.tensors[name], zero=zero)
        for i, op in enumerate(self.graph.ops):
            if isinstance(op, ir.Concat) and name in (op.y, *op.xs):
                for other in (op.y, *op.xs):
                    self._set_zero(other, zero)
            changes = {}
            if op.y == name and getattr(op, "second", None) is not None:
                changes["second"] = dataclasses.replace(op.second, zero=zero)
            elif op.y == name and hasattr(op, "zero"):
                changes["zero"] = zero
                if getattr(op, "low", -128) == op.zero:  # a ReLU
                    changes["low"] = zero
            if getattr(op, "x", None) == name and hasattr(op, "x_zero"):
                changes["x_zero"] = zero
            if getattr(op, "x", None) == name and isinstance(op, ir.Conv):
                changes["pad_value"] = zero
            if isinstance(op, ir.Eltwise):
                changes |= {c: -zero for c, x in (("ca", op.a), ("cb", op.b)) if x == name}
            self.graph.ops[i] = dataclasses.replace(op, **changes)

    def done(self, *outputs):
        self.graph.outputs = list(outputs)
        return self.graph.verify()


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _taps(size, k, s, before, out):
    starts = np.arange(out) * s - before
    return np.minimum(starts + k, size) - np.maximum(starts, 0)


def _out(size, k, s, before, after, ceil):
    over = size + before + after - k
    out = (-(-over // s) if ceil else over // s) + 1
    return out - 1 if ceil and (out - 1) * s >= size + before else out


def random_input(graph, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }


def fill_inputs(dram, manifest, inputs):
    """Pack the pictures (int8 NCHW by source name) into the DRAM image."""
    for entry in manifest.inputs:
        place = manifest.tensors[entry.tensor].placement
        packed = place.pack(pack_input(inputs[entry.source], entry.pack))
        dram[place.addr : place.addr + len(packed)] = packed


def run_isa(compiled, inputs, config, noise=None):
    """Every tensor by name after running the program. noise : seed of what memory held before, else
    zeros.
    """
    dram = compiled.dram()
    if noise is not None:
        size = compiled.manifest.memory.tensors.size
        dram[:size] = np.random.default_rng(noise).integers(0, 256, size)
    fill_inputs(dram, compiled.manifest, inputs)
    isa_engine.run(compiled.program, dram, config)
    return {
        name: tensor.placement.unpack(dram) for name, tensor in compiled.manifest.tensors.items()
    }


def random_network(seed, size=12, batch=1, layers=8):
    """A random chain with branches, over all layer types."""
    b = Builder(
        seed, (batch, int(np.random.default_rng(seed).integers(1, 9)), size, size + seed % 3)
    )
    rng = np.random.default_rng(seed + 1000)
    x = b.conv(
        "x",
        int(rng.integers(5, 40)),
        kernel=int(rng.choice([1, 3, 5])),
        pads=int(rng.integers(0, 3)),
        stride=int(rng.integers(1, 3)),
    )
    for _ in range(layers):
        x = _random_layer(b, rng, x)
    _, _, h, w = b.shape(x)
    if rng.integers(2):
        x = b.pool(x, "average", (h, w), 1)
        h = w = 1
    return b.done(b.conv(x, int(rng.integers(3, 50)), kernel=(h, w)))


def _random_layer(b, rng, x):
    _, c, h, w = b.shape(x)
    kind = rng.choice(
        [
            "conv",
            "dilated",
            "grouped",
            "depthwise",
            "residual",
            "max",
            "average",
            "concat",
            "dense",
            "lrn",
            "eltwise",
            "broadcast",
            "affine",
            "lut",
            "sepconv",
        ]
    )
    small = min(h, w) < 3
    channels = int(rng.integers(3, 45))
    if kind == "conv" or (small and kind in ("dilated", "max", "average", "sepconv")):
        return b.conv(
            x,
            channels,
            1 if small else int(rng.choice([1, 2, 3])),
            int(rng.integers(1, 3)),
            int(rng.integers(0, 2)),
        )
    if kind == "sepconv":
        return b.conv(
            x,
            channels,
            (1, 3) if rng.integers(2) else (3, 1),
            (1, 2) if rng.integers(2) else (2, 1),
            (0, 1, 1, 0),
        )
    if kind == "dilated":
        return b.conv(x, channels, 3, 1, 2, dilation=2)
    if kind == "grouped":
        groups = int(rng.choice([g for g in range(1, c + 1) if c % g == 0]))
        return b.conv(
            x,
            groups * int(rng.integers(1, 1 + max(1, 40 // groups))),
            1 if small else 3,
            1,
            0 if small else 1,
            groups=groups,
        )
    if kind == "depthwise":
        return b.conv(
            x,
            c,
            1 if small else 3,
            1 if small else int(rng.integers(1, 3)),
            0 if small else 1,
            groups=c,
        )
    if kind == "residual":
        y = b.conv(x, channels, 1)
        z = b.conv(x, channels, 1 if small else 3, 1, 0 if small else 1, residual=y, relu=True)
        return b.conv(z, c, 1, residual=x) if rng.integers(2) else z
    if kind == "max":
        k, s = (int(rng.integers(2, 4)), int(rng.integers(1, 3)))
        return b.pool(x, "max", k, s, int(rng.integers(0, 2)), ceil=bool(rng.integers(2)))
    if kind == "average":
        return b.pool(
            x,
            "average",
            int(rng.integers(2, 4)),
            int(rng.integers(1, 3)),
            int(rng.integers(0, 2)),
            ceil=bool(rng.integers(2)),
            include_pad=bool(rng.integers(2)),
        )
    if kind == "concat":
        operands = [
            b.conv(x, int(rng.integers(3, 20)), 1),
            b.pool(x, "max", 3, 1, 1),
            x,
            b.conv(x, int(rng.integers(3, 20)), 3, 1, 1),
        ]
        return b.concat(*[operands[i] for i in rng.permutation(4)[:3]])
    if kind == "dense":
        for _ in range(3):
            x = b.concat(x, b.conv(b.affine(x), int(rng.integers(4, 18)), 3, 1, 1))
        return x
    if kind == "lrn":
        return b.lrn(x, int(rng.choice([3, 5])))
    if kind == "eltwise":
        other = b.conv(x, c, 1)
        return b.eltwise(x, other, str(rng.choice(["add", "mul", "max", "min"])))
    if kind == "broadcast":
        squeezed = b.lut(b.conv(b.pool(x, "average", (h, w), 1), c, 1))
        return b.eltwise(x, squeezed, "mul") if b.graph.ops[-1] and not _holes(b, x) else squeezed
    return b.affine(x) if kind == "affine" else b.lut(x)


def _holes(b, x):
    return any(isinstance(op, ir.Concat) for op in b.graph.ops)
