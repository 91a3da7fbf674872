"""What an accelerator is made of: each component, what its size depends on, and the RAMs in it."""

from dataclasses import dataclass

from amaranth.hdl import Fragment, Instance

from .. import isa
from ..rtl import accumulators, array, axi, control, core, dispatch, fetch, load, params, post, queue, vector, weights


@dataclass(frozen=True)
class Component:
    """build : an Amaranth component of a configuration. features : what its LUTs, flip-flops and multipliers are linear in."""

    name: str
    build: object
    features: tuple


FEATURES = {
    "1": lambda c: 1,
    "rows": lambda c: c.rows,
    "cols": lambda c: c.cols,
    "pes": lambda c: c.rows * c.cols,
    "post lanes": lambda c: c.post_lanes,
    "axi bytes": lambda c: c.axi_bytes,
}


def _queue(instruction):
    return lambda c: queue.InstructionQueue(c, instruction)


COMPONENTS = (
    Component("control", control.Control, ("1",)),
    Component("fetch", fetch.Fetch, ("1",)),
    Component("dispatch", lambda c: dispatch.Dispatch(core.instructions(c)), ("1",)),
    *(Component(f"{i.name} queue", _queue(i), ("1",)) for i in isa.INSTRUCTIONS),
    Component("read multiplexer", lambda c: axi.ReadMux(c, 7 if c.features else 5), ("1", "axi bytes")),
    Component("write multiplexer", lambda c: axi.WriteMux(c, 2 if c.features else 1), ("1", "axi bytes")),
    Component("load", load.LoadEngine, ("1", "rows", "axi bytes")),
    Component("weights", weights.WeightEngine, ("1", "cols", "axi bytes")),
    Component("parameters", params.ParamEngine, ("1", "axi bytes")),
    Component("array", array.ArrayEngine, ("1", "rows", "cols", "pes")),
    Component("accumulators", accumulators.Accumulators, ("1", "cols")),
    Component("post", post.PostEngine, ("1", "post lanes", "axi bytes")),
    Component("vector", vector.VectorEngine, ("1", "rows", "axi bytes")),
)


def present(config):
    """The components that a configuration has."""
    return tuple(c for c in COMPONENTS if config.features or not c.name.startswith("vector"))


def rams(component):
    """(width, depth, block) of every RAM in an Amaranth component, as `rtl.ram.Ram` has them."""
    found, waiting = [], [Fragment.get(component, None)]
    while waiting:
        fragment = waiting.pop()
        if isinstance(fragment, Instance) and fragment.type == "hwcnn_ram":
            found.append((fragment.parameters["WIDTH"], fragment.parameters["DEPTH"], fragment.parameters["BLOCK"]))
        waiting += [Fragment.get(sub, None) for sub, *_ in getattr(fragment, "subfragments", ())]
    return found
