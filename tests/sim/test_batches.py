"""From files to the inputs of each run."""

from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper

from hwcnn import generator
from hwcnn.preprocess import Preprocess
from hwcnn.sim.batches import Source, samples_of

SHAPE = (2, 1, 3, 4)
SHAPES = {"x": SHAPE[1:]}


def manifest(**fields):
    made = {"batch": 2, "preprocess": Preprocess(order="L"), "built_in": False, "model": "net"}
    return SimpleNamespace(**made, **fields)


def saved(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("unsigned, offset", [((), None), (("x",), -128)])
def test_bytes_are_pictures_but_for_inputs_of_uint8(tmp_path, unsigned, offset):
    values = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    file = saved(tmp_path / "a.npy", values)
    sources, (batch,) = samples_of(manifest(unsigned_inputs=unsigned), SHAPES, file, 0)
    assert sources == [Source("a.npy")]
    if offset is None:
        np.testing.assert_allclose(batch["x"][0, 0], (values[0] - 127.5) / 127.5, rtol=1e-6)
    else:
        np.testing.assert_array_equal(batch["x"][0, 0], values[0].astype(int) + offset)


def test_the_last_batch_is_filled_up_with_its_last_sample(tmp_path):
    values = np.arange(36, dtype=np.int8).reshape(3, 1, 3, 4)
    file = saved(tmp_path / "a.npy", values)
    sources, batches = samples_of(manifest(unsigned_inputs=()), SHAPES, [file], 0)
    assert [s.name for s in sources] == ["a.npy[0]", "a.npy[1]", "a.npy[2]"]
    np.testing.assert_array_equal(batches[0]["x"], values[:2])
    np.testing.assert_array_equal(batches[1]["x"], values[[2, 2]])


def test_noise_follows_the_seed():
    def noise(seed):
        sources, (batch,) = samples_of(manifest(unsigned_inputs=()), SHAPES, (), seed)
        assert [s.name for s in sources] == ["own sample 0", "own sample 1"]
        return batch["x"]

    np.testing.assert_array_equal(noise(1), noise(1))
    assert (noise(1) != noise(2)).any()
    assert (noise(1)[1] == noise(2)[0]).all()  # a seed a sample


def test_the_manifest_names_the_inputs_of_uint8():
    inputs = [
        helper.make_tensor_value_info("a", TensorProto.UINT8, SHAPE),
        helper.make_tensor_value_info("b", TensorProto.FLOAT, SHAPE),
        helper.make_tensor_value_info("c", TensorProto.INT8, SHAPE),
    ]
    model = helper.make_model(helper.make_graph([], "net", inputs, []))
    assert generator._unsigned_inputs(model) == ("a",)
