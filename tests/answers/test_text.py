"""Greedy decoding, against the definition written with itertools."""

from itertools import groupby

import numpy as np
import pytest

from hwcnn.answers.text import read
from hwcnn.errors import InputError
from hwcnn.tasks import Text


@pytest.mark.parametrize("blank, alphabet", [(0, "0123456789"), (3, "abc"), (0, "é")])
@pytest.mark.parametrize("shape", ["steps x classes", "1 x classes x 1 x steps", "steps x 1 x c"])
def test_text_is_that_of_the_definition(blank, alphabet, shape):
    rng = np.random.default_rng(len(alphabet))
    classes = len(alphabet) + 1
    scores = rng.standard_normal((23, classes)).repeat(2, 0)[:40]
    letters = [*alphabet[:blank], None, *alphabet[blank:]]
    runs = [k for k, _ in groupby(scores.argmax(1))]
    expected = "".join(letters[k] for k in runs if letters[k] is not None)
    shown = {
        "steps x classes": scores,
        "1 x classes x 1 x steps": scores.T[None, :, None],
        "steps x 1 x c": scores[:, None],
    }[shape]
    assert read(shown, Text(alphabet, blank)) == expected


def test_repeated_characters_need_a_blank_between():
    scores = np.eye(3)[[1, 1, 0, 1, 2, 2, 0, 0]]
    assert read(scores, Text("ab")) == "aab"


def test_other_alphabets_are_refused():
    with pytest.raises(InputError, match=r"shape \[5, 11\] .*expected scores of 3 classes"):
        read(np.zeros((5, 11)), Text("ab"))
