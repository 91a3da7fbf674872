"""What a simulation runs: an accelerator with a program, and the graph that golden runs for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hwcnn import ir
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.layout import Placement
from hwcnn.manifest import ProgramManifest
from hwcnn.scheduler.compile import compile_graph
from hwcnn.scheduler.rewrite.fold_stem import pack_input

#: What the tensors' memory holds before a run, so that a tensor that is not written does not
#: compare equal by chance.
POISON = 0x5A


@dataclass(frozen=True)
class Design:
    """An accelerator with a program.

    manifest, program, weights : as in `Compiled`. verilog : of the accelerator. graph : before the
    compiler's rewrites, so that golden's tensors are those of the network.
    """

    config: AccelConfig
    manifest: ProgramManifest
    program: bytes
    weights: np.ndarray
    verilog: str
    graph: ir.Graph

    @classmethod
    def compile(cls, graph: ir.Graph, config: AccelConfig, verilog: str) -> "Design":
        """The design of a graph, compiled for an accelerator."""
        compiled = compile_graph(graph, config)
        return cls(config, compiled.manifest, compiled.program, compiled.weights, verilog, graph)

    def layer(self, name: str) -> "Design":
        """The same accelerator with one layer alone, whose inputs are golden's tensors.

        Raises InputError where the network has no such layer.
        """
        alone = Design.compile(one_layer(self.graph, name), self.config, self.verilog)
        return replace(alone, manifest=replace(alone.manifest, model=self.manifest.model))

    @cached_property
    def placements(self) -> dict[str, Placement]:
        """Where each tensor lies in DRAM, by name."""
        return {name: tensor.placement for name, tensor in self.manifest.tensors.items()}

    @property
    def computed(self) -> dict[str, Placement]:
        """The placements of all tensors that the accelerator computes."""
        return {n: place for n, place in self.placements.items() if n not in self.graph.inputs}

    def fill(self, dram: np.ndarray, inputs: Mapping[str, np.ndarray]) -> None:
        """Prepare a DRAM image for a run: program, weights and inputs; the other tensors' memory is
        poisoned.

        dram : uint8 [dram_bytes], changed in place. inputs : int8 [N, C, H, W] by name.
        """
        memory = self.manifest.memory
        dram[: memory.tensors.size] = POISON
        for region, data in (
            (memory.program, np.frombuffer(self.program, np.uint8)),
            (memory.weights, self.weights),
        ):
            dram[region.addr : region.addr + len(data)] = data
        for item in self.manifest.inputs:
            place = self.placements[item.tensor]
            dram[place.addr : place.addr + place.size] = place.pack(
                pack_input(inputs[item.source], item.pack)
            )


def one_layer(graph: ir.Graph, name: str) -> ir.Graph:
    """A graph of one operation of another one; InputError where that has no such layer."""
    op = next((op for op in graph.ops if op.name == name), None)
    if op is None or isinstance(op, ir.Concat):
        layers = [op.name for op in graph.ops if not isinstance(op, ir.Concat)]
        raise InputError(
            f"the network has no such layer: it has {', '.join(layers)}", "layer", name
        )
    inputs = list(dict.fromkeys(op.inputs))
    tensors = {t: graph.tensors[t] for t in (*inputs, op.y)}
    outputs = [(op.y, tensors[op.y].shape)]
    return ir.Graph(f"{graph.name}/{name}", tensors, [op], inputs, [op.y], [], outputs)
