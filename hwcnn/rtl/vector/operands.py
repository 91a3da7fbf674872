"""The operands of the vector engine's ALU: A from the window, LRN or as it is, and B."""

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import connect

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import wire_params

from .alu import Alu
from .coefficients import Coefficients
from .depthwise import DW_SUM_BITS, Depthwise
from .depthwise_reads import DW_FIELDS
from .fields import Issue
from .lrn import LrnFactors
from .window import WINDOW_FIELDS, Window


def operand_a(
    m: Module,
    config: AccelConfig,
    at: Issue,
    a: stream.Interface,
    params: wiring.PureInterface,
    alu: Alu,
    coefficients: Coefficients,
    has_credit: Value,
) -> tuple[Value, Value, Value]:
    """Operand A, from the window, LRN or as it is: (it is there, a result's place is taken, no
    unit is at work).
    """
    run, features, lanes = at.run, config.features, config.alu_lanes
    x = [_half(config, at.upper, a.payload, k, run.plain).as_signed() for k in range(lanes)]
    taken = Signal()  # of a plain A, with the upper half
    m.d.sync += taken.eq(at.issue & run.plain)
    there, ready, reserve, idle = run.plain & a.valid, taken, at.upper, Const(1, 1)
    if "lrn" in features:
        lrn = _lrn(m, config, at, a, params, coefficients, has_credit)
        # Its halves come late, from a RAM, so they are merged last.
        wanted = run.lrn.replicate(8)
        x = [
            value | (lrn.o.vector.word_select(k, 8) & wanted).as_signed()
            for k, value in enumerate(x)
        ]
        there, ready, idle = there | lrn.o.valid, ready | lrn.i.ready, ~lrn.busy
        reserve = Mux(run.lrn, lrn.reserve, reserve)
    if "pool" in features:
        m.submodules.window = window = Window(config)
        m.d.comb += [window.fields[n].eq(run[n]) for n in WINDOW_FIELDS.members]
        m.d.comb += [
            window.start.eq(at.begin & run.windowed),
            window.i.valid.eq(a.valid),
            window.i.payload.eq(a.payload),
            window.o.ready.eq(at.ready),
        ]
        reduced, windowed = (
            window.o.payload,
            run.windowed.replicate(config.vector_sum_bits).as_signed(),
        )
        x = [
            value | (Mux(at.upper, reduced[k + lanes], reduced[k]) & windowed)
            for k, value in enumerate(x)
        ]
        there, ready, idle = there | window.o.valid, ready | window.i.ready, idle & ~window.busy
    if config.dw_taps:
        x, valid, takes, busy = _depthwise(m, config, at, a, params, x)
        there, ready, idle = there | valid, ready | takes, idle & ~busy
    m.d.comb += a.ready.eq(ready)
    m.d.comb += [alu.i.x[k].eq(value) for k, value in enumerate(x)]
    return there, reserve, idle


def _lrn(
    m: Module,
    config: AccelConfig,
    at: Issue,
    a: stream.Interface,
    params: wiring.PureInterface,
    coefficients: Coefficients,
    has_credit: Value,
) -> LrnFactors:
    """The unit of local response normalisation, which reads A."""
    run = at.run
    m.submodules.lrn = lrn = LrnFactors(config)
    wire_params(m, params, lrn)
    connect(m, lrn.factors, coefficients.factors)
    m.d.comb += [
        lrn.n_blk.eq(run.n_blk),
        lrn.n_pixels.eq(run.n_cols),
        lrn.ca.eq(run.ca),
        lrn.half.eq(run.lrn_half),
        lrn.start.eq(at.begin & run.lrn),
        lrn.has_credit.eq(has_credit),
        lrn.i.payload.eq(a.payload),
        lrn.i.valid.eq(a.valid),
    ]
    return lrn


def _depthwise(
    m: Module,
    config: AccelConfig,
    at: Issue,
    a: stream.Interface,
    params: wiring.PureInterface,
    x: list[Value],
) -> tuple[list[Value], Value, Value, Value]:
    """The depthwise unit's sums merged with what else A may be: (A, they are there, it takes a
    vector of the map, it is at work).
    """
    run, lanes, taken = at.run, config.alu_lanes, Signal()  # with the upper half
    m.submodules.depthwise = unit = Depthwise(config)
    wire_params(m, params, unit)
    m.d.sync += taken.eq(at.issue & run.depthwise)
    m.d.comb += [unit.fields[n].eq(run[n]) for n in DW_FIELDS.members]
    m.d.comb += [
        unit.start.eq(at.begin & run.depthwise),
        unit.i.valid.eq(a.valid),
        unit.i.payload.eq(a.payload),
        unit.o.ready.eq(taken),
    ]
    sums, wanted = unit.o.payload, run.depthwise.replicate(DW_SUM_BITS).as_signed()
    x = [value | (Mux(at.upper, sums[k + lanes], sums[k]) & wanted) for k, value in enumerate(x)]
    return x, unit.o.valid, unit.i.ready, unit.busy


def operand_b(m: Module, config: AccelConfig, at: Issue, b: stream.Interface, alu: Alu) -> Value:
    """Operand B: a vector for each of A's, or one for each block; returns: it is there."""
    if "eltwise" not in config.features:
        return Const(1, 1)
    mode, taken = at.run.b_mode, Signal()  # with the upper half
    m.d.sync += taken.eq(
        at.issue & ((mode == isa.B_MAP) | ((mode == isa.B_BROADCAST) & at.block_ends))
    )
    m.d.comb += [
        *(alu.i.b[k].eq(_half(config, at.upper, b.payload, k)) for k in range(config.alu_lanes)),
        b.ready.eq(taken),
    ]
    return (mode == isa.B_NONE) | b.valid


def _half(
    config: AccelConfig, upper: Value, vector: Value, k: int, wanted: Value | int = 1
) -> Value:
    """Byte k of the half of a vector that is issued, 0 unless `wanted`."""
    return Mux(
        wanted,
        Mux(
            upper,
            vector.word_select(k + config.alu_lanes, 8),
            vector.word_select(k, 8),
        ),
        0,
    )
