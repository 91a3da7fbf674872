"""Reads ONNX models: from a file or by a built-in name, checked, with every shape known."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import checker, external_data_helper, helper, inliner, numpy_helper, shape_inference
from onnx import version_converter as converter

from hwcnn import models  # pyright: ignore[reportAttributeAccessIssue]  # beside the package, in models/
from hwcnn.errors import InputError
from hwcnn.limits import MAX_BATCH, MAX_DRAM

from .canonical import WEIGHTED
from .drop_training import drop_training
from .edit import constants_to_initialisers, infer_shapes, name_nodes
from .float32 import to_float32
from .inputs import drop_constant_inputs, fix_inputs, float_inputs
from .onnx_index import OnnxIndex
from .picture_inputs import batched, channels_first
from .weightless import is_large, without_weights

#: The oldest opset taken, and the one that older models are converted to (per-channel
#: DequantizeLinear needs it).
OLDEST_OPSET, OPSET = 7, 13


def load(
    source: str | Path, batch: int = 1, shapes: Mapping[str, Sequence[int]] | None = None
) -> onnx.ModelProto:
    """The model, checked, with all shapes inferred.

    source : a path of an ONNX file, or a name out of ``hwcnn.models.names()``.
    batch : images that the network is meant for. It is only checked here, before any work: a
    symbolic first dimension becomes 1, and `qdq_to_ir.import_graph` gives every tensor its batch.
    shapes : input name to shape, for inputs with symbolic dimensions. A first dimension of 1 serves
    for any batch.

    An input of channels last that the model transposes first is turned into one of channels first,
    pictures of [C, H, W] into those of [1, C, H, W], float16, bfloat16 and double into float32;
    local functions are inlined. Raises InputError where the model cannot be used.
    """
    if not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise InputError(f"batch {batch!r}: expected a whole number from 1 to {MAX_BATCH}")
    model = _load(source, shapes)
    _check_memory(model, source, batch)
    return model


def _load(source: str | Path, shapes: Mapping[str, Sequence[int]] | None) -> onnx.ModelProto:
    path = Path(source)
    if path.is_file():
        return normalise(_read(path), str(source), shapes)
    if path.exists():
        raise InputError(
            f"{source}: not a file: expected an ONNX model or the name of a built-in one "
            "(see 'hwcnn models')"
        )
    if str(source) not in models.names():
        what = "no such file" if path.suffix else "neither a file nor a built-in model"
        raise InputError(f"{source}: {what}: 'hwcnn models' lists the built-in ones")
    return normalise(models.build(str(source)), str(source), shapes)


def _check_memory(model: onnx.ModelProto, source: str | Path, batch: int) -> None:
    """InputError where the model itself is of too many images, or memory does not hold a batch:
    inputs and results of layers with weights all lie there, a byte a value.
    """
    index = OnnxIndex(model.graph)
    inputs = [value.name for value in model.graph.input]
    for name in inputs:
        shape = index.shapes[name]
        if len(shape) > 1 and shape[0] > MAX_BATCH:
            raise InputError(
                f"{source}: input {name!r} is of {shape[0]} images: at most {MAX_BATCH} in one run"
            )
    results = [n.output[0] for n in model.graph.node if n.op_type in WEIGHTED]
    shapes = [index.shapes[name] for name in [*inputs, *results] if name in index.shapes]
    size = sum(max([batch, *shape[:1]]) * math.prod(shape[1:]) for shape in shapes)
    if size >= MAX_DRAM:
        raise InputError(
            f"{source}: its inputs and layers take at least {size} bytes of DRAM in a batch of "
            f"{batch}: at most 4 GiB"
        )


def normalise(
    model: onnx.ModelProto, source: str, shapes: Mapping[str, Sequence[int]] | None = None
) -> onnx.ModelProto:
    """`model` checked, with static input shapes, opset 13 or later and all shapes inferred; it may
    be changed in place. source : its name in messages. Raises InputError where it cannot be used.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
    if opset is None or opset < OLDEST_OPSET:
        raise InputError(
            f"{source}: opset {opset}: expected {OLDEST_OPSET} or later; export the model anew or "
            "convert it"
        )
    try:
        _check_names(model)
        _check_constants(model, source)
        drop_constant_inputs(model)
        _check(model)
        if model.functions:
            model = inliner.inline_local_functions(model)
        name_nodes(model)
        constants_to_initialisers(model)
        drop_training(model, source)
        to_float32(model)
        float_inputs(model)
        fix_inputs(model, source, shapes or {})
        channels_first(model)
        batched(model)
        if opset < OPSET:
            model = converter.convert_version(model, OPSET)
        infer_shapes(model, strict=True)
    except (
        checker.ValidationError,
        shape_inference.InferenceError,
        converter.ConvertError,
        RuntimeError,
        ValueError,
    ) as e:
        raise InputError(f"{source}: not a valid ONNX model: {_one_line(e)}") from e
    return model


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError, ValueError) as e:
        raise InputError(
            f"{path}: cannot read it as ONNX, it may be truncated or of another format: "
            f"{_one_line(e)}"
        ) from e
    if not model.graph.node:
        raise InputError(
            f"{path}: holds no ONNX graph: it may be empty, truncated or of another format"
        )
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, checker.ValidationError) as e:
        raise InputError(
            f"{path}: its external data cannot be read: {_one_line(e)}; put the data file beside "
            "the model"
        ) from e
    return model


def _check(model: onnx.ModelProto) -> None:
    """ValidationError or ValueError where onnx's checker finds a fault. Outputs need no shape: old
    exporters leave it out.
    """
    if not model.graph.output:
        raise ValueError("it has no output")
    copy = without_weights(model, as_inputs=lambda tensor: True)
    for value in copy.graph.output:
        value.type.tensor_type.shape.SetInParent()
    checker.check_model(copy)


def _check_names(model: onnx.ModelProto) -> None:
    """ValueError where a name is no text: protobuf gives it as bytes then."""
    graph = model.graph
    values = [*graph.initializer, *graph.input, *graph.output, *graph.value_info]
    names = [value.name for value in values]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if bad := next((name for name in names if not isinstance(name, str)), None):
        raise ValueError(f"the name {bad!r} is not text in UTF-8")


def _check_constants(model: onnx.ModelProto, source: str) -> None:
    for tensor in model.graph.initializer:
        try:
            count = math.prod(tensor.dims)
            complete = (
                count * _bits(tensor) // 8 <= tensor.ByteSize()
                if is_large(tensor)
                else numpy_helper.to_array(tensor).size == count
            )
        except (ValueError, TypeError, KeyError) as e:
            raise InputError(
                f"{source}: constant {tensor.name!r} cannot be read: {_one_line(e)}"
            ) from e
        if not complete:
            raise InputError(
                f"{source}: constant {tensor.name!r} has less data than its shape "
                f"{list(tensor.dims)} asks for: the file may be truncated"
            )


def _bits(tensor: onnx.TensorProto) -> int:
    """Bits that an element takes in the file, at least."""
    if not tensor.HasField("raw_data"):
        return 8
    return helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8


def _one_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text if len(text) <= 300 else text[:300] + " ..."
