"""Text: read from pictures, or told about them."""

from dataclasses import replace

from hwcnn.tasks import Text

from ..info import CAFFE, GREY, GREY_CENTRED, ModelInfo
from .captioner import captioner
from .crnn import ALPHABET, crnn
from .digit_reader import ALPHABET as DIGITS
from .digit_reader import HEIGHT, ONNX_FILE, WIDTH, digit_reader

NETWORKS = (
    ModelInfo(
        "digit-reader",
        "a line of handwritten digits, trained: 93 % of 500 lines right",
        (HEIGHT, WIDTH),
        replace(GREY, resize=1.0),
        digit_reader,
        file=ONNX_FILE,
        task=Text(DIGITS),
    ),
    ModelInfo(
        "crnn",
        "CRNN (2015): a word read by convolutions and two LSTMs",
        (32, 100),
        GREY_CENTRED,
        crnn,
        "Shi et al. 2015, arXiv:1507.05717",
        task=Text(ALPHABET),
    ),
    ModelInfo(
        "show-and-tell",
        "Show and tell (2014): a sentence by GoogLeNet and an LSTM",
        224,
        CAFFE,
        captioner,
        "Vinyals et al. 2014, arXiv:1411.4555",
        task=None,
    ),
)
