"""Float networks as QDQ, with scales and zero points that no calibration would choose; and with
QLinear operators.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwcnn.frontend.quantise import calibrate

#: Operators whose second input is weights, with the axis of the output channels (Gemm's depends on
#: transB).
_WEIGHT_AXIS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}
#: Functions that may directly follow what they read, without a scale between.
_FUSED = {"Relu", "Clip"}
_HOST = {"Softmax", "LogSoftmax"}


class _Writer:
    """Quantises one model. rng : of all choices; wild : how many of the scales are not the measured
    ones.
    """

    def __init__(self, model, samples, settings):
        self.model, self.rng = model, np.random.default_rng(settings["seed"])
        self.dtype, self.wild = (
            np.dtype(np.uint8 if settings["unsigned"] else np.int8),
            settings["wild"],
        )
        self.nodes, self.constants = [], {i.name: i for i in model.graph.initializer}
        self.readers = {}
        for node in model.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.outputs = {o.name for o in model.graph.output}
        names = [i.name for i in model.graph.input] + [
            o for n in model.graph.node for o in n.output if n.op_type not in _HOST
        ]
        self.ranges = calibrate.ranges(model, samples, names=names)
        self.parameters, self.dequantised = {}, {}

    def const(self, array, dtype):
        """A new constant; returns its name."""
        name = f"q{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(array, dtype), name)
        return name

    def scale_and_zero(self, name, source):
        """Of a map, the zero point in int8 terms. source : the value that it is made from, whose
        scale it may share.
        """
        rng, (low, high) = self.rng, self.ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max(high - low, 1e-3) / 255
        zero = round(-128 - low / scale)
        if source in self.parameters and rng.random() < 0.4:
            return self.parameters[source]
        if rng.random() < self.wild:
            kind = rng.integers(5)
            if kind == 0:
                zero = int(rng.choice((-128, 127, 0)))
            elif kind == 1:
                zero = int(rng.integers(-128, 128))
            else:
                scale *= 2.0 ** (rng.uniform(-3, 3) if kind < 4 else rng.uniform(-8, 8))
        return float(np.float32(scale)), int(np.clip(zero, -128, 127))

    def quantise(self, name, source=None):
        """QuantizeLinear and DequantizeLinear after the value `name`."""
        scale, zero = self.parameters[name] = self.scale_and_zero(name, source)
        stored = zero + (128 if self.dtype == np.uint8 else 0)
        parameters = [self.const(scale, np.float32), self.const(stored, self.dtype)]
        q, d = f"{name}_q", f"{name}_dq"
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *parameters], [q], name=q))
        self.nodes.append(helper.make_node("DequantizeLinear", [q, *parameters], [d], name=d))
        self.dequantised[name] = d

    def weight(self, node):
        """The dequantised weights of a node, and their scales."""
        rng, array = self.rng, numpy_helper.to_array(self.constants[node.input[1]])
        axis = _WEIGHT_AXIS[node.op_type]
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        if node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute):
            axis = 0
        channel = rng.random() < 0.7 and not (node.op_type == "ConvTranspose" and groups > 1)
        others = tuple(i for i in range(array.ndim) if i != axis)
        most = np.abs(array).max(axis=others) if channel else np.abs(array).max()
        scale = np.maximum(most, 1e-3) / rng.choice((127, 128, 100, 300))
        if rng.random() < self.wild:
            scale = scale * 2.0 ** rng.uniform(-2, 2, np.shape(scale))
        scale = scale.astype(np.float32)
        wide = (
            scale.reshape([-1 if i == axis else 1 for i in range(array.ndim)]) if channel else scale
        )
        q = np.clip(np.rint(array / wide), -128, 127).astype(np.int8)
        if rng.random() < 0.3:
            q[rng.random(q.shape) < 0.3] = rng.choice((-128, 127))
        name = f"{node.name}_w"
        attributes = {"axis": axis} if channel else {}
        self.nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [
                    self.const(q, np.int8),
                    self.const(scale, np.float32),
                    self.const(np.zeros(scale.shape), np.int8),
                ],
                [name],
                name=name,
                **attributes,
            )
        )
        return name, scale

    def bias(self, node, x, scales):
        """The dequantised int32 bias of a node, or its float one."""
        array = numpy_helper.to_array(self.constants[node.input[2]])
        scaled = [a for a in node.attribute if a.name in ("alpha", "beta")]
        if (
            scaled
            or np.size(scales) not in (1, array.size)
            or x not in self.parameters
            or self.rng.random() < 0.2
        ):
            return node.input[2]
        unit = np.float32(self.parameters[x][0]) * scales
        q = np.clip(np.rint(array / unit), -(2**31) + 1, 2**31 - 1)
        name = f"{node.name}_b"
        zero = np.zeros(np.shape(unit))
        attributes = {"axis": 0} if np.size(unit) > 1 else {}
        self.nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [self.const(q, np.int32), self.const(unit, np.float32), self.const(zero, np.int32)],
                [name],
                name=name,
                **attributes,
            )
        )
        return name

    def node(self, node):
        """Copy a node with quantised operands; quantise its results unless a fused node follows."""
        new = onnx.NodeProto.FromString(node.SerializeToString())
        new.input[:] = [self.dequantised.get(i, i) for i in node.input]
        if node.op_type in _WEIGHT_AXIS:
            new.input[1], scales = self.weight(node)
            if len(node.input) > 2:
                new.input[2] = self.bias(node, node.input[0], scales)
        self.nodes.append(new)
        for name in node.output if node.op_type not in _HOST else ():
            readers = self.readers.get(name, [])
            fused = (
                len(readers) == 1
                and readers[0].op_type in _FUSED
                and name not in self.outputs
                and self.rng.random() < 0.5
            )
            if not fused:
                self.quantise(name, node.input[0])

    def run(self):
        """The quantised ModelProto."""
        for value in self.model.graph.input:
            self.quantise(value.name)
        for node in self.model.graph.node:
            self.node(node)
        result = onnx.ModelProto()
        result.CopyFrom(self.model)
        del result.graph.node[:], result.graph.initializer[:], result.graph.value_info[:]
        result.graph.node.extend(self.nodes)
        for output in result.graph.output:
            output.name = self.dequantised.get(output.name, output.name)
        used = {i for n in self.nodes for i in n.input}
        result.graph.initializer.extend(c for name, c in self.constants.items() if name in used)
        return result


def qdq(model, samples, settings):
    """The float model with QuantizeLinear and DequantizeLinear around its layers. samples : to
    measure ranges with.

    settings : "seed"; "unsigned" maps; "wild", the share of maps whose scale or zero point is
    arbitrary.
    """
    return _Writer(model, samples, settings).run()


#: Float operator to its quantised one: its domain, and whether the scale of the result comes first.
_QLINEAR = {
    "Conv": ("QLinearConv", ""),
    "MatMul": ("QLinearMatMul", ""),
    **{
        op: (f"QLinear{op}", "com.microsoft")
        for op in (
            "Add",
            "Mul",
            "GlobalAveragePool",
            "AveragePool",
            "Sigmoid",
            "LeakyRelu",
            "Concat",
        )
    },
    "Gemm": ("QGemm", "com.microsoft"),
}


def qlinear(model):
    """A QDQ model with quantised operators, where there are such, for DequantizeLinear, the float
    operator and QuantizeLinear.
    """
    graph = model.graph
    source = {n.output[0]: n for n in graph.node if n.op_type == "DequantizeLinear"}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes, replaced = [], set()
    for node in graph.node:
        after = readers.get(node.output[0], [])
        new = None
        if node.op_type in _QLINEAR and len(after) == 1 and after[0].op_type == "QuantizeLinear":
            new = _quantised(node, source, after[0])
        if new:
            replaced.add(after[0].output[0])
        if node.op_type != "QuantizeLinear" or node.output[0] not in replaced:
            nodes.append(new or node)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    result.graph.node.extend(_needed(nodes, {o.name for o in graph.output}))
    if any(n.domain for n in result.graph.node):
        result.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return result


def _needed(nodes, wanted):
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.insert(0, node)
    return kept


def _quantised(node, source, after):
    """The quantised operator in the place of `node`, or None where its form does not allow one."""
    op, domain = _QLINEAR[node.op_type]
    operands = list(node.input[:2] if node.op_type in ("Conv", "MatMul", "Gemm") else node.input)
    biased = node.op_type in ("Conv", "Gemm") and len(node.input) > 2
    if any(name not in source for name in operands) or (biased and node.input[2] not in source):
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "AveragePool" and (
        attributes.get("ceil_mode")
        or "dilations" in attributes
        or b"NOTSET" != attributes.get("auto_pad", b"NOTSET")
    ):
        return None
    if node.op_type == "Gemm" and "beta" in attributes:
        return None
    attributes.pop("beta", None)
    triples = [i for name in operands for i in source[name].input]
    bias = [source[node.input[2]].input[0]] if biased else []
    result = list(after.input[1:])
    if op == "QLinearConcat":
        inputs = result + triples
    elif op == "QGemm":
        inputs = triples + (bias or [""]) + result
    else:
        inputs = triples + result + bias
    return helper.make_node(
        op, inputs, list(after.output), name=f"{node.name}_ql", domain=domain, **attributes
    )
