"""The coefficients of the resource formulas, fitted to the synthesis of small arrays."""

import numpy as np
from scipy.optimize import nnls

from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.estimate import formulas, netlist, synth
from hwcnn.estimate.blocks import BLOCKS, block_of
from hwcnn.estimate.families import FAMILIES
from hwcnn.estimate.features import FEATURES
from hwcnn.estimate.usage import KINDS, NOTHING_IN_LUTS, InLuts, Resources
from hwcnn.rtl.verilog import accelerator_verilog


def fitted(rows, cols, axi_bytes, features=VECTOR_FEATURES, **more):
    """A configuration with short queues."""
    return AccelConfig(rows, cols, axi_bytes=axi_bytes, features=features, queue_words=32, **more)


#: What is fitted: small arrays of all shapes, with vectors narrower and wider than the bus, and
#: every vector function several times.
FIT = (
    fitted(4, 4, 8),
    fitted(8, 4, 16, ("pool", "eltwise"), dw_taps=0),
    fitted(4, 8, 16, ()),
    fitted(8, 8, 32, ("affine", "lrn", "lut"), dw_taps=1),
    fitted(16, 8, 8, act_kib=64),
    fitted(8, 16, 16, ("pool",), dw_taps=0),
    fitted(4, 16, 32, dw_taps=0),
    fitted(16, 4, 16, ("pool", "eltwise", "lut"), dw_taps=2),
)
#: The same without multiplier blocks in the array, to see what they cost in LUTs.
SOFT = FIT[2]


def fit(family, show):
    """``{block: {feature: one number for each of KINDS}}``: least squares over `FIT`, RAMs by shape
    taken off. show : told what is measured.
    """
    rows = []
    for config in FIT:
        measured, memory = measure(config, family), formulas.ram_resources(config, family)
        show(f"{family} {config.pe}: {formulas.total(measured)}")
        rows.append(
            {path: used + memory.get(path, Resources()) * -1 for path, used in measured.items()}
        )
    return {block.path: _solve(block, rows) for block in BLOCKS} | {formulas.SOFT: _soft(family)}


def measure(config, family, in_luts=NOTHING_IN_LUTS):
    """The `Resources` of each block by synthesis."""
    folder = synth.synthesise(accelerator_verilog(config), family, in_luts)
    owned = netlist.owners(folder / "netlist.json")
    cells = netlist.by_type(owned, lambda path: block_of(path).path)
    return {block.path: FAMILIES[family].count(cells.get(block.path, {})) for block in BLOCKS}


def _soft(family):
    """``{feature: one number for each of KINDS}`` of a multiplier that is made of LUTs."""
    number = SOFT.rows * SOFT.cols
    plain = formulas.total(measure(SOFT, family))
    soft = formulas.total(measure(SOFT, family, InLuts(number)))
    return {"1": [round((soft.of(kind) - plain.of(kind)) / number, 4) for kind in KINDS]}


def _solve(block, rows):
    """rows : the `Resources` of each block beside its RAMs, for each configuration of `FIT`."""
    points = [
        (config, row[block.path])
        for config, row in zip(FIT, rows, strict=True)
        if block.built(config)
    ]
    features = np.array(
        [[FEATURES[f](config) for f in block.features] for config, _ in points], float
    )
    measured = np.array([[used.of(kind) for kind in KINDS] for _, used in points], float)
    solution = _least_squares(features, measured)
    return {
        f: [round(float(v), 4) for v in row]
        for f, row in zip(block.features, solution, strict=True)
    }


def _least_squares(features, measured):
    """Least squares of relative errors, [features, KINDS]. Nothing costs less than nothing, but a
    RAM may have bits that nobody reads.
    """
    solutions = []
    for kind, column in zip(KINDS, measured.T, strict=True):
        weight = 1 / np.maximum(np.abs(column), 30)
        solve = np.linalg.lstsq if kind == "brams" else nnls
        solutions.append(solve(features * weight[:, None], column * weight)[0])
    return np.array(solutions).T
