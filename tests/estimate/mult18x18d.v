// ECP5's multiplier with its input and output registers: our own model of it, with which the tests prove netlists.
module MULT18X18D(
    input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
    input C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, CE1, CE2, RST0, RST1, RST2,
    output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
    parameter RESETMODE = "SYNC", GSR = "DISABLED", CLK0_DIV = "ENABLED", CLK1_DIV = "ENABLED", CLK2_DIV = "ENABLED", CLK3_DIV = "ENABLED",
              HIGHSPEED_CLK = "NONE", SOURCEB_MODE = "B_SHIFT", MULT_BYPASS = "DISABLED", CAS_MATCH_REG = "FALSE",
              REG_INPUTC_CLK = "NONE", REG_INPUTC_CE = "CE0", REG_INPUTC_RST = "RST0",
              REG_PIPELINE_CLK = "NONE", REG_PIPELINE_CE = "CE0", REG_PIPELINE_RST = "RST0";

    wire signed [17:0] a, b;
    wire signed [35:0] p;
    register #(18, REG_INPUTA_CLK, REG_INPUTA_CE, REG_INPUTA_RST) of_a(CLK0, {CE2, CE1, CE0}, {RST2, RST1, RST0}, {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0}, a);
    register #(18, REG_INPUTB_CLK, REG_INPUTB_CE, REG_INPUTB_RST) of_b(CLK0, {CE2, CE1, CE0}, {RST2, RST1, RST0}, {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0}, b);
    wire signed [18:0] wide_a = {SIGNEDA & a[17], a}, wide_b = {SIGNEDB & b[17], b};
    register #(36, REG_OUTPUT_CLK, REG_OUTPUT_CE, REG_OUTPUT_RST) of_p(CLK0, {CE2, CE1, CE0}, {RST2, RST1, RST0}, wide_a * wide_b, p);
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
endmodule

module register(input clk, input [2:0] enables, resets, input [WIDTH-1:0] d, output [WIDTH-1:0] q);
    parameter WIDTH = 1, CLK = "NONE", CE = "CE0", RST = "RST0";
    wire enable = CE == "CE0" ? enables[0] : CE == "CE1" ? enables[1] : enables[2];
    wire reset = RST == "RST0" ? resets[0] : RST == "RST1" ? resets[1] : resets[2];
    generate if (CLK == "CLK0") begin
        reg [WIDTH-1:0] held = 0;
        always @(posedge clk) if (reset) held <= 0; else if (enable) held <= d;
        assign q = held;
    end else assign q = d;
    endgenerate
endmodule
