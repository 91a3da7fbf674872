"""Registers behind multipliers, in the netlist that Yosys makes of a small design."""

import json

import pytest
from pyosys import libyosys

from hwcnn.estimate import absorb

SOURCE = """
module hwcnn(input clk, en, input signed [7:0] a, b, output reg signed [19:0] wide, output reg signed [15:0] enabled, used, cleared,
             output signed [15:0] product, output reg [15:0] sum);
    wire signed [15:0] first = a * b, second = a * {b[6:0], 1'b0};
    reg signed [15:0] held;
    assign product = second;
    always @(posedge clk) begin
        wide <= first;                       // sign-extended: one output for several flip-flops
        used <= second;                      // its product is used as it is as well
        if (en) enabled <= a * {b, a[0]};    // holds
        cleared <= en ? 0 : b * {a[6:0], 1'b1};
        held <= b * {a, 1'b1};
        sum <= held + 1;
    end
endmodule
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    folder = tmp_path_factory.mktemp("absorb")
    (folder / "hwcnn.v").write_text(SOURCE)
    made = libyosys.Design()
    for command in (f"read_verilog {folder}/hwcnn.v", "synth_ecp5 -top hwcnn", f"write_json {folder}/netlist.json"):
        libyosys.run_pass(command, made)
    return json.loads((folder / "netlist.json").read_text())


def test_plain_registers_go_into_the_blocks(design):
    module = design["modules"]["hwcnn"]
    before = {name: cell["connections"] for name, cell in module["cells"].items() if cell["type"] == "TRELLIS_FF"}
    follows = {cell["DI"][0]: cell["Q"][0] for cell in before.values()}
    products = {name: dict(cell["connections"]) for name, cell in module["cells"].items() if cell["type"] == "MULT18X18D"}
    assert len(products) == 5

    gone = absorb.output_registers(design)

    cells = module["cells"]
    blocks = {name: cell for name, cell in cells.items() if cell["parameters"].get("REG_OUTPUT_CLK") == "CLK0"}
    assert len(blocks) == 3 and gone == len(before) - sum(cell["type"] == "TRELLIS_FF" for cell in cells.values()) > 0
    driven = {bits[0] for cell in cells.values() for port, bits in cell["connections"].items()
              if cell["port_directions"][port] == "output"}
    resets = []
    for name, cell in blocks.items():
        assert cell["connections"]["CLK0"] == module["ports"]["clk"]["bits"]
        resets.append(cell["connections"]["RST0"])
        for port, (bit,) in products[name].items():
            if port[0] == "P" and bit in follows:
                assert cell["connections"][port] == [follows[bit]]  # what the flip-flop showed
    assert sorted(resets, key=str) == sorted([["0"], ["0"], module["ports"]["en"]["bits"]], key=str)
    inputs = {bit for bits in (module["ports"][n]["bits"] for n in ("clk", "en", "a", "b")) for bit in bits}
    for cell in cells.values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                assert {bit for bit in bits if isinstance(bit, int)} <= driven | inputs
    for port in ("wide", "enabled", "used", "cleared", "product", "sum"):
        assert {bit for bit in module["ports"][port]["bits"] if isinstance(bit, int)} <= driven
    others = [cell for name, cell in cells.items() if name in products and name not in blocks]
    assert all("CLK0" not in cell["connections"] for cell in others)
