"""The networks that were trained here, on their held-out pictures: how good they are in float and
as the accelerator computes them, and what that looks like.

    python bench/answers.py [--pe 16x16] [--engine rtl] [NAME ...]

The pictures in models/ go through the accelerator in RTL, every tensor compared with the reference;
the larger held-out set of the digits through the reference. Writes docs/pictures/NAME.png, and a
row each into docs/networks.md. Exit code 1 for a mismatch, or where int8 is too far below float:
0.3 dB, or one point in a hundred.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from page import NETWORKS, record
from PIL import Image, ImageDraw, ImageFont
from scores import lines_right, psnr

import hwcnn
from hwcnn import models, pictures
from hwcnn.answers.decode import decode
from hwcnn.answers.view import View
from hwcnn.frontend.model.session import session

HELD_OUT = Path(__file__).parent / "trained"
SECTION = "Networks that were trained here"
INTRO = """\
On pictures that they were not trained on. "Before": the noisy picture, or what bicubic
interpolation makes. "Float" is onnxruntime; "int8" is the accelerator, whose every tensor is
compared with the reference. Pictures: PSNR in dB (of luminance), the mean of three. Digits:
lines of 500 that are read without an error. Made by `python bench/answers.py`."""
MARGIN, CAPTION = 4, 15
BEFORE = {"denoiser": "noisy", "super-resolver": "bicubic"}
READER = "digit-reader"


class Float:
    """A network as onnxruntime computes it."""

    def __init__(self, name):
        self.info = models.info(name)
        self.session = session(models.build(name))

    def answer(self, picture):
        """What it says of a picture, which has its input's size."""
        kind = "L" if self.info.preprocess.order == "L" else "RGB"
        height, width = self.info.shape[1:]
        pixels = np.asarray(picture.convert(kind)).reshape(height, width, -1)
        values = pictures.prepare(pixels, self.info.shape, self.info.preprocess)
        names = [output.name for output in self.session.get_outputs()]
        found = self.session.run(None, {"input": values[None]})
        view = View(picture.convert("RGB"), (0, 0, width, height), values, self.info.preprocess)
        outputs = dict(zip(names, found, strict=True))
        return decode(self.info.task, outputs, view, self.info.labels)


def by(run):
    """What computed a picture, in words."""
    return f"int8, {'RTL' if run.engine == 'rtl' else run.engine}"


def luminance(picture):
    return np.asarray(picture.convert("L"))


def sheet(rows, factor=1):
    """Pictures side by side with a line of words below each. rows : [[(picture, words), ...]].
    factor : by which each is enlarged.
    """
    size = max(p.width for row in rows for p, _ in row), max(p.height for r in rows for p, _ in r)
    width, height = factor * size[0], factor * size[1]
    across, down = width + MARGIN, height + CAPTION + MARGIN
    found = Image.new("RGB", (len(rows[0]) * across - MARGIN, len(rows) * down - MARGIN), "white")
    draw, font = ImageDraw.Draw(found), ImageFont.load_default(12)
    for y, row in enumerate(rows):
        for x, (picture, words) in enumerate(row):
            large = picture.convert("RGB").resize((width, height), Image.Resampling.NEAREST)
            found.paste(large, (x * across, y * down))
            draw.text((x * across + 1, y * down + height), words, fill="black", font=font)
    return found


def restoration(name, run, files, folder):
    """The sheet of pictures, and the mean PSNR before, in float and in int8."""
    with np.load(HELD_OUT / f"{name.replace('-', '_')}.npz") as kept:
        wanted = {stem: Image.fromarray(kept[stem]) for stem in kept}
    network, rows, figures = Float(name), [], []
    for path, sample in zip(files, run.outputs, strict=True):
        given, clean = pictures.read(path), wanted[path.stem]
        shown = [
            given.resize(clean.size, Image.Resampling.BICUBIC),
            network.answer(given).picture,
            Image.open(sample.answer["picture"]),
        ]
        figures.append([psnr(luminance(p), luminance(clean)) for p in shown])
        words = [
            f"{what} {figure:.2f} dB"
            for what, figure in zip((BEFORE[name], "float", by(run)), figures[-1], strict=True)
        ]
        rows.append([*zip(shown, words, strict=True), (clean, "original")])
    before, in_float, in_int8 = np.mean(figures, 0)
    return (
        sheet(rows),
        [f"{v:.2f} dB" for v in (before, in_float, in_int8)],
        in_float - in_int8 <= 0.3,
    )


def digits(name, run, files, folder):
    """The sheet of pictures, and the lines that are right in float and in int8, of all held out."""
    with np.load(HELD_OUT / f"{name.replace('-', '_')}.npz") as kept:
        pixels, texts = kept["pixels"], kept["texts"].tolist()
    network = Float(name)
    np.save(folder / "held_out.npy", pixels)
    whole = hwcnn.simulate(folder / name, engine="golden", inputs=folder / "held_out.npy")
    said = [
        [network.answer(Image.fromarray(p)).values["characters"] for p in pixels],
        [sample.answer["characters"] for sample in whole.outputs],
    ]
    real, quantised = (lines_right(lines, texts) for lines in said)
    shown = [
        (Image.open(path), f"{by(run)}: {sample.answer['text']}")
        for path, sample in zip(files, run.outputs, strict=True)
    ]
    figures = ["-", f"{100 * real:.1f} %", f"{100 * quantised:.1f} %"]
    return sheet([shown[:2], shown[2:]], 3), figures, real - quantised <= 0.01


def measure(name, pe, engine, folder):
    """A network's row and its sheet of pictures, and whether all is well."""
    out = folder / name
    hwcnn.generate(name, pe=pe, out=out)
    files = sorted(models.info(name).pictures.glob("*.png"))
    run = hwcnn.simulate(out, engine=engine, inputs=files)
    shown, figures, near = (digits if name == READER else restoration)(name, run, files, folder)
    row = dict(zip(("network", "before", "float", "int8"), (name, *figures), strict=True))
    row |= {
        "values compared": f"{run.elements_compared:,}",
        "mismatches": str(run.mismatches),
        "cycles": f"{run.cycles:,}" if run.cycles else "-",
    }
    return row, shown, near and not run.mismatches


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [*BEFORE, READER]
    parser.add_argument("networks", nargs="*", metavar="NAME", default=known, help=", ".join(known))
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--engine", default="rtl")
    parser.add_argument("--out", type=Path, default=NETWORKS)
    args = parser.parse_args(arguments)
    bad = 0
    for name in args.networks:
        with tempfile.TemporaryDirectory() as folder:
            row, shown, passed = measure(name, args.pe, args.engine, Path(folder))
        bad += not passed
        print("  ".join(row.values()), flush=True)
        record(SECTION, INTRO, row, args.out)
        target = args.out.parent / "pictures"
        target.mkdir(exist_ok=True)
        shown.quantize(256).save(target / f"{name}.png", optimize=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
