"""Show and tell (Vinyals et al. 2014, arXiv:1411.4555): GoogLeNet's features begin an LSTM, which
says a word at a time and is fed the likeliest one.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..classification.googlenet import features

if TYPE_CHECKING:
    from ..builder import Builder

WORDS, VOCABULARY, SIZE = 20, 8844, 512


def captioner(b: "Builder", x: str) -> str:
    """Scores [20, 8844] of the words of a sentence about input x, greedily."""
    size = b.scaled(SIZE)
    x = b.fc("embedding", b.flatten(features(b, x)), size, gain=1.0)
    table = b.weight("words", (VOCABULARY, size), float(size))
    output = b.weight("scores.weight", (size, VOCABULARY), 1.0, outputs=1)
    state, said = None, []
    for k in range(WORDS + 1):
        x = b.reshape(f"word{k}.input", x, (1, size))
        _, *last = b.lstm(f"word{k}", x, size, weights="lstm", state=state)
        state = last[0], last[1]
        if k == 0:  # the picture; the first word follows the start of the sentence, word 0
            word = b.constant("start.shape", np.array([0]))
        else:
            scores = b.node("MatMul", [last[0], output], f"word{k}.scores", (1, VOCABULARY))
            said.append(scores)
            word = b.node("ArgMax", [scores], f"word{k}.best", (1,), axis=2, keepdims=0)
        if k < WORDS:
            x = b.node("Gather", [table, word], f"word{k}.embedded", (size,), axis=0)
    return b.node("Concat", said, "sentence", (WORDS, VOCABULARY), axis=1)
