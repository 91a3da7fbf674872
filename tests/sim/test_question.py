"""Answers of `simulate`: from a picture file to boxes in its own pixels, drawn into the folder; and
tasks that do not fit, refused before anything runs.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import hwcnn
from hwcnn.errors import InputError
from hwcnn.sim import session

#: Left, top, right and bottom of a white square in a black picture of 300x200. At the input's size
#: of 64x64 it covers the third cell of the second row.
SQUARE = (150, 56, 194, 100)
YOLO = 'task = "boxes"\nformat = "yolov3"\nstrides = [16]\nanchors = [[[16, 16]]]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector of white cells: YOLO's map of one anchor and two classes, of which it says the
    second one.
    """
    path = tmp_path_factory.mktemp("answers")
    weight = np.zeros((7, 3, 16, 16), np.float32)
    weight[4] = 10 / weight[4].size
    bias = np.array([0, 0, 0, 0, -5, -3, 3], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], strides=[16, 16])],
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 7, 4, 4))],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path / "detector.onnx")
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]] = 255
    Image.fromarray(pixels).save(path / "square.png")
    (path / "yolo.toml").write_text(YOLO)
    (path / "labels.txt").write_text("circle\nsquare\n")
    hwcnn.generate(
        path / "detector.onnx",
        pe="4x4",
        out=path / "made",
        scale=1 / 255,
        calibrate=path / "square.png",
    )
    return path


def near(x, y):
    """Pixels beside one another, as an edge may be rounded."""
    return [(x + step, y) for step in (-1, 0, 1)]


def answers(folder, **options):
    inputs = options.pop("inputs", folder / "square.png")
    run = hwcnn.simulate(folder / "made", engine="golden", inputs=inputs, **options)
    return [sample.answer for sample in run.outputs]


def test_a_square_is_found_where_it_is(folder):
    task, labels = folder / "yolo.toml", folder / "labels.txt"
    (answer,) = answers(folder, task=task, labels=labels)
    (box,) = answer["boxes"]
    assert box["label"] == "square" and box["score"] > 0.9
    assert box["box"] == pytest.approx(SQUARE, abs=2)
    assert answer["text"].startswith("square 9")
    with Image.open(answer["picture"]) as drawn:
        assert drawn.size == (300, 200)
        left, top, right, bottom = (round(edge) for edge in box["box"])
        (tint,) = {p for p in map(drawn.getpixel, near(left, bottom - 5)) if len(set(p)) > 1}
        assert tint in map(drawn.getpixel, near(right, bottom - 5))
        assert drawn.getpixel((left + 20, top + 20)) == (255, 255, 255)
        assert drawn.getpixel((20, 100)) == (0, 0, 0)


def test_samples_of_one_name_have_pictures_of_their_own(folder):
    (folder / "other").mkdir(exist_ok=True)
    Image.new("RGB", (64, 64)).save(folder / "other" / "square.png")
    inputs = [folder / "square.png", folder / "other" / "square.png"]
    first, second = answers(folder, inputs=inputs, task=folder / "yolo.toml")
    assert first["picture"] != second["picture"]
    assert second["boxes"] == [] and second["text"] == "nothing above 25 %"


def test_a_folder_that_cannot_be_written_is_seen_first(folder, monkeypatch):
    (folder / "made" / "results").rename(folder / "kept")
    (folder / "made" / "results").write_text("a file")
    try:
        monkeypatch.setattr(session, "simulate", None)
        with pytest.raises(InputError, match="results: cannot write there"):
            answers(folder, task=folder / "yolo.toml")
    finally:
        (folder / "made" / "results").unlink()
        (folder / "kept").rename(folder / "made" / "results")


def test_a_map_is_no_classification(folder):
    assert answers(folder) == [None]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"task": "segment"}, "task 'segment': expected one of classify, boxes, masks"),
        ({"task": "no.toml"}, "task 'no.toml': cannot read it: No such file"),
        ({"task": "boxes"}, r"boxes: an output of shape \[1, 7, 4, 4\] cannot be decoded"),
        ({"task": "text"}, r"text: an output of shape \[1, 7, 4, 4\] cannot be decoded"),
        ({"labels": "labels.txt"}, "labels: the network is not known to classify"),
        ({"task": "masks", "labels": "labels.txt"}, "2 labels, but the network has 7 classes"),
        ({"task": "masks", "labels": "no.txt"}, "labels 'no.txt': cannot read it"),
        ({"task": 'task = "boxes"\nformat = 3'}, "format is 3, expected str"),
        ({"task": 'task = "boxes"\ncolour = 3'}, "unknown key 'colour': boxes has format, strides"),
        ({"task": 'task = "box"'}, "task = 'box': expected one of classify"),
        ({"task": 'task = "boxes"\nformat = "ssd"'}, "format ssd needs strides and anchors"),
        ({"task": "task = "}, "cannot read it: Invalid value"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    folder, options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(folder)
    if "=" in options.get("task", ""):
        (tmp_path / "task.toml").write_text(options["task"])
        options = options | {"task": tmp_path / "task.toml"}
    with pytest.raises(InputError, match=message) as error:
        hwcnn.simulate(folder / "made", **options)
    assert "\n" not in str(error.value)
