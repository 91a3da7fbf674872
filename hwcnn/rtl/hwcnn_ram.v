// Simple dual-port RAM: one synchronous write port, one synchronous read port, one clock.
// The read register holds while re is low. A read of the address written in the same cycle returns the old word with
// READ_OLD; otherwise what it returns is undefined, as in the block RAM of many devices, and simulation returns the
// complement of the old word, so that nothing comes to rely on it.
// BLOCK: 1 asks for block RAM; otherwise the synthesis tool chooses.
module hwcnn_ram #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter ADDR = 4,
    parameter BLOCK = 0,
    parameter READ_OLD = 0
) (
    input  wire             clk,
    input  wire             we,
    input  wire [ADDR-1:0]  waddr,
    input  wire [WIDTH-1:0] wdata,
    input  wire             re,
    input  wire [ADDR-1:0]  raddr,
    output reg  [WIDTH-1:0] rdata
);
    generate
        if (READ_OLD) begin : old
            reg [WIDTH-1:0] mem [0:DEPTH-1];
            always @(posedge clk) begin
                if (we) mem[waddr] <= wdata;
                if (re) rdata <= mem[raddr];
            end
        end else if (BLOCK) begin : block
            (* ram_style = "block", no_rw_check *) reg [WIDTH-1:0] mem [0:DEPTH-1];
            always @(posedge clk) begin
                if (we) mem[waddr] <= wdata;
                if (re) rdata <= mem[raddr];
`ifndef SYNTHESIS
                if (re && we && waddr == raddr) rdata <= ~mem[raddr];
`endif
            end
        end else begin : any
            (* no_rw_check *) reg [WIDTH-1:0] mem [0:DEPTH-1];
            always @(posedge clk) begin
                if (we) mem[waddr] <= wdata;
                if (re) rdata <= mem[raddr];
`ifndef SYNTHESIS
                if (re && we && waddr == raddr) rdata <= ~mem[raddr];
`endif
            end
        end
    endgenerate
endmodule
