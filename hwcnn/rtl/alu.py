"""The arithmetic of the vector engine on L lanes: two multipliers a lane, rounding and clamping."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from .delay import delay
from .layouts import PARAM_LAYOUT
from .roundclamp import RoundClamp
from .window import SUM_BITS

#: The fields that all lanes share. use_b: 0 makes B zero.
ALU_FIELDS = data.StructLayout({
    "alu": 2, "use_b": 1, "ca": signed(18), "cb": signed(9), "mb": signed(18),
    "zero": signed(8), "low": signed(8), "high": signed(8),
})
#: |A*ma| and |B*mb| are at most 2**34, |c| at most 2**31: their sum is below 2**36 in size.
PRODUCT_BITS, TERM_BITS = 36, 37
#: b + cb
_B_BITS = 10


class Alu(wiring.Component):
    """``clamp(zero + round_half_even(t / 2**shift), low, high)`` of a vector in every cycle.

    With A = x + ca and B = b + cb, t = A*ma + B*mb + c (add), A*B*mb + c (multiply), max or min of (A*ma, B*mb) + c.
    A must fit 18 bits, and so must A*B.

    A free-running pipeline of `latency` cycles. ma, c and shift are those in the coefficient registers when a vector comes
    with `start`; they and the fields stay for the vectors that follow, until the next `start`. The coefficient
    registers and the fields must not change with `start` and while `loading`, which follows it (except ma, which is taken at once).

    Parameters
    ----------
    lanes : L. coefficient_sets : L (one a lane) or 1 (all lanes share it). sources : coefficients written at a time.
    eltwise : with operand B; without it ``alu`` is add and B is zero.

    Members
    -------
    fields : ALU_FIELDS. set : write the coefficients of the lanes in ``mask``, lane k from ``values[k % sources]``.
    i : {valid, start, tag, x: L x 18 bits, b: L x 8}. o : {valid, tag, vector: L x 8}; tag is carried along. loading : see above.
    """

    def __init__(self, lanes, coefficient_sets, sources=1, eltwise=True):
        self.lanes, self.sets, self.sources, self.eltwise = lanes, coefficient_sets, sources, eltwise
        super().__init__({
            "fields": In(ALU_FIELDS),
            "set": In(wiring.Signature({
                "mask": Out(coefficient_sets), "values": Out(data.ArrayLayout(PARAM_LAYOUT, sources))})),
            "i": In(wiring.Signature({
                "valid": Out(1), "start": Out(1), "tag": Out(1),
                "x": Out(data.ArrayLayout(signed(SUM_BITS), lanes)), "b": Out(data.ArrayLayout(signed(8), lanes))})),
            "o": Out(wiring.Signature({
                "valid": Out(1), "tag": Out(1), "vector": Out(data.ArrayLayout(signed(8), lanes))})),
            "loading": Out(1),
        })

    @staticmethod
    def stages(eltwise):
        """Cycles before rounding."""
        return 6 if eltwise else 3

    @classmethod
    def latency(cls, eltwise=True):
        return cls.stages(eltwise) + RoundClamp.LATENCY

    def elaborate(self, platform):
        m = Module()
        n = self.stages(self.eltwise)
        # valid[k], start[k]: of the vector that is k cycles old.
        self._valid, self._start = [self.i.valid], [self.i.valid & self.i.start]
        for k in range(1, self.latency(self.eltwise) + 1):
            valid, start = Signal(name=f"valid{k}"), Signal(name=f"start{k}")
            m.d.sync += [valid.eq(self._valid[-1]), start.eq(self._start[-1])]
            self._valid.append(valid)
            self._start.append(start)
        loading = 0
        for start in self._start[1:n]:
            loading = start | loading
        m.d.comb += [self.o.valid.eq(self._valid[-1]), self.o.tag.eq(delay(m, self.i.tag, len(self._valid) - 1, "tag")),
                     self.loading.eq(loading)]

        f = self.fields
        product = self._delayed(m, "product", f.alu == isa.ALU_MUL, 2)
        mb, op = self._delayed(m, "mb", f.mb, 2), self._delayed(m, "op", f.alu, 4)
        limits = [self._delayed(m, name, f[name], n - 1) for name in ("zero", "low", "high")]
        sets = [self._coefficients(m, k) for k in range(self.sets)]
        for k in range(self.lanes):
            ma, c_a, c_b, shift = sets[k % self.sets]
            x, b = self.i.x[k], self.i.b[k]
            if self.eltwise:
                t = self._two_operands(m, k, x, b, ma, c_a, c_b, product, mb, op)
            else:
                t = self._one_operand(m, k, x, ma, c_a)
            m.submodules[f"round{k}"] = rounding = RoundClamp(TERM_BITS)
            m.d.comb += [
                rounding.value.eq(t), rounding.shift.eq(shift), rounding.zero.eq(limits[0]),
                rounding.low.eq(limits[1]), rounding.high.eq(limits[2]), self.o.vector[k].eq(rounding.result),
            ]
        return m

    def _delayed(self, m, name, value, age, clear=None):
        """A register that takes `value` (or 0 where `clear`) when the vector of a `start` is `age` cycles old."""
        register = Signal.like(value, name=name, reset_less=True)
        with m.If(self._start[age]):
            m.d.sync += register.eq(value)
        if clear is not None:
            with m.If(self._start[age] & clear):
                m.d.sync += register.eq(0)
        return register

    def _coefficients(self, m, k):
        """(ma, c of A's term, c of B's term, shift) of a set, each in time for its stage."""
        written = Signal(PARAM_LAYOUT, name=f"written{k}", reset_less=True)
        with m.If(self.set.mask[k]):
            m.d.sync += written.eq(self.set.values[k % self.sources])
        f = self.fields
        ma = written.mantissa if self.eltwise else self._delayed(m, f"ma{k}", written.mantissa, 0)
        shift = self._delayed(m, f"shift{k}", written.shift, self.stages(self.eltwise) - 1)
        if not self.eltwise:
            return ma, self._delayed(m, f"c{k}", written.bias, 1), None, shift
        # c comes once: with A's term in a sum, with B's in a product; with both terms where one of them is chosen.
        c_a = self._delayed(m, f"ca{k}", written.bias, 1, f.alu == isa.ALU_MUL)
        c_b = self._delayed(m, f"cb{k}", written.bias, 3, f.alu == isa.ALU_ADD)
        return ma, c_a, c_b, shift

    def _register(self, m, name, shape, age, value):
        """A pipeline register that takes the value of the vector that is `age` cycles old."""
        register = Signal(shape, name=name, reset_less=True)
        with m.If(self._valid[age]):
            m.d.sync += register.eq(value)
        return register

    def _one_operand(self, m, k, x, ma, c):
        a = self._register(m, f"a{k}", signed(18), 0, self.fields.ca + x)
        u = self._register(m, f"u{k}", signed(PRODUCT_BITS), 1, a * ma)
        return self._register(m, f"t{k}", signed(TERM_BITS), 2, u + c)

    def _two_operands(self, m, k, x, b, ma, c_a, c_b, product, mb, op):
        f, is_product = self.fields, self.fields.alu == isa.ALU_MUL
        a = self._register(m, f"a{k}", signed(18), 0, f.ca + x)
        b1 = Signal(signed(_B_BITS), name=f"b{k}", reset_less=True)
        factor = Signal(signed(18), name=f"factor{k}", reset_less=True)
        with m.If(self._valid[0]):
            m.d.sync += b1.eq(f.cb + b)
        with m.If(self._valid[0] & is_product):
            m.d.sync += factor.eq(f.cb + b)
        with m.Elif(self._start[0]):
            m.d.sync += factor.eq(ma)
        with m.If(~f.use_b):
            m.d.sync += b1.eq(0)
            with m.If(is_product):
                m.d.sync += factor.eq(0)
        u = self._register(m, f"u{k}", signed(PRODUCT_BITS), 1, a * factor)
        b2 = self._register(m, f"b{k}_2", signed(_B_BITS), 1, b1)
        first = self._register(m, f"first{k}", signed(TERM_BITS), 2, u + c_a)
        b3 = self._register(m, f"b{k}_3", signed(_B_BITS), 2, b2)
        other = Signal(signed(18), name=f"other{k}")
        m.d.comb += other.eq(Mux(product, first[:18].as_signed(), b3))  # c_a is 0 in a product
        v = self._register(m, f"v{k}", signed(PRODUCT_BITS), 3, other * mb)
        first4 = self._register(m, f"first{k}_4", signed(TERM_BITS), 3, first)
        second = self._register(m, f"second{k}", signed(TERM_BITS), 4, v + c_b)
        first5 = self._register(m, f"first{k}_5", signed(TERM_BITS), 4, first4)
        return self._register(m, f"t{k}", signed(TERM_BITS), 5, self._combine(m, k, op, first5, second))

    def _combine(self, m, k, op, first, second):
        """first + second, second, or the larger or smaller; one adder: second + ~first < 0 where second <= first."""
        choose, smaller = op[1], op[0]
        total = Signal(signed(TERM_BITS), name=f"total{k}")
        m.d.comb += total.eq(second + Mux(op == isa.ALU_MUL, 0, first ^ choose.replicate(TERM_BITS)))
        return Mux(choose, Mux(total[-1] ^ smaller, first, second), total)
