"""Tasks: what they refuse, and SSD's default boxes against the sizes that the paper's code has."""

import pytest

from hwcnn.errors import InputError
from hwcnn.tasks import Boxes, KeyPoints, default_boxes


def test_default_boxes_are_those_of_ssd300():
    """Sizes as torchvision 0.29 has them: DefaultBoxGenerator([[2]], scales=[0.1, 0.2],
    steps=[8])._wh_pairs times 300.
    """
    (found,) = default_boxes([30], [60], [[2]])
    expected = [(30, 30), (42.4264, 42.4264), (42.4264, 21.2132), (21.2132, 42.4264)]
    assert [side for size in found for side in size] == pytest.approx(
        [side for size in expected for side in size], abs=1e-3
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Boxes("yolo"), "task boxes: format 'yolo': expected one of yolov2"),
        (lambda: Boxes("ssd"), "task boxes: format ssd needs strides and anchors"),
        (lambda: Boxes("yolov3", (16,)), "needs strides and anchors"),
        (lambda: Boxes("yolov3", (16, 32), (((1, 2),),)), "2 strides and 1 lists of anchors"),
        (lambda: KeyPoints(unit="metres"), "task key-points: unit 'metres'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
