"""How long the verbs take for a network, phase by phase.

    python bench/compile_time.py [NETWORK ...] [--pe RxC] [--label TEXT] [--record] [--profile VERB]

NETWORK is a built-in name, an ONNX file, or unet: a VGG-16 encoder with batch normalisation and a
U-Net decoder at 320x320 (36 GMAC), the default. Seconds are of `generate`, of `estimate
performance` on its folder, and of `simulate --engine isa` with its reference; CPU seconds are of
all threads, and do not depend much on other work on the machine. --record puts a row into
docs/networks.md, whose name --label extends; --profile prints where a verb's time goes.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

import onnx
from hwcnn.models.builder import Builder
from hwcnn.models.onnx_model import onnx_model
from page import NETWORKS, record

import hwcnn

SECTION = "Time of the verbs"
INTRO = """\
CPU seconds of all threads on the command line's default configuration, and the wall clock's in
brackets, which other work on the machine may lengthen. `unet` is a VGG-16 encoder with batch
normalisation and a U-Net decoder at 320x320; "before" is `generate` without the comparison with
float, which takes half of it since. Made by `python bench/compile_time.py NETWORK ...
--record`."""
#: Channels of the encoder's stages: VGG-16 without its fully connected layers.
STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
#: Channels of the decoder's transposed convolutions, each of which doubles the size.
DECODER = (256, 64, 32, 16)


def unet(size=320):
    """The network as onnx.ModelProto: a mask (sigmoid) of input [1, 3, size, size]."""
    b = Builder("unet", 3, size)
    x, skipped = "input", []
    for stage, (channels, count) in enumerate(STAGES, 1):
        if stage > 1:
            skipped.append(x)
            x = b.max_pool(f"pool{stage - 1}", x, 2, 2)
        for k in range(1, count + 1):
            x = _block(b, f"conv{stage}_{k}", x, channels)
    for stage, channels in enumerate(DECODER, 1):
        x = b.concat(f"concat{stage}", [_doubled(b, f"up{stage}", x, channels), skipped.pop()])
        x = _block(b, f"decode{stage}", x, channels // 2 if stage == 1 else channels)
    return onnx_model(b, b.sigmoid(b.conv("head", x, 1, 1)))


def _block(b, name, x, channels):
    x = b.conv(name, x, channels, 3, pad=1, bias=False)
    return b.relu(b.batch_norm(f"{name}.bn", x))


def _doubled(b, name, x, channels):
    c_in, height, width = b.shapes[x]
    weight = b.weight(f"{name}.weight", (c_in, channels, 2, 2), channels / c_in)
    bias = b.small(f"{name}.bias", channels)
    shape = channels, 2 * height, 2 * width
    return b.node("ConvTranspose", [x, weight, bias], name, shape, strides=(2, 2))


class Stopwatch:
    """Seconds by phase; a phase lasts until the next is named. `seconds` : phase to (CPU, wall)."""

    def __init__(self):
        self.seconds = {}
        self._phase, self._since = None, None

    def __call__(self, phase):
        now = time.process_time(), time.monotonic()
        if self._phase is not None:
            cpu, wall = self.seconds.get(self._phase, (0, 0))
            cpu_before, before = self._since
            self.seconds[self._phase] = cpu + now[0] - cpu_before, wall + now[1] - before
        self._phase, self._since = phase, now


def measure(name, pe, profiled):
    """{verb: {phase: (CPU seconds, wall seconds)}} of a network, and its multiply-accumulates."""
    with tempfile.TemporaryDirectory() as scratch:
        source, out = name, Path(scratch) / "generated"
        if name == "unet":
            source = str(Path(scratch) / "unet.onnx")
            onnx.save(unet(), source)
        verbs = {
            "generate": lambda told: hwcnn.generate(source, pe=pe, out=out, progress=told),
            "estimate": lambda told: hwcnn.estimate_performance(out, progress=told),
            "isa": lambda told: hwcnn.simulate(out, engine="isa", progress=told),
        }
        found, results = {}, {}
        for verb, run in verbs.items():
            watch = Stopwatch()
            watch("start")
            with _profile(verb == profiled):
                results[verb] = run(watch)
            watch(None)
            found[verb] = watch.seconds
    assert not results["isa"].mismatches
    return found, results["generate"].macs


class _profile:
    """Prints a profile of what runs inside, if `on`."""

    def __init__(self, on):
        self._profile = cProfile.Profile() if on else None

    def __enter__(self):
        if self._profile is not None:
            self._profile.enable()

    def __exit__(self, *error):
        if self._profile is not None:
            self._profile.disable()
            pstats.Stats(self._profile).sort_stats("tottime").print_stats(45)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=["unet"], metavar="NETWORK")
    parser.add_argument("--pe", default="16x16")
    parser.add_argument("--label", default="")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--out", type=Path, default=NETWORKS)
    parser.add_argument("--profile", choices=("generate", "estimate", "isa"))
    args = parser.parse_args(arguments)
    for name in args.networks:
        found, macs = measure(name, args.pe, args.profile)
        row = {"network": f"{name} {args.pe} {args.label}".strip(), "GMAC": f"{macs / 1e9:.2f}"}
        for verb, phases in found.items():
            for phase, (cpu, wall) in phases.items():
                print(f"{name}  {verb}  {phase:40} {cpu:8.2f} CPU s {wall:8.2f} s", flush=True)
            cpu, wall = (sum(column) for column in zip(*phases.values(), strict=True))
            print(f"{name}  {verb}  {'total':40} {cpu:8.2f} CPU s {wall:8.2f} s", flush=True)
            row[verb] = f"{cpu:.1f} ({wall:.1f})"
        if args.record:
            record(SECTION, INTRO, row, args.out)


if __name__ == "__main__":
    sys.exit(main())
