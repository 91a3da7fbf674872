import pytest
from testbench import run_block

from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.rtl.vector.engine import VectorEngine

SMALL = dict(param_slots=8, pool_depth=64)


@pytest.mark.parametrize(
    "options",
    [
        dict(rows=4, cols=4, axi_bytes=8),
        dict(rows=16, cols=8, axi_bytes=16, dw_taps=0),
        dict(rows=16, cols=16, axi_bytes=8, features=("lut", "affine")),
        # several lanes a RAM of coefficients
        dict(rows=16, cols=16, axi_bytes=32, features=("affine",), dw_taps=0),
        dict(rows=4, cols=16, axi_bytes=16, features=("pool", "eltwise")),
        dict(rows=8, cols=8, axi_bytes=8, features=("lrn",), dw_taps=2),
        # a beat holds the parameters of both halves
        dict(rows=8, cols=8, axi_bytes=64, features=("affine", "lrn")),
    ],
    ids=lambda o: (
        f"{o['rows']}x{o['cols']}-{o['axi_bytes']}B-{'+'.join(o.get('features', ('all',)))}"
        f"-{o.get('dw_taps', 3)}taps"
    ),
)
def test_vector(options, tmp_path):
    config = AccelConfig(**SMALL, **({"features": VECTOR_FEATURES} | options))
    run_block(VectorEngine(config), "vector_engine_tests", tmp_path, config=config.to_dict())
