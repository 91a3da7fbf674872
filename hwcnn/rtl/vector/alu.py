"""The arithmetic of the vector engine: four multiply-add blocks of the device a lane, then rounding
and clamping.
"""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.rtl.lib.delay import delay, register
from hwcnn.rtl.lib.roundclamp import SHIFT_LAYOUT, RoundClamp

#: The fields that all lanes share. use_b: 0 makes B zero.
ALU_FIELDS = data.StructLayout(
    {
        "alu": 2,
        "use_b": 1,
        "ca": signed(24),
        "cb": signed(9),
        "mb": signed(18),
        "zero": signed(8),
        "low": signed(8),
        "high": signed(8),
    }
)
#: b + cb, or its negative
_B_BITS = 10


class Alu(wiring.Component):
    """``clamp(zero + round_half_even(t / 2**shift), low, high)`` of half a vector in every cycle.

    With A = x + ca and B = b + cb, t = A*ma + B*mb + c (add), A*B*mb + c (multiply), max or min of
    (A*ma, B*mb) + c. A must fit `x_bits`, A*B 18 bits.

    A free-running pipeline of `latency` cycles. The fields must not change from a `start` to the
    last vector before the next one, nor while `loading`, which begins with it, and in the cycle
    after. The coefficients of a vector are sampled when it is `ages` cycles old.

    With both operands it is computed as t = X + (W or 0): W = A*ma + B*mb and X = c in a sum, W =
    A*B*mb and X = c in a product. A maximum is B*mb + c, which is X, and W = A*ma - B*mb where that
    is positive; a minimum, where it is negative.

    Parameters
    ----------
    lanes : M, lanes at a time.
    eltwise : with operand B; without it ``alu`` is add and B is zero.
    x_bits, c_bits : of x (at most 24), and of the constants c.

    Members
    -------
    fields : ALU_FIELDS. mantissa, bias, shift : M coefficients ma, c, shift
    (`roundclamp.split_shift` of it), in time for `ages`.
    i : {valid, start, tag: 2 bits, x: M x x_bits, b: M x 8}. o : {valid, tag, vector: M x 8}; tag
    is carried along.
    loading : see above.
    """

    def __init__(
        self, lanes: int, eltwise: bool = True, x_bits: int = 18, c_bits: int = 32
    ) -> None:
        self.lanes, self.eltwise, self.x_bits = lanes, eltwise, x_bits
        # |A*ma| is at most 2**(x_bits + 16), |A*B*mb| 2**34, |B*mb| is below 2**26.
        self.product_bits, self.extra_bits = x_bits + 18, c_bits + 1
        self.term_bits = max(self.product_bits, self.extra_bits) + 1
        super().__init__(
            {
                "fields": In(ALU_FIELDS),
                "mantissa": In(data.ArrayLayout(signed(18), lanes)),
                "bias": In(data.ArrayLayout(signed(c_bits), lanes)),
                "shift": In(data.ArrayLayout(SHIFT_LAYOUT, lanes)),
                "i": In(
                    wiring.Signature(
                        {
                            "valid": Out(1),
                            "start": Out(1),
                            "tag": Out(2),
                            "x": Out(data.ArrayLayout(signed(x_bits), lanes)),
                            "b": Out(data.ArrayLayout(signed(8), lanes)),
                        }
                    )
                ),
                "o": Out(
                    wiring.Signature(
                        {
                            "valid": Out(1),
                            "tag": Out(2),
                            "vector": Out(data.ArrayLayout(signed(8), lanes)),
                        }
                    )
                ),
                "loading": Out(1),
            }
        )

    @staticmethod
    def ages(eltwise: bool) -> tuple[int, int, int]:
        """Cycles after a vector's `i` in which its mantissas, biases and shifts are sampled."""
        return (2, 5, 6) if eltwise else (2, 4, 4)

    @classmethod
    def latency(cls, eltwise: bool = True) -> int:
        return cls._rounded(eltwise) + RoundClamp.LATENCY

    @classmethod
    def _rounded(cls, eltwise: bool) -> int:
        """Age of a vector whose t goes to `RoundClamp`."""
        return cls.ages(eltwise)[-1] + RoundClamp.SHIFT_AHEAD

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n = self._rounded(self.eltwise)
        # start[k]: the vector that is k cycles old is the first with its fields.
        self._start = [self.i.valid & self.i.start]
        for k in range(1, n):
            start = Signal(name=f"start{k}")
            m.d.sync += start.eq(self._start[-1])
            self._start.append(start)
        valid = self.i.valid
        for k in range(self.latency(self.eltwise)):
            valid, before = Signal(name=f"valid{k + 1}"), valid
            m.d.sync += valid.eq(before)
        m.d.comb += [
            self.o.valid.eq(valid),
            self.loading.eq(Cat(self._start[: n - 2]).any()),
            self.o.tag.eq(delay(m, self.i.tag, self.latency(self.eltwise), "tag")),
        ]
        limits = [
            self._field(m, name, self.fields[name], n - 1) for name in ("zero", "low", "high")
        ]
        terms = self._two_operands(m) if self.eltwise else self._one_operand(m)
        for k, t in enumerate(terms):
            m.submodules[f"round{k}"] = rounding = RoundClamp(self.term_bits)
            m.d.comb += [
                rounding.value.eq(t),
                rounding.shift.eq(self.shift[k]),
                rounding.zero.eq(limits[0]),
                rounding.low.eq(limits[1]),
                rounding.high.eq(limits[2]),
                self.o.vector[k].eq(rounding.result),
            ]
        return m

    def _field(self, m: Module, name: str, value: Value, age: int) -> Signal:
        """A register that takes `value` when the vector of a `start` is `age` cycles old."""
        register = Signal.like(value, name=name, reset_less=True)
        with m.If(self._start[age]):
            m.d.sync += register.eq(value)
        return register

    def _offset(self) -> Value:
        """ca, in as many bits as x has."""
        return self.fields.ca[: self.x_bits].as_signed()

    def _one_operand(self, m: Module) -> list[Signal]:
        """As `_two_operands`, for a sum without B."""
        ca, terms = self._field(m, "ca", self._offset(), 0), []
        for k in range(self.lanes):
            x1 = register(m, f"x{k}_1", signed(self.x_bits), self.i.x[k])
            x2 = register(m, f"x{k}_2", signed(self.x_bits), x1)
            a3 = register(m, f"a{k}_3", signed(self.x_bits), x2 + ca)
            ma3 = register(m, f"ma{k}_3", signed(18), self.mantissa[k])
            u4 = register(m, f"u{k}_4", signed(self.product_bits), a3 * ma3)
            terms.append(register(m, f"t{k}_5", signed(self.term_bits), u4 + self.bias[k]))
        return terms

    def _two_operands(self, m: Module) -> list[Signal]:
        """What the lanes share, each field in time for its use; then the lanes."""
        f = self.fields
        # B is negated for a maximum or minimum, by its complement and an addend of one more.
        negate, addend = f.alu[1], Signal(signed(_B_BITS))
        m.d.comb += addend.eq(Mux(negate, 1 - f.cb, f.cb))
        shared = dict(
            negate=self._field(m, "negate", negate, 0),
            addend=self._field(m, "addend", addend, 0),
            ca=self._field(m, "ca", self._offset(), 0),
            is_product=self._field(m, "is_product", f.alu == isa.ALU_MUL, 1),
            mb=self._field(m, "mb", Mux(f.use_b, f.mb, 0), 3),
            cb=self._field(m, "cb", f.cb, 2),
            mb_extra=self._field(m, "mb_extra", Mux(f.use_b & negate, f.mb, 0), 3),
            op=self._field(m, "op", f.alu, 5),
        )
        return [self._lane(m, k, **shared) for k in range(self.lanes)]

    def _lane(
        self,
        m: Module,
        k: int,
        negate: Value,
        addend: Value,
        ca: Value,
        is_product: Value,
        mb: Value,
        cb: Value,
        mb_extra: Value,
        op: Value,
    ) -> Signal:
        """A name's last digit is the age of the vector that is in the register."""
        x, b = self.i.x[k], self.i.b[k]
        b1 = register(m, f"b{k}_1", signed(8), b)
        b2 = register(
            m, f"b{k}_2", signed(_B_BITS), (b1 ^ negate.replicate(8).as_signed()) + addend
        )
        x1 = register(m, f"x{k}_1", signed(self.x_bits), x)

        # A * B, 0 unless it is asked for
        a2 = register(m, f"a{k}_2", signed(18), x1 + ca)
        ab3 = register(m, f"ab{k}_3", signed(18), (a2 * b2)[:18].as_signed(), clear=~is_product)
        # A * ma, 0 in a product
        x2 = register(m, f"x{k}_2", signed(self.x_bits), x1)
        a3 = register(m, f"a{k}_3", signed(self.x_bits), x2 + ca)
        ma3 = register(m, f"ma{k}_3", signed(18), self.mantissa[k], clear=is_product)
        u4 = register(m, f"u{k}_4", signed(self.product_bits), a3 * ma3)
        u5 = register(m, f"u{k}_5", signed(self.product_bits), u4)
        # W
        other3 = register(m, f"other{k}_3", signed(_B_BITS), b2, clear=is_product)
        other4 = register(m, f"other{k}_4", signed(18), ab3 + other3)
        v5 = register(m, f"v{k}_5", signed(self.product_bits), other4 * mb)
        w6 = register(m, f"w{k}_6", signed(self.product_bits), v5 + u5)
        # X
        b3 = delay(m, b1, 2, f"late_b{k}").as_signed()
        b4 = register(m, f"b{k}_4", signed(_B_BITS), b3 + cb)
        extra5 = register(m, f"extra{k}_5", signed(_B_BITS + 18), b4 * mb_extra)
        extra6 = register(m, f"extra{k}_6", signed(self.extra_bits), extra5 + self.bias[k])

        with_w = Signal(name=f"with_w{k}")
        m.d.comb += with_w.eq(~op[1] | (w6[-1] == op[0]))
        return register(m, f"t{k}_7", signed(self.term_bits), extra6 + Mux(with_w, w6, 0))
