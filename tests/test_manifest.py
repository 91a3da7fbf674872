"""The manifest survives writing and reading; what is no manifest of this format is refused, with
the place in it.
"""

import dataclasses
import hashlib
import json

import pytest

from hwcnn.config import AccelConfig
from hwcnn.errors import RunError
from hwcnn.layout import Placement
from hwcnn.manifest import (
    FORMAT,
    File,
    HostOp,
    Im2col,
    Input,
    Layer,
    Manifest,
    Memory,
    ProgramManifest,
    Region,
    Step,
    Tensor,
)
from hwcnn.preprocess import Preprocess

PLACE = Placement(0, (2, 27, 5, 6), 4, 4096, ((0, 3), (4, 24)), -7)
PACK = Im2col("x", (2, 3, 9, 9), PLACE.shape, True, (3, 3), (2, 2), (1, 1), (1, 0, 1, 0), -7)
CONFIG = AccelConfig(rows=4, cols=8, features=("pool",))
PROGRAM = ProgramManifest(
    model="net",
    batch=2,
    config=CONFIG,
    memory=Memory(Region(0, 8192), Region(8192, 100), Region(12288, 64)),
    dram_bytes=16384,
    cycle_budget=0,
    inputs=(Input("x.packed", PACK), Input("z", None, ((0.5, -1.0),))),
    outputs=("y",),
    tensors={"x.packed": Tensor(PLACE, 0.1, -7)},
    layers=(Layer("conv", "Conv", 12, "y", False),),
    queues={"load": ((0, 3), (1, 4))},
    counts={"load": 7},
    instructions={"load": 7, "total": 8},
    host=(HostOp("softmax", "Softmax", "y", "p", {"axis": 1}),),
)
MANIFEST = Manifest(
    model="net",
    batch=2,
    config=CONFIG,
    programs=(PROGRAM,),
    steps=(
        Step(False, "program.bin", {"x": "x", "z": "z"}, ("y",)),
        Step(True, "host_0.onnx", {"y": "y"}, ("p",), ("top",)),
    ),
    outputs=("p",),
    built_in=True,
    labels=("a", "b"),
    preprocess=Preprocess((1 / 3,), (0.1, 0.2, 0.3), "BGR"),
    files={"program.bin": File(64, "0" * 64)},
)


def sealed(values):
    """The text of a manifest that says so of itself, as if hwcnn had written it."""
    text = json.dumps(values, sort_keys=True)
    return json.dumps(values | {"sha256": hashlib.sha256(text.encode()).hexdigest()})


def values():
    result = json.loads(MANIFEST.to_json())
    del result["sha256"]
    return result


def test_it_survives_a_round_trip():
    assert Manifest.from_json(MANIFEST.to_json(), "m") == MANIFEST
    assert Manifest.from_json(sealed(values()), "m") == MANIFEST


def test_keys_of_the_file_are_the_fields():
    assert set(values()) == {f.name for f in dataclasses.fields(Manifest)} | {"format"}
    (program,) = values()["programs"]
    assert set(program) == {f.name for f in dataclasses.fields(ProgramManifest)}
    assert program["tensors"]["x.packed"]["placement"]["runs"] == [[0, 3], [4, 24]]
    assert program["inputs"][1] == {
        "tensor": "z",
        "pack": None,
        "normalise": [[0.5, -1.0]],
    }


@pytest.mark.parametrize("found", [FORMAT - 1, FORMAT + 1, str(FORMAT), None, [FORMAT]])
def test_another_format_is_refused(found):
    text = sealed(values() | {"format": found})
    with pytest.raises(RunError) as refusal:
        Manifest.from_json(text, "m.json")
    assert str(refusal.value) == (
        f"m.json: its format is {found}, this hwcnn reads {FORMAT}: generate the folder anew"
    )


def test_a_format_without_a_number_is_refused():
    text = sealed({k: v for k, v in values().items() if k != "format"})
    with pytest.raises(RunError, match="its format is older, without a number"):
        Manifest.from_json(text, "m.json")


def test_a_change_is_refused():
    with pytest.raises(RunError, match="m.json: changed since it was written"):
        Manifest.from_json(MANIFEST.to_json().replace("16384", "16385"), "m.json")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda v: v.pop("steps"), "manifest is .*, expected the keys batch, "),
        (lambda v: v.update(more=1), "manifest is .*, expected the keys batch, "),
        (lambda v: v.update(batch="2"), "manifest.batch is '2', expected int"),
        (lambda v: v.update(batch=True), "manifest.batch is True, expected int"),
        (lambda v: v.update(outputs="y"), "manifest.outputs is 'y', expected tuple"),
        (
            lambda v: v["programs"][0]["layers"][0].update(macs=None),
            r"programs\[0\].layers\[0\].macs is None, expected int",
        ),
        (
            lambda v: v["programs"][0]["inputs"][0]["pack"].update(pads=[1]),
            r"inputs\[0\].pack.pads is \[1\]",
        ),
        (
            lambda v: v["programs"][0]["memory"].update(program=[]),
            r"memory.program is \[\], expected the keys",
        ),
        (lambda v: v["programs"][0]["counts"].update(load=0.5), "counts.load is 0.5, expected int"),
        (
            lambda v: v["programs"][0]["tensors"]["x.packed"].update(scale="a"),
            "scale is 'a', expected float",
        ),
        (lambda v: v["config"].update(rows=3), "rows = 3: expected a power of two"),
        (lambda v: v["preprocess"].update(order="G"), "order 'G': expected one of"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place(change, message):
    changed = values()
    change(changed)
    with pytest.raises(RunError, match=f"^m.json: .*{message}.*: generate the folder anew$"):
        Manifest.from_json(sealed(changed), "m.json")
