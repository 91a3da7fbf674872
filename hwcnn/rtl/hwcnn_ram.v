// Simple dual-port RAM: one synchronous write port, one synchronous read port, one clock.
// A read of the address written in the same cycle returns the old word. The read register holds while re is low.
module hwcnn_ram #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter ADDR = 4
) (
    input  wire             clk,
    input  wire             we,
    input  wire [ADDR-1:0]  waddr,
    input  wire [WIDTH-1:0] wdata,
    input  wire             re,
    input  wire [ADDR-1:0]  raddr,
    output reg  [WIDTH-1:0] rdata
);
    reg [WIDTH-1:0] mem [0:DEPTH-1];
    always @(posedge clk) begin
        if (we) mem[waddr] <= wdata;
        if (re) rdata <= mem[raddr];
    end
endmodule
