"""A trained network through the importer and golden: as accurate on held-out pictures as its float
original.
"""

from pathlib import Path

import numpy as np
import pytest

from hwcnn import golden, models
from hwcnn.frontend.importer import qdq_to_ir
from hwcnn.frontend.model import load
from hwcnn.frontend.quantise import float_to_qdq

HELD_OUT = Path(__file__).parents[2] / "bench" / "digits" / "held_out.npz"


@pytest.fixture(scope="module")
def graph():
    samples = [{"input": x} for x in models.samples("digits", 100)]
    return qdq_to_ir.import_graph(float_to_qdq.quantise(load.load("digits"), samples))


def probabilities(graph, pixels):
    real = np.concatenate([models.prepared("digits", p) for p in pixels])
    name = graph.inputs[0]
    tensors = golden.run(graph, {name: golden.quantise_input(graph, name, real)})
    (result,) = golden.host_outputs(graph, tensors).values()
    return result


def test_accuracy_within_half_a_percent_of_float(graph):
    with np.load(HELD_OUT) as file:
        pixels, labels = file["pixels"], file["labels"]
    answers = np.concatenate(
        [probabilities(graph, part).argmax(axis=1) for part in np.array_split(pixels, 8)]
    )
    assert (answers == labels).mean() >= 0.989 - 0.005


def test_a_batch_is_its_pictures_one_by_one(graph):
    with np.load(HELD_OUT) as file:
        pixels = file["pixels"][::200]
    one_by_one = [probabilities(graph, p[None])[0] for p in pixels]
    np.testing.assert_allclose(probabilities(graph, pixels), one_by_one, rtol=1e-5)
