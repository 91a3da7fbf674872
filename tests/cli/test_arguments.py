"""What is parsed of the command line, and how it names options in messages."""

import pytest

from hwcnn.cli.arguments import message, numbers, shapes, spread
from hwcnn.errors import InputError


@pytest.mark.parametrize(
    "error, text",
    [
        (InputError("bad", "engine", "x"), "--engine x: bad"),
        (InputError("bad", "waves"), "--waves: bad"),
        (InputError("bad", "inputs", "a b"), "--input a b: bad"),
        (InputError("bad", "folder", "build/x"), "DIR build/x: bad"),
        (InputError("a.png: bad"), "a.png: bad"),
    ],
)
def test_a_parameter_is_called_by_its_option(error, text):
    assert message(error) == text


def test_below_the_command_line_it_is_called_by_its_name():
    assert str(InputError("bad", "engine", "x")) == "engine 'x': bad"
    assert str(InputError("bad", "waves")) == "waves: bad"
    assert str(InputError("a.png: bad")) == "a.png: bad"


@pytest.mark.parametrize(
    "text, values",
    [
        ("127.5", (127.5,)),
        ("1/127.5", (1 / 127.5,)),
        ("1,2,-3", (1, 2, -3)),
        ("1e-2, 1/4", (0.01, 0.25)),
        (None, None),
    ],
)
def test_numbers(text, values):
    assert numbers("mean", text) == values


@pytest.mark.parametrize("text", ["", "x", "1,,2", "1/0", "1/2/3", "nan", "inf", "1,-inf"])
def test_what_are_no_numbers(text):
    with pytest.raises(InputError) as refusal:
        numbers("scale", text)
    assert message(refusal.value).startswith(f"--scale {text}: expected ")


@pytest.mark.parametrize(
    "line, spread_out",
    [
        ("--input a b --json", "--input a --input b --json"),
        ("--input=a b", "--input=a --input b"),
        ("--calibrate a b --pe 4x4", "--calibrate a --calibrate b --pe 4x4"),
        ("dir --input a", "dir --input a"),
        ("--input a folder", "--input a folder"),
        ("--pe 4x4 b", "--pe 4x4 b"),
        ("--input", "--input"),
    ],
)
def test_files_after_one_another(line, spread_out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "manifest.json").touch()
    assert spread(line.split()) == spread_out.split()


def test_shapes():
    assert shapes(["images=1,3,320,320", "a=b=2, 7"]) == {"images": (1, 3, 320, 320), "a=b": (2, 7)}
    assert shapes(None) == {}


@pytest.mark.parametrize(
    "texts",
    [["1,3,8,8"], ["x="], ["x=1,H"], ["x=1,0"], ["=1"], ["x=1;3"], ["x=1,3", "x=1,3"]],
)
def test_shapes_that_are_none(texts):
    with pytest.raises(InputError) as e:
        shapes(texts)
    assert message(e.value).startswith(f"--shape {texts[-1]}: ")


def test_the_model_stands_alone_or_behind_its_option(hwcnn):
    alone, behind = (
        hwcnn("generate", *model, "--pe", "4x4", "--out", f"out{i}", "--json").json
        for i, model in enumerate((["digits"], ["--model", "digits"]))
    )
    assert alone["model"] == behind["model"] == "digits"
    for wrong, said in (([], "--model: missing"), (["digits", "--model", "alexnet"], "are two")):
        outcome = hwcnn("generate", *wrong)
        assert outcome.code == 2
        assert said in outcome.err
