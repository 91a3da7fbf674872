"""Reads ONNX models: from a file or by a built-in name, checked, with every shape known."""

import math
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import (
    TensorProto,
    checker,
    external_data_helper,
    helper,
    numpy_helper,
    shape_inference,
    version_converter,
)

from hwcnn import models
from hwcnn.errors import InputError
from hwcnn.limits import MAX_BATCH, MAX_DRAM

from .drop_training import drop_training
from .optimise import WEIGHTED, infer_shapes, name_nodes
from .weightless import is_large, without_weights

#: The oldest opset taken, and the one that older models are converted to (per-channel
#: DequantizeLinear needs it).
OLDEST_OPSET, OPSET = 7, 13
_INPUT_TYPES = {TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8}


def load(source, batch=1, shapes=None):
    """The model as onnx.ModelProto with all shapes inferred.

    source : a path of an ONNX file, or a name out of ``hwcnn.models.names()``.
    batch : images that the network is meant for. It is only checked here, before any work: a
    symbolic first dimension
        becomes 1, and `importer.import_graph` gives every tensor its batch.
    shapes : input name to shape, for inputs with symbolic dimensions. A first dimension of 1 serves
    for any batch.

    An input of channels last that the model transposes first is turned into one of channels first.
    Raises InputError where the model cannot be used.
    """
    if not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise InputError(f"batch {batch!r}: expected a whole number from 1 to {MAX_BATCH}")
    model = _load(source, shapes)
    _check_memory(model, source, batch)
    return model


def _load(source, shapes):
    path = Path(source)
    if path.is_file():
        return normalise(_read(path), str(source), shapes)
    if path.exists():
        raise InputError(
            f"{source}: not a file: expected an ONNX model or the name of a built-in one (see 'hwcnn models')"
        )
    if str(source) not in models.names():
        what = "no such file" if path.suffix else "neither a file nor a built-in model"
        raise InputError(f"{source}: {what}: 'hwcnn models' lists the built-in ones")
    return normalise(models.build(str(source)), str(source), shapes)


def _check_memory(model, source, batch):
    """InputError where the model itself is of too many images, or memory does not hold a batch:
    inputs and results of layers with weights all lie there, a byte a value.
    """
    for value in model.graph.input:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if len(shape) > 1 and shape[0] > MAX_BATCH:
            raise InputError(
                f"{source}: input {value.name!r} is of {shape[0]} images: at most {MAX_BATCH} in one run"
            )
    results = {n.output[0] for n in model.graph.node if n.op_type in WEIGHTED}
    values = [
        *model.graph.input,
        *(v for v in [*model.graph.value_info, *model.graph.output] if v.name in results),
    ]
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in values]
    size = sum(max([batch, *shape[:1]]) * math.prod(shape[1:]) for shape in shapes)
    if size >= MAX_DRAM:
        raise InputError(
            f"{source}: its inputs and layers take at least {size} bytes of DRAM in a batch of {batch}: at most 4 GiB"
        )


def normalise(model, source, shapes=None):
    """`model` checked, with static input shapes, opset 13 or later and all shapes inferred. source
    : its name in messages.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
    if opset is None or opset < OLDEST_OPSET:
        raise InputError(
            f"{source}: opset {opset}: expected {OLDEST_OPSET} or later; export the model anew or convert it"
        )
    try:
        _check_names(model)
        _check_constants(model, source)
        checker.check_model(without_weights(model, as_inputs=lambda tensor: True))
        if not model.graph.output:
            raise ValueError("it has no output")
        name_nodes(model)
        drop_training(model, source)
        _fix_inputs(model, source, shapes or {})
        _channels_first(model)
        if opset < OPSET:
            model = version_converter.convert_version(model, OPSET)
        infer_shapes(model, strict=True)
    except (
        checker.ValidationError,
        shape_inference.InferenceError,
        version_converter.ConvertError,
        RuntimeError,
        ValueError,
    ) as e:
        raise InputError(f"{source}: not a valid ONNX model: {_one_line(e)}") from e
    return model


def _read(path):
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError, ValueError) as e:
        raise InputError(
            f"{path}: cannot read it as ONNX, it may be truncated or of another format: {_one_line(e)}"
        ) from e
    if not model.graph.node:
        raise InputError(
            f"{path}: holds no ONNX graph: it may be empty, truncated or of another format"
        )
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, checker.ValidationError) as e:
        raise InputError(
            f"{path}: its external data cannot be read: {_one_line(e)}; put the data file beside the model"
        ) from e
    return model


def _check_names(model):
    """ValueError where a name is no text: protobuf gives it as bytes then."""
    names = [
        v.name
        for v in [
            *model.graph.initializer,
            *model.graph.input,
            *model.graph.output,
            *model.graph.value_info,
        ]
    ]
    for node in model.graph.node:
        names += [
            node.name,
            node.op_type,
            node.domain,
            *node.input,
            *node.output,
            *(a.name for a in node.attribute),
        ]
    if bad := next((name for name in names if not isinstance(name, str)), None):
        raise ValueError(f"the name {bad!r} is not text in UTF-8")


def _check_constants(model, source):
    for tensor in model.graph.initializer:
        try:
            count = math.prod(tensor.dims)
            right = (
                count * _bits(tensor) // 8 <= tensor.ByteSize()
                if is_large(tensor)
                else numpy_helper.to_array(tensor).size == count
            )
        except (ValueError, TypeError, KeyError) as e:
            raise InputError(
                f"{source}: constant {tensor.name!r} cannot be read: {_one_line(e)}"
            ) from e
        if not right:
            raise InputError(
                f"{source}: constant {tensor.name!r} has less data than its shape {list(tensor.dims)} asks for: "
                "the file may be truncated"
            )


def _bits(tensor):
    return (
        helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
        if tensor.HasField("raw_data")
        else 8
    )


def _fix_inputs(model, source, shapes):
    """Make the inputs' shapes static, in place, and drop initializers from the inputs."""
    constants = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in constants]
    if unknown := sorted(set(shapes) - {i.name for i in inputs}):
        raise InputError(
            f"{source}: no input is named {unknown[0]!r}: its inputs are {', '.join(i.name for i in inputs)}"
        )
    model.ir_version = max(model.ir_version, 4)  # older ones list initializers among the inputs
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for value in model.graph.input:
        if value.type.tensor_type.elem_type not in _INPUT_TYPES:
            kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
            raise InputError(
                f"{source}: input {value.name!r} is of type {kind}: expected float32, or int8 of a quantised model; "
                "convert the model to float32"
            )
        shape = value.type.tensor_type.shape
        given = shapes.get(value.name)
        if (
            given is not None
            and value.type.tensor_type.HasField("shape")
            and len(given) != len(shape.dim)
        ):
            raise InputError(
                f"{source}: input {value.name!r} has {len(shape.dim)} dimensions, but the shape given is {list(given)}"
            )
        if given is not None:
            while len(shape.dim) < len(given):
                shape.dim.add()
        for i, dim in enumerate(shape.dim):
            fixed = dim.dim_value if dim.dim_value > 0 else None
            wanted = fixed if given is None else int(given[i])
            if given is not None and fixed not in (None, wanted):
                raise InputError(
                    f"{source}: input {value.name!r} is {fixed} in dimension {i}, but the shape given is {list(given)}"
                )
            if wanted is None and i == 0:
                wanted = 1
            if wanted is None or wanted < 1:
                raise InputError(
                    f"{source}: input {value.name!r}: dimension {i} ({dim.dim_param or 'unnamed'}) is not fixed: "
                    f"give its shape, for example {value.name}=1,3,224,224"
                )
            dim.dim_value = wanted
        if not shape.dim:
            raise InputError(
                f"{source}: input {value.name!r} has no shape: give it, for example {value.name}=1,3,224,224"
            )
    if any(not s.dim_value for o in model.graph.output for s in o.type.tensor_type.shape.dim):
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]


def _channels_first(model):
    """Give [N, C, H, W] to inputs that are [N, H, W, C] and read by nothing but transpositions to
    that, in place.
    """
    for value in model.graph.input:
        readers = [n for n in model.graph.node if value.name in n.input]
        dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if len(dims) != 4 or not readers or not all(_to_channels_first(n) for n in readers):
            continue
        for dim, size in zip(
            value.type.tensor_type.shape.dim, (dims[0], dims[3], dims[1], dims[2]), strict=True
        ):
            dim.dim_value = size
        for node in readers:
            node.CopyFrom(
                helper.make_node("Identity", list(node.input), list(node.output), name=node.name)
            )


def _to_channels_first(node):
    return node.op_type == "Transpose" and [
        list(a.ints) for a in node.attribute if a.name == "perm"
    ] == [[0, 3, 1, 2]]


def _one_line(error):
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text if len(text) <= 300 else text[:300] + " ..."
