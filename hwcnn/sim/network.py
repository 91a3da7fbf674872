"""A network in steps of host and accelerator, run from its inputs to its outputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import onnx
from onnx import TensorProto

from hwcnn import golden
from hwcnn.artifact import Generated
from hwcnn.errors import InputError, RunError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.importer.values import map_shape
from hwcnn.frontend.model.onnx_index import shape_of
from hwcnn.frontend.model.session import session
from hwcnn.frontend.partition.network import images
from hwcnn.frontend.partition.split import split
from hwcnn.golden.run import dequantise
from hwcnn.manifest import Manifest, Step

from .batches import Batch
from .design import Design
from .session import Options, Result, simulate

#: Of one batch: each value, by name, as the model has it: one array for each of its runs on the
#: host, which serve a batch of several images together.
Values = dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class Program:
    """A step of the accelerator. types : of its inputs and outputs in the model, by value
    (onnx.TensorProto.DataType).
    """

    step: Step
    design: Design
    types: Mapping[str, int]

    def inputs(self, values: Values) -> Batch:
        """int8 [N, C, H, W] of each input of the program."""
        found: Batch = {}
        graph = self.design.graph
        for name in graph.inputs:
            array = np.concatenate(values[self.step.inputs[name]])
            shape = graph.tensors[name].shape
            if array.dtype == np.uint8:
                array = (array ^ 0x80).view(np.int8)
            elif array.dtype != np.int8:
                array = golden.quantise_input(graph, name, array)
            found[name] = array.reshape(shape)
        return found

    def outputs(self, tensors: Mapping[str, np.ndarray], runs: int) -> Values:
        """What the program gave, as the model has it; runs : see `Values`."""
        graph = self.design.graph
        if graph.host:
            real = golden.host_outputs(graph, tensors)
            return {name: np.split(value, runs) for name, value in real.items()}
        found: Values = {}
        for tensor, (name, shape) in zip(graph.outputs, graph.onnx_outputs, strict=True):
            value = tensors[tensor]
            if self.types[name] == TensorProto.UINT8:
                value = value.view(np.uint8) ^ 0x80
            elif self.types[name] != TensorProto.INT8:
                value = dequantise(graph, tensor, value)
            found[name] = np.split(value.reshape(shape), runs)
        return found


@dataclass(frozen=True)
class Host:
    """A step of the host. model : that it runs in onnxruntime."""

    step: Step
    model: onnx.ModelProto

    @cached_property
    def run(self) -> Callable[[Values], Values]:
        """From the values before it to those that it gives."""
        run = session(self.model)
        inputs = {i.name: i for i in self.model.graph.input}

        def compute(values: Values) -> Values:
            found: Values = {name: [] for name in self.step.outputs}
            runs = max([len(values[v]) for v in self.step.inputs.values()], default=1)
            for number in range(runs):
                feed = {
                    name: fed(values[value][number], inputs[name])
                    for name, value in self.step.inputs.items()
                }
                try:
                    results = run.run(list(self.step.outputs), feed)
                except Exception as e:  # onnxruntime's exceptions share no public base class
                    text = " ".join(str(e).split())[:300]
                    raise RunError(f"{self.step.file}: onnxruntime cannot run it: {text}") from e
                for name, result in zip(self.step.outputs, results, strict=True):
                    found[name].append(np.asarray(result))
            return found

        return compute


def fed(array: np.ndarray, value: onnx.ValueInfoProto) -> np.ndarray:
    """The array in the shape, where that is known, and the type of a model's input."""
    kind = value.type.tensor_type
    if kind.elem_type == TensorProto.UINT8 and array.dtype == np.int8:
        array = array.view(np.uint8) ^ 0x80
    shape = [d.dim_value for d in kind.shape.dim]
    return array.reshape(shape) if kind.HasField("shape") and all(shape) else array


@dataclass(frozen=True)
class Network:
    """A generated folder as what is simulated. steps : in order. inputs : (C, H, W) of the
    network's own, by name; floats : whether each is float32 in the model. outputs : shapes [N, ...]
    by name, 0 where a dimension is not known. runs : of the host for a batch.
    """

    manifest: Manifest
    steps: list[Program | Host]
    inputs: dict[str, tuple[int, ...]]
    floats: dict[str, bool]
    outputs: dict[str, tuple[int, ...]]
    runs: int

    @classmethod
    def of(cls, generated: Generated) -> "Network":
        """The network of a folder."""
        manifest = generated.manifest
        whole = onnx.ModelProto.FromString(generated.quantized)
        host_nodes = [name for step in manifest.steps for name in step.nodes]
        steps: list[Program | Host] = []
        designs, hosts = 0, iter(generated.host)
        for step, part in zip(manifest.steps, split(whole, host_nodes), strict=True):
            if step.on_host:
                steps.append(Host(step, onnx.ModelProto.FromString(next(hosts))))
                continue
            design = Design(
                manifest.config,
                replace(manifest.programs[designs], model=manifest.model),
                generated.programs[designs],
                generated.weights[designs],
                generated.verilog,
                import_graph(part.model, manifest.batch),
            )
            designs += 1
            types = {o.name: o.type.tensor_type.elem_type for o in part.model.graph.output}
            steps.append(Program(step, design, types))
        shapes = {i.name: shape_of(i) for i in whole.graph.input}
        inputs = {name: (map_shape(shape) or shape)[1:] for name, shape in shapes.items()}
        floats = {
            i.name: i.type.tensor_type.elem_type == TensorProto.FLOAT for i in whole.graph.input
        }
        runs = manifest.batch // images(whole)
        outputs = {
            o.name: (d[0] * runs, *d[1:]) if (d := shape_of(o)) else d for o in whole.graph.output
        }
        return cls(manifest, steps, inputs, floats, outputs, runs)

    def check(self, batches: Sequence[Batch]) -> None:
        """Raise InputError where the host reads real numbers and is given quantised ones."""
        read = {v for s in self.steps if isinstance(s, Host) for v in s.step.inputs.values()}
        for batch in batches:
            for name, array in batch.items():
                if name in read and self.floats[name] and array.dtype == np.int8:
                    raise InputError(
                        f"input {name!r} is read by the host: give it real numbers, not int8"
                    )

    def first_input(self, batch: Batch) -> np.ndarray:
        """The first input as real numbers, float32 [N, C, H, W]."""
        name = next(iter(self.inputs))
        array = batch[name]
        for step in self.steps:
            if isinstance(step, Program) and array.dtype == np.int8:
                graph = step.design.graph
                found = [i for i in graph.inputs if step.step.inputs[i] == name]
                array = dequantise(graph, found[0], array) if found else array
        return array

    @property
    def designs(self) -> list[Design]:
        """Of the accelerator's steps, in order."""
        return [step.design for step in self.steps if isinstance(step, Program)]


#: What each design of a network gave.
Parts = list[tuple[Design, Result]]


def run(network: Network, batches: Sequence[Batch], options: Options) -> tuple[Parts, list[Values]]:
    """Run a network, step by step: (what its programs gave, all values of each batch).

    batches : the network's inputs, float32 or int8.
    """
    values = [
        {name: np.split(array, network.runs) for name, array in batch.items()} for batch in batches
    ]
    parts: Parts = []
    for step in network.steps:
        if isinstance(step, Host):
            options.progress(f"host: {step.step.file}")
            for known in values:
                known |= step.run(known)
            continue
        result = simulate(step.design, [step.inputs(known) for known in values], options)
        for known, outcome in zip(values, result.outcomes, strict=True):
            known |= step.outputs(outcome.outputs, network.runs)
        parts.append((step.design, result))
    return parts, values
