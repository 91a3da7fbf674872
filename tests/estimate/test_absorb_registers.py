"""Registers of multipliers and block RAMs, in the netlist that Yosys makes of a small design."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pyosys import libyosys

from hwcnn.estimate.absorb_registers import output_registers
from hwcnn.estimate.copy_registers import copy_registers

SOURCE = """
module hwcnn(input clk, en, input signed [7:0] a, b, output reg signed [19:0] wide,
             output reg signed [15:0] enabled, used, cleared,
             output signed [15:0] product, output reg [15:0] sum, both, input [9:0] address,
             output reg [35:0] read, kept, reset, input [17:0] data);
    wire signed [15:0] first = a * b, second = a * {b[6:0], 1'b0};
    reg signed [15:0] held;
    (* ram_style = "block", no_rw_check *) reg [35:0] words [0:511];
    (* ram_style = "block", no_rw_check *) reg [8:0] bytes [0:511];
    (* ram_style = "block", no_rw_check *) reg [8:0] cleared_bytes [0:511];
    reg [35:0] word;
    reg [8:0] part, cleared_part;
    assign product = second;
    always @(posedge clk) begin
        wide <= first;                       // sign-extended: one output for several flip-flops
        used <= second;                      // its product is used as it is as well
        if (en) enabled <= a * {b, a[0]};    // holds
        cleared <= en ? 0 : b * {a[6:0], 1'b1};
        if (b[0]) both <= 0; else if (en) both <= {a, 2'b1} * b;
        held <= b * {a, 1'b1};
        sum <= held + 1;
        if (en) begin
            words[address[8:0]] <= {data, data};
            bytes[address[8:0]] <= data;
            cleared_bytes[address[8:0]] <= data;
        end
        word <= words[address[9:1]];
        part <= bytes[address[9:1]];
        cleared_part <= cleared_bytes[address[9:1]];
        read <= word;
        if (b[0]) kept <= part;
        reset <= en ? 0 : cleared_part;      // a reset would be the RAM's too
    end
endmodule
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    folder = tmp_path_factory.mktemp("absorb")
    (folder / "hwcnn.v").write_text(SOURCE)
    return synthesised(folder)


def synthesised(folder):
    """The netlist of hwcnn.v in a folder."""
    made = libyosys.Design()
    for command in (
        f"read_verilog {folder}/hwcnn.v",
        "synth_ecp5 -top hwcnn",
        f"write_json {folder}/netlist.json",
    ):
        libyosys.run_pass(command, made)
    return json.loads((folder / "netlist.json").read_text())


def test_plain_registers_go_into_the_blocks(design):
    module = design["modules"]["hwcnn"]
    before = {
        name: cell["connections"]
        for name, cell in module["cells"].items()
        if cell["type"] == "TRELLIS_FF"
    }
    follows = {cell["DI"][0]: cell["Q"][0] for cell in before.values()}
    products = {
        name: dict(cell["connections"])
        for name, cell in module["cells"].items()
        if cell["type"] == "MULT18X18D"
    }
    rams = {
        name: dict(cell["connections"])
        for name, cell in module["cells"].items()
        if cell["type"] == "DP16KD"
    }
    assert len(products) == 6 and len(rams) == 3

    gone = output_registers(design)

    cells = module["cells"]
    blocks = {
        name: cell
        for name, cell in cells.items()
        if cell["parameters"].get("REG_OUTPUT_CLK") == "CLK0"
    }
    assert (
        len(blocks) == 4
        and gone == len(before) - sum(cell["type"] == "TRELLIS_FF" for cell in cells.values()) > 0
    )
    driven = {
        bits[0]
        for cell in cells.values()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
    }
    resets, enables = [], []
    for name, cell in blocks.items():
        assert cell["connections"]["CLK0"] == module["ports"]["clk"]["bits"]
        resets.append(cell["connections"]["RST0"])
        enables.append(cell["connections"]["CE0"])
        for port, (bit,) in products[name].items():
            if port[0] == "P" and bit in follows:
                assert cell["connections"][port] == [follows[bit]]  # what the flip-flop showed
    en = module["ports"]["en"]["bits"]
    assert sorted(zip(resets, enables, strict=True), key=str) == sorted(
        [(["0"], ["1"]), (["0"], ["1"]), (en, ["1"]), (["0"], en)], key=str
    )
    inputs = {
        bit
        for bits in (module["ports"][n]["bits"] for n in ("clk", "en", "a", "b", "address", "data"))
        for bit in bits
    }
    for cell in cells.values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                assert {bit for bit in bits if isinstance(bit, int)} <= driven | inputs
    for port in (
        "wide",
        "enabled",
        "used",
        "cleared",
        "product",
        "sum",
        "both",
        "read",
        "kept",
        "reset",
    ):
        assert {bit for bit in module["ports"][port]["bits"] if isinstance(bit, int)} <= driven
    others = [cell for name, cell in cells.items() if name in products and name not in blocks]
    assert all("CLK0" not in cell["connections"] for cell in others)

    modes = {
        name: [cells[name]["parameters"].get(f"REGMODE_{port}") for port in "AB"] for name in rams
    }
    assert sorted(modes.values()) == [["NOREG", "NOREG"], ["NOREG", "OUTREG"], ["OUTREG", "OUTREG"]]
    for name, mode in modes.items():
        cell = cells[name]
        if mode[1] == "OUTREG":
            assert cell["connections"]["OCEB"] == (
                ["1"] if mode[0] == "OUTREG" else module["ports"]["b"]["bits"][:1]
            )
            for port, (bit,) in rams[name].items():
                if port[:2] == "DO" and bit in follows:
                    assert cell["connections"][port] == [follows[bit]]
        else:
            assert cell["connections"] == rams[name]


def test_a_register_that_many_multipliers_wait_for_gets_copies(tmp_path):
    (tmp_path / "hwcnn.v").write_text("""
module hwcnn(input clk, input signed [7:0] a, input [47:0] b, output reg [95:0] products);
    reg signed [7:0] once, twice;
    integer k;
    always @(posedge clk) begin
        once <= a;
        twice <= once;
        for (k = 0; k < 6; k = k + 1)
            products[16*k +: 16] <= twice * $signed(b[8*k +: 8]);
    end
endmodule
""")
    design = synthesised(tmp_path)
    cells = design["modules"]["hwcnn"]["cells"]
    registers = {name: cell for name, cell in cells.items() if cell["type"] == "TRELLIS_FF"}
    assert copy_registers(design) == 6 * 8
    follows = {
        cell["connections"]["Q"][0]: cell["connections"]["DI"][0]
        for cell in cells.values()
        if cell["type"] == "TRELLIS_FF"
    }
    old = {cell["connections"]["Q"][0] for cell in registers.values()}
    multipliers = [cell for cell in cells.values() if cell["type"] == "MULT18X18D"]
    used = [
        {bit for port, (bit,) in cell["connections"].items() if port[0] in "AB" and bit in follows}
        for cell in multipliers
    ]
    assert [len(bits) for bits in used] == [8] * 6 and len(set().union(*used) - old) == 48
    assert len({follows[bit] for bits in used for bit in bits}) == 8


def test_operands_that_follow_registers_are_held_in_the_multiplier_which_computes_the_same(
    tmp_path,
):
    """Proved by Yosys with a model of the multiplier's registers, for five multipliers, of which
    two can use them.
    """
    (tmp_path / "hwcnn.v").write_text("""
module hwcnn(input clk, en, load, input signed [3:0] a, w,
             output reg signed [7:0] sums, second, third, products, plain,
             output [3:0] shows);
    reg signed [3:0] act, act_1, active, other, both, x, y;
    always @(posedge clk) begin
        act <= a;
        act_1 <= act;
        x <= w;
        if (load) active <= x;
        if (en) other <= 0; else other <= act_1;
        if (en) both <= 0; else if (load) both <= act_1;
        sums <= act_1 * active;             // an enable; both stay: others read them
        second <= act_1 * other;            // a reset; the second operand is read by nobody else
        third <= act_1 * both;              // an enable and a reset
        if (en) products <= active * x;     // x comes from a pin
        y <= a + w;
        plain <= y * act_1;                 // y comes from an adder
    end
    assign shows = active;
endmodule
""")
    synthesised(tmp_path)
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("absorbed.py")],
        cwd=tmp_path,
        text=True,
        capture_output=True,
    )
    assert run.returncode == 0 and "no model found: SUCCESS!" in run.stdout, run.stdout[-2000:]
    cells = json.loads((tmp_path / "after.json").read_text())["modules"]["hwcnn"]["cells"]
    inside = [
        cell["parameters"] for cell in cells.values() if "REG_INPUTA_CLK" in cell["parameters"]
    ]
    assert len(inside) == 2 and all(p["REG_INPUTB_CLK"] == "CLK0" for p in inside)
    outputs, inputs, copies = json.loads(run.stdout.splitlines()[-1])
    assert (outputs, inputs) == (5 * 8, 4)
    assert sum(cell["type"] == "TRELLIS_FF" for cell in cells.values()) == 4 * 7 + copies - inputs
