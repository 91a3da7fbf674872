// The accelerator, with reset and what the memory shows next (n_*) taken into registers at the clock edge.
//
// The simulation loop sets n_* before an edge. So no combinational path starts at an input that changes each cycle: the
// simulator would evaluate such a path apart from all else, and at both edges of the clock.
module tb #(parameter BYTES = 16, parameter ID_BITS = 3) (
    input clk, input n_rst, output irq, output [18:0] events,
    input [11:0] s_axi_awaddr, input s_axi_awvalid, output s_axi_awready,
    input [31:0] s_axi_wdata, input [3:0] s_axi_wstrb, input s_axi_wvalid, output s_axi_wready,
    output [1:0] s_axi_bresp, output s_axi_bvalid, input s_axi_bready,
    input [11:0] s_axi_araddr, input s_axi_arvalid, output s_axi_arready,
    output [31:0] s_axi_rdata, output [1:0] s_axi_rresp, output s_axi_rvalid, input s_axi_rready,
    output [ID_BITS-1:0] m_axi_arid, output [31:0] m_axi_araddr, output [7:0] m_axi_arlen, output [2:0] m_axi_arsize,
    output [1:0] m_axi_arburst, output m_axi_arvalid, output m_axi_rready,
    output [ID_BITS-1:0] m_axi_awid, output [31:0] m_axi_awaddr, output [7:0] m_axi_awlen, output [2:0] m_axi_awsize,
    output [1:0] m_axi_awburst, output m_axi_awvalid,
    output [8*BYTES-1:0] m_axi_wdata, output [BYTES-1:0] m_axi_wstrb, output m_axi_wlast, output m_axi_wvalid, output m_axi_bready,
    input n_arready, input [ID_BITS-1:0] n_rid, input [8*BYTES-1:0] n_rdata, input [1:0] n_rresp, input n_rlast, input n_rvalid,
    input n_awready, input n_wready, input [ID_BITS-1:0] n_bid, input [1:0] n_bresp, input n_bvalid
);
    logic m_axi_arready = 0, m_axi_rlast = 0, m_axi_rvalid = 0, m_axi_awready = 0, m_axi_wready = 0, m_axi_bvalid = 0;
    logic [ID_BITS-1:0] m_axi_rid = 0, m_axi_bid = 0;
    logic [8*BYTES-1:0] m_axi_rdata = 0;
    logic [1:0] m_axi_rresp = 0, m_axi_bresp = 0;
    logic rst = 1;
    wire [2:0] s_axi_awprot = 0, s_axi_arprot = 0;
    always_ff @(posedge clk) begin
        {m_axi_arready, m_axi_rid, m_axi_rresp, m_axi_rlast, m_axi_rvalid} <= {n_arready, n_rid, n_rresp, n_rlast, n_rvalid};
        {m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid} <= {n_awready, n_wready, n_bid, n_bresp, n_bvalid};
        m_axi_rdata <= n_rdata;
        rst <= n_rst;
    end
    wire [3:0] m_axi_arcache, m_axi_awcache;
    wire [2:0] m_axi_arprot, m_axi_awprot;
    hwcnn hwcnn (.*);
endmodule
