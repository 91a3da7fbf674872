"""The ISA engine on hand-assembled programs, against NumPy written from docs/architecture.md."""

import numpy as np
import pytest
from instruction_fields import COPY, READ

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.sim.engines import isa_engine
from hwcnn.sim.engines.isa_machine import ProgramError

CONFIG = AccelConfig(
    rows=8, cols=4, act_kib=4, acc_depth=64, param_slots=8, pool_depth=64, axi_bytes=8
)
L, C = 8, 4
INPUT, WEIGHTS, PARAMS, OUTPUT, SIZE = 0, 4096, 8192, 12288, 16384

OUT = dict(
    out_addr=OUTPUT,
    out_blk_stride=0,
    out_row_stride=0,
    out_pix_stride=L,
    out_rows=1,
    out_cols=1,
)
VECTOR = dict(READ, addr=INPUT) | COPY | OUT
POST = dict(
    acc=0,
    n_blk=1,
    group=0,
    slot=0,
    zero=0,
    low=-128,
    high=127,
    stage2=0,
    residual=0,
    ma=0,
    mb=0,
    c=0,
    shift=0,
    zero2=0,
    low2=-128,
    high2=127,
    res_addr=0,
    **OUT,
)
ARRAY = dict(
    base=0,
    n_cb=1,
    s_cb=0,
    n_ky=1,
    s_ky=0,
    n_kx=1,
    s_kx=0,
    n_ob=1,
    s_ob=0,
    n_y=1,
    s_y=0,
    n_x=1,
    s_x=1,
    acc=0,
    accumulate=0,
    upper=0,
)


def program(*parts):
    """Parts: (instruction, waits, fields); END follows."""
    return b"".join(isa.encode(i, waits, **values) for i, waits, values in parts) + isa.encode(
        isa.END
    )


def memory(seed=0):
    return np.random.default_rng(seed).integers(0, 256, SIZE).astype(np.uint8)


def signed(dram, at, *shape):
    return dram[at : at + int(np.prod(shape))].view(np.int8).reshape(shape).astype(np.int64)


def test_convolution_with_pads_and_steps():
    """3x3, dilation 2 in x, stride 2 in y, two input and two output blocks, chunked over the input
    blocks.
    """
    dram = memory()
    params = np.array(
        [100 + channel | 70000 << 32 | 26 << 50 for channel in range(2 * C)], np.uint64
    )
    dram[PARAMS : PARAMS + 64] = params.view(np.uint8)
    before = dram.copy()
    h, w, width = 5, 6, 8
    load = dict(
        READ,
        row_stride=w * L,
        n_rows=h,
        n_cols=w,
        pad_top=1,
        pad_bottom=1,
        pad_left=1,
        pad_right=1,
        pad_value=-7,
    )
    array = dict(ARRAY, n_ky=3, s_ky=width, n_kx=3, s_kx=2, n_ob=2, n_y=3, s_y=2 * width, n_x=4)
    passes = 9 * 2 * L * C
    code = program(
        (isa.PARAM, {}, dict(dest=0, addr=PARAMS, index=7, n_beats=8)),
        (isa.WEIGHT, {}, dict(addr=WEIGHTS, n_bytes=2 * passes)),
        (isa.LOAD, {}, dict(load, addr=INPUT, dest=3, half=0)),
        (isa.ARRAY, {"load": 1}, dict(array, base=3)),
        (isa.LOAD, {}, dict(load, addr=INPUT + h * w * L, dest=100, half=0)),
        (isa.ARRAY, {"load": 2}, dict(array, base=100, accumulate=1)),
        (
            isa.POST,
            {"array": 2, "param": 1},
            dict(
                POST,
                n_blk=2,
                slot=7,
                zero=3,
                out_addr=OUTPUT + C,
                out_blk_stride=1024,
                out_row_stride=8 * L,
                out_rows=3,
                out_cols=4,
            ),
        ),
    )
    assert isa_engine.run(code, dram, CONFIG) == {
        "param": 1,
        "weight": 1,
        "load": 2,
        "array": 2,
        "post": 1,
        "end": 1,
    }

    x = np.pad(
        signed(before, INPUT, 2, h, w, L), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-7
    )
    weight = signed(before, WEIGHTS, 2, 3, 3, 2, L, C)
    for ob in range(2):
        for y in range(3):
            for px in range(4):
                acc = np.array([100 + 4 * ob + c for c in range(C)])
                for cb in range(2):
                    for ky in range(3):
                        for kx in range(3):
                            acc = acc + x[cb, 2 * y + ky, px + 2 * kx] @ weight[cb, ky, kx, ob]
                expected = np.clip(3 + np.rint(acc * 70000 / 2**26), -128, 127)
                at = OUTPUT + C + ob * 1024 + y * 8 * L + px * L
                assert np.array_equal(signed(dram, at, C), expected)
    untouched = np.ones(SIZE, bool)
    for ob in range(2):
        for y in range(3):
            for px in range(4):
                at = OUTPUT + C + ob * 1024 + y * 8 * L + px * L
                untouched[at : at + C] = False
    assert np.array_equal(dram[untouched], before[untouched])


@pytest.mark.parametrize("half", [isa.HALF_NONE, isa.HALF_LOWER, isa.HALF_UPPER])
@pytest.mark.parametrize("upper", [0, 3, -2])
def test_lanes_in_halves(half, upper):
    """The upper rows of the array get the upper lanes of another vector, which LOAD may have made
    of the lower ones.
    """
    dram = memory(6)
    dram[PARAMS : PARAMS + 32] = np.full(C, 1 << 32 | 7 << 50, np.uint64).view(np.uint8)
    before = dram.copy()
    passes = 2
    code = program(
        (isa.PARAM, {}, dict(dest=0, addr=PARAMS, index=0, n_beats=4)),
        (isa.WEIGHT, {}, dict(addr=WEIGHTS, n_bytes=passes * L * C)),
        (isa.LOAD, {}, dict(READ, addr=INPUT, n_cols=12, dest=1, half=half)),
        (
            isa.ARRAY,
            {"load": 1},
            dict(ARRAY, base=3, n_kx=2, s_kx=1, n_x=5, upper=upper % (1 << 20)),
        ),
        (isa.POST, {"array": 1, "param": 1}, dict(POST, out_cols=5)),
    )
    isa_engine.run(code, dram, CONFIG)
    x, weight = signed(before, INPUT, 12, L), signed(before, WEIGHTS, passes, L, C)
    first = {isa.HALF_NONE: (0, 4), isa.HALF_LOWER: (0, 0), isa.HALF_UPPER: (4, 4)}[half]
    for pixel in range(5):
        acc = np.zeros(C, np.int64)
        for kx in range(passes):
            for row in range(L):
                at = 2 + pixel + kx + (upper if row >= 4 else 0)
                acc += x[at, first[row // 4] + row % 4] * weight[kx, row]
        expected = np.clip(np.rint(acc / 128), -128, 127)
        assert np.array_equal(signed(dram, OUTPUT + pixel * L, C), expected)


def test_second_stage_with_residual():
    dram = memory(1)
    dram[PARAMS : PARAMS + 32] = np.full(C, 5 | 1 << 32, np.uint64).view(np.uint8)
    before = dram.copy()
    code = program(
        (isa.PARAM, {}, dict(dest=0, addr=PARAMS, index=0, n_beats=4)),
        (
            isa.POST,
            {"param": 1},
            dict(
                POST,
                stage2=1,
                residual=1,
                ma=3,
                mb=-50,
                c=17,
                shift=5,
                zero2=-9,
                low2=-100,
                high2=90,
                res_addr=INPUT + 4,
                out_cols=6,
            ),
        ),
    )
    isa_engine.run(code, dram, CONFIG)
    residual = signed(before, INPUT, 6, L)[:, 4:]
    expected = np.clip(-9 + np.rint((5 * 3 + residual * -50 + 17) / 32), -100, 90)
    assert np.array_equal(signed(dram, OUTPUT, 6, L)[:, :C], expected)


@pytest.mark.parametrize("reduce, function", [(isa.REDUCE_MAX, np.max), (isa.REDUCE_SUM, np.sum)])
def test_window(reduce, function):
    """Leftover rows and columns are dropped; the multiplier and the zero point apply to the reduced
    value.
    """
    dram = memory(2)
    v = dict(
        VECTOR,
        n_blk=2,
        n_rows=6,
        n_cols=7,
        blk_stride=6 * 7 * L,
        row_stride=7 * L,
        pad_left=1,
        pad_value=-20,
        reduce=reduce,
        kh=3,
        kw=2,
        sh=2,
        sw=3,
        ca=11,
        ma=-300,
        shift=9,
        zero=2,
        out_rows=2,
        out_cols=3,
        out_blk_stride=6 * L,
        out_row_stride=3 * L,
    )
    x = np.pad(
        signed(dram, INPUT, 2, 6, 7, L), ((0, 0), (0, 0), (1, 0), (0, 0)), constant_values=-20
    )
    isa_engine.run(program((isa.VECTOR, {}, v)), dram, CONFIG)
    got = signed(dram, OUTPUT, 2, 2, 3, L)
    for y in range(2):
        for c in range(3):
            reduced = function(x[:, 2 * y : 2 * y + 3, 3 * c : 3 * c + 2], axis=(1, 2))
            assert np.array_equal(
                got[:, y, c], np.clip(2 + np.rint((reduced + 11) * -300 / 512), -128, 127)
            )


@pytest.mark.parametrize(
    "alu, function",
    [
        (isa.ALU_ADD, lambda a, b: a * 40 + b * -30),
        (isa.ALU_MUL, lambda a, b: a * b * -30),
        (isa.ALU_MAX, lambda a, b: np.maximum(a * 40, b * -30)),
        (isa.ALU_MIN, lambda a, b: np.minimum(a * 40, b * -30)),
    ],
)
@pytest.mark.parametrize("b_mode", [isa.B_NONE, isa.B_MAP, isa.B_BROADCAST])
def test_alu_then_table(alu, function, b_mode):
    dram = memory(3)
    v = dict(
        VECTOR,
        n_blk=2,
        n_rows=3,
        n_cols=4,
        blk_stride=12 * L,
        row_stride=4 * L,
        b_mode=b_mode,
        b_addr=2048,
        b_blk_stride=128,
        alu=alu,
        ca=3,
        cb=-5,
        ma=40,
        mb=-30,
        c=77,
        shift=7,
        zero=-1,
        lut=1,
        out_rows=3,
        out_cols=4,
        out_blk_stride=12 * L,
        out_row_stride=4 * L,
    )
    a, b = signed(dram, INPUT, 2, 3, 4, L) + 3, np.zeros((2, 3, 4, L), np.int64)
    for blk in range(2):
        if b_mode == isa.B_MAP:
            b[blk] = signed(dram, 2048 + 128 * blk, 3, 4, L) - 5
        elif b_mode == isa.B_BROADCAST:
            b[blk] = signed(dram, 2048 + 128 * blk, L) - 5
    table = signed(dram, PARAMS, 256)
    code = program(
        (isa.PARAM, {}, dict(dest=3, addr=PARAMS, index=0, n_beats=32)),
        (isa.VECTOR, {"param": 1}, v),
    )
    isa_engine.run(code, dram, CONFIG)
    result = np.clip(-1 + np.rint((function(a, b) + 77) / 128), -128, 127).astype(int)
    assert np.array_equal(signed(dram, OUTPUT, 2, 3, 4, L), table[result + 128])


def test_lrn():
    """One channel after another, across blocks."""
    dram = memory(4)
    table = np.random.default_rng(4).integers(0, 1 << 17, 1024).astype("<u4")
    dram[PARAMS : PARAMS + 4096] = table.view(np.uint8)
    v = dict(
        VECTOR,
        n_blk=2,
        n_cols=5,
        blk_stride=5 * L,
        lrn=1,
        lrn_half=2,
        ca=-9,
        shift=16,
        zero=4,
        out_cols=5,
        out_blk_stride=5 * L,
    )
    d = signed(dram, INPUT, 2, 5, L).transpose(0, 2, 1).reshape(2 * L, 5) - 9
    code = program(
        (isa.PARAM, {}, dict(dest=2, addr=PARAMS, index=0, n_beats=512)),
        (isa.VECTOR, {"param": 1}, v),
    )
    isa_engine.run(code, dram, CONFIG)
    got = signed(dram, OUTPUT, 2, 5, L).transpose(0, 2, 1).reshape(2 * L, 5)
    for channel in range(2 * L):
        for pixel in range(5):
            total = sum(
                int(d[k, pixel]) ** 2 for k in range(max(0, channel - 2), min(2 * L, channel + 3))
            )
            exponent = max(0, total.bit_length() - 7)
            index = total if total < 128 else 64 * exponent + (total >> exponent)
            expected = np.clip(
                4 + np.rint(int(d[channel, pixel]) * int(table[index]) / 2**16), -128, 127
            )
            assert got[channel, pixel] == expected


@pytest.mark.parametrize(
    "parts, message",
    [
        ([(isa.VECTOR, {"pstore": 1}, VECTOR)], "waits for pstore = 1"),
        ([(isa.WEIGHT, {}, dict(addr=WEIGHTS, n_bytes=32))], "does not use"),
        ([(isa.ARRAY, {}, ARRAY)], "not been streamed"),
        ([(isa.VECTOR, {}, dict(VECTOR, addr=SIZE))], "outside"),
        (
            [(isa.LOAD, {}, dict(READ, addr=INPUT, n_cols=20, dest=500, half=0))],
            "exceed the activation buffer",
        ),
        (
            [
                (isa.WEIGHT, {}, dict(addr=WEIGHTS, n_bytes=32)),
                (isa.ARRAY, {}, dict(ARRAY, base=512)),
            ],
            "activation buffer",
        ),
        (
            [
                (isa.WEIGHT, {}, dict(addr=WEIGHTS, n_bytes=32)),
                (isa.ARRAY, {}, dict(ARRAY, acc=128)),
            ],
            "exceed the accumulators",
        ),
    ],
)
def test_wrong_programs(parts, message):
    with pytest.raises(ProgramError, match=message):
        isa_engine.run(program(*parts), memory(), CONFIG)
