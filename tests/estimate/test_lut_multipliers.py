"""Multipliers of LUTs compute what multipliers do, by Yosys' proof, and their registers are where
they should be.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SOURCE = """
module hwcnn(input clk, input signed [5:0] a, input signed [7:0] b, input signed [3:0] c,
             output reg signed [19:0] wide, output reg signed [11:0] narrow,
             output reg signed [9:0] used, output signed [9:0] product);
    reg signed [13:0] first;
    assign product = a * c;
    always @(posedge clk) begin
        first <= a * b;
        wide <= first + 1;
        narrow <= b[3:0] * c;
        used <= product;
    end
endmodule
"""


@pytest.mark.parametrize("adders", ["chains", "plain"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_netlist_is_equivalent(number, adders, tmp_path):
    (tmp_path / "hwcnn.v").write_text(SOURCE)
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("proof.py"), str(number), adders],
        cwd=tmp_path,
        text=True,
        capture_output=True,
    )
    assert run.returncode == 0 and "no model found: SUCCESS!" in run.stdout, run.stdout[-2000:]
    before, after = (Counter(kinds) for kinds in json.loads(run.stdout.splitlines()[-1]))
    assert after["$mul"] == before["$mul"] - number
    # Those whose product goes to its register only are in two halves, each with one of its own.
    assert after["$dff"] == before["$dff"] + (2 if number == 3 else 1)
    assert (after["CCU2C"] > 0) == (adders == "chains")
