// What AXI4 asks of a master. Breaking a rule throws, with the channel, the client (id) and the rule.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

template <class Top> class AxiRules {
  public:
    explicit AxiRules(Top *top) : m_top(top) {}

    // Once a cycle: a valid that was not taken stays, and so does all that belongs to it.
    void check(bool arready, bool awready, bool wready) {
        if (m_ar.waits || (m_top->m_axi_arvalid && !arready)) hold("AR", m_ar, m_top->m_axi_arvalid, arready, read_address());
        if (m_aw.waits || (m_top->m_axi_awvalid && !awready)) hold("AW", m_aw, m_top->m_axi_awvalid, awready, write_address());
        if (m_w.waits || (m_top->m_axi_wvalid && !wready)) hold_data(wready);
    }

    void burst(const char *channel, unsigned id, uint64_t addr, unsigned beats, unsigned size, unsigned kind) const {
        if (1u << size != BYTES) fail(channel, id, "expected a size of whole beats");
        if (kind != 1) fail(channel, id, "expected an incrementing burst");
        if (addr % BYTES) fail(channel, id, "the address is not aligned to a beat");
        if (addr / 4096 != (addr + beats * BYTES - 1) / 4096) fail(channel, id, "the burst crosses 4 KiB");
    }

    // A beat of write data, with which so many were left of its burst.
    void beat(unsigned id, bool last, unsigned left) const {
        if (last != (left == 1)) fail("W", id, "wlast is not on the last beat of its burst");
    }

    void forget() { m_ar.waits = m_aw.waits = m_w.waits = false; }

  private:
    static constexpr unsigned BYTES = sizeof(Top::n_rdata);
    struct Address {
        uint64_t addr, other;
        unsigned id;
        bool waits = false;
    } m_ar, m_aw;
    struct {
        uint8_t data[BYTES];
        uint64_t strobe;
        bool last, waits = false;
    } m_w;
    Top *m_top;

    Address read_address() const {
        return {m_top->m_axi_araddr, packed(m_top->m_axi_arlen, m_top->m_axi_arsize, m_top->m_axi_arburst), m_top->m_axi_arid};
    }

    Address write_address() const {
        return {m_top->m_axi_awaddr, packed(m_top->m_axi_awlen, m_top->m_axi_awsize, m_top->m_axi_awburst), m_top->m_axi_awid};
    }

    static uint64_t packed(uint64_t length, uint64_t size, uint64_t kind) { return length << 8 | size << 4 | kind; }

    void hold(const char *channel, Address &before, bool valid, bool ready, const Address &now) const {
        if (before.waits) {
            if (!valid) fail(channel, before.id, "valid fell before ready");
            if (now.addr != before.addr || now.other != before.other || now.id != before.id) fail(channel, before.id, "changed before ready");
        }
        before = now;
        before.waits = valid && !ready;
    }

    void hold_data(bool ready) {
        if (m_w.waits) {
            if (!m_top->m_axi_wvalid) fail("W", "valid fell before ready");
            if (std::memcmp(m_w.data, &m_top->m_axi_wdata, BYTES)) fail("W", "the data changed before ready");
            if (m_w.strobe != m_top->m_axi_wstrb) fail("W", "the strobes changed before ready");
            if (m_w.last != bool(m_top->m_axi_wlast)) fail("W", "wlast changed before ready");
        }
        m_w.waits = m_top->m_axi_wvalid && !ready;
        m_w.strobe = m_top->m_axi_wstrb;
        m_w.last = m_top->m_axi_wlast;
        std::memcpy(m_w.data, &m_top->m_axi_wdata, BYTES);
    }

    [[noreturn]] static void fail(const char *channel, unsigned id, const std::string &rule) {
        throw std::runtime_error(std::string("AXI: ") + channel + " of client " + std::to_string(id) + ": " + rule);
    }

    [[noreturn]] static void fail(const char *channel, const std::string &rule) {
        throw std::runtime_error(std::string("AXI: ") + channel + ": " + rule);
    }
};
