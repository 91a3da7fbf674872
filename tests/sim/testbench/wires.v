// An AXI4 port of the testbench (c_axi) wired to that of the memory (m_axi).
module wires #(parameter WIDTH = 128) (
    input clk, input n_rst, output reg rst, output irq, output [18:0] events,
    input [7:0] c_axi_arid, input [31:0] c_axi_araddr, input [7:0] c_axi_arlen, input [2:0] c_axi_arsize, input [1:0] c_axi_arburst,
    input c_axi_arvalid, output c_axi_arready,
    output [7:0] c_axi_rid, output [WIDTH-1:0] c_axi_rdata, output [1:0] c_axi_rresp, output c_axi_rlast, output c_axi_rvalid,
    input c_axi_rready,
    input [7:0] c_axi_awid, input [31:0] c_axi_awaddr, input [7:0] c_axi_awlen, input [2:0] c_axi_awsize, input [1:0] c_axi_awburst,
    input c_axi_awvalid, output c_axi_awready,
    input [WIDTH-1:0] c_axi_wdata, input [WIDTH/8-1:0] c_axi_wstrb, input c_axi_wlast, input c_axi_wvalid, output c_axi_wready,
    output [7:0] c_axi_bid, output [1:0] c_axi_bresp, output c_axi_bvalid, input c_axi_bready,
    output [7:0] m_axi_arid, output [31:0] m_axi_araddr, output [7:0] m_axi_arlen, output [2:0] m_axi_arsize, output [1:0] m_axi_arburst,
    output m_axi_arvalid, input n_arready,
    input [7:0] n_rid, input [WIDTH-1:0] n_rdata, input [1:0] n_rresp, input n_rlast, input n_rvalid, output m_axi_rready,
    output [7:0] m_axi_awid, output [31:0] m_axi_awaddr, output [7:0] m_axi_awlen, output [2:0] m_axi_awsize, output [1:0] m_axi_awburst,
    output m_axi_awvalid, input n_awready,
    output [WIDTH-1:0] m_axi_wdata, output [WIDTH/8-1:0] m_axi_wstrb, output m_axi_wlast, output m_axi_wvalid, input n_wready,
    input [7:0] n_bid, input [1:0] n_bresp, input n_bvalid, output m_axi_bready
);
    initial rst = 1;
    reg m_axi_arready = 0, m_axi_rlast = 0, m_axi_rvalid = 0, m_axi_awready = 0, m_axi_wready = 0, m_axi_bvalid = 0;
    reg [7:0] m_axi_rid, m_axi_bid;
    reg [WIDTH-1:0] m_axi_rdata;
    reg [1:0] m_axi_rresp, m_axi_bresp;
    always @(posedge clk) begin
        rst <= n_rst;
        {m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid} <= {n_arready, n_rid, n_rdata, n_rresp, n_rlast, n_rvalid};
        {m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid} <= {n_awready, n_wready, n_bid, n_bresp, n_bvalid};
    end
    assign {irq, events} = 0;
    assign {m_axi_arid, m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst, m_axi_arvalid} =
           {c_axi_arid, c_axi_araddr, c_axi_arlen, c_axi_arsize, c_axi_arburst, c_axi_arvalid};
    assign {c_axi_arready, c_axi_rid, c_axi_rdata, c_axi_rresp, c_axi_rlast, c_axi_rvalid} =
           {m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid};
    assign m_axi_rready = c_axi_rready;
    assign {m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst, m_axi_awvalid} =
           {c_axi_awid, c_axi_awaddr, c_axi_awlen, c_axi_awsize, c_axi_awburst, c_axi_awvalid};
    assign {m_axi_wdata, m_axi_wstrb, m_axi_wlast, m_axi_wvalid} = {c_axi_wdata, c_axi_wstrb, c_axi_wlast, c_axi_wvalid};
    assign {c_axi_awready, c_axi_wready, c_axi_bid, c_axi_bresp, c_axi_bvalid} = {m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid};
    assign m_axi_bready = c_axi_bready;
endmodule
