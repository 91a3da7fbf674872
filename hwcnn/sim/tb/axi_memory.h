// AXI4 memory over a file that is mapped into this process (and into the Python process that fills it).
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>

struct MemoryOptions {
    std::string file;
    uint64_t base = 0;           // address of the file's first byte; any other address answers DECERR
    unsigned read_latency = 32;  // cycles from a read address to its first beat, at the earliest
    unsigned write_latency = 8;  // cycles from a burst's last beat to its response
    unsigned outstanding = 16;   // bursts accepted and not answered, in each direction
    unsigned stall_permille = 0; // chance of an idle cycle on each of ar, r, aw, w, b
    uint64_t seed = 1;
};

// Bursts are answered in order, a beat a cycle. Just before a clock edge `sample` reads what both sides show and decides what the
// memory shows after it; `drive` puts that on the inputs of the registers before the bus (tb.sv). Breaking the protocol throws.
template <class Top> class AxiMemory {
  public:
    uint32_t read_beats = 0, write_beats = 0;  // since the process started, modulo 2**32

    AxiMemory(Top *top, const MemoryOptions &options) : m_top(top), m_options(options), m_random(options.seed) {
        int file = open(options.file.c_str(), O_RDWR);
        struct stat status;
        if (file < 0 || fstat(file, &status) != 0) throw std::runtime_error("cannot open " + options.file);
        m_size = status.st_size;
        void *data = mmap(nullptr, m_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (data == MAP_FAILED) throw std::runtime_error("cannot map " + options.file);
        close(file);
        m_data = static_cast<uint8_t *>(data);
    }

    // True if a transfer took place on any channel.
    bool sample(uint64_t cycle) {
        check_stable();
        const bool ar = m_top->m_axi_arvalid && m_arready, r = m_rvalid && m_top->m_axi_rready;
        const bool aw = m_top->m_axi_awvalid && m_awready, w = m_top->m_axi_wvalid && m_wready;
        const bool b = m_bvalid && m_top->m_axi_bready;
        if (ar) accept(m_reads, "read", {m_top->m_axi_araddr, m_top->m_axi_arlen + 1u, cycle + m_options.read_latency, m_top->m_axi_arid},
                       m_top->m_axi_arsize, m_top->m_axi_arburst);
        if (aw) accept(m_writes, "write", {m_top->m_axi_awaddr, m_top->m_axi_awlen + 1u, 0, m_top->m_axi_awid},
                       m_top->m_axi_awsize, m_top->m_axi_awburst);
        if (w) write_beat(cycle);
        if (r) m_rvalid = false, ++read_beats;
        if (b) m_bvalid = false, m_responses.pop_front();
        next(cycle + 1);
        return ar | r | aw | w | b;
    }

    void drive() {
        m_top->n_arready = m_arready;
        m_top->n_awready = m_awready;
        m_top->n_wready = m_wready;
        m_top->n_rvalid = m_rvalid;
        if (m_new_beat) {
            std::memcpy(&m_top->n_rdata, m_beat, BYTES);
            m_top->n_rresp = m_rresp;
            m_top->n_rlast = m_rlast;
            m_top->n_rid = m_rid;
            m_new_beat = false;
        }
        m_top->n_bvalid = m_bvalid;
        if (m_bvalid) {
            m_top->n_bresp = m_responses.front().resp;
            m_top->n_bid = m_responses.front().id;
        }
    }

  private:
    static constexpr unsigned BYTES = sizeof(Top::n_rdata);
    static constexpr unsigned DECERR = 3;
    struct Burst { uint64_t addr; unsigned beats; uint64_t ready; unsigned id; bool bad = false; };
    struct Response { uint64_t ready; unsigned resp, id; };

    Top *m_top;
    MemoryOptions m_options;
    std::mt19937_64 m_random;
    uint8_t *m_data = nullptr;
    uint64_t m_size = 0;
    std::deque<Burst> m_reads, m_writes;
    std::deque<Response> m_responses;
    bool m_arready = false, m_awready = false, m_wready = false, m_rvalid = false, m_rlast = false, m_bvalid = false;
    bool m_new_beat = false;
    unsigned m_rresp = 0, m_rid = 0;
    uint8_t m_beat[BYTES] = {};
    struct { bool ar, aw, w; uint64_t araddr, awaddr; uint8_t wdata[BYTES]; } m_waiting = {};

    bool stall() { return m_options.stall_permille && m_random() % 1000 < m_options.stall_permille; }

    bool inside(uint64_t addr) const { return addr >= m_options.base && addr - m_options.base + BYTES <= m_size; }

    // A valid that was not taken stays, with the same payload.
    void check_stable() {
        if (m_waiting.ar && !(m_top->m_axi_arvalid && m_top->m_axi_araddr == m_waiting.araddr)) fail("ar changed before ready");
        if (m_waiting.aw && !(m_top->m_axi_awvalid && m_top->m_axi_awaddr == m_waiting.awaddr)) fail("aw changed before ready");
        if (m_waiting.w && !(m_top->m_axi_wvalid && std::memcmp(&m_top->m_axi_wdata, m_waiting.wdata, BYTES) == 0))
            fail("w changed before ready");
        m_waiting.ar = m_top->m_axi_arvalid && !m_arready;
        m_waiting.aw = m_top->m_axi_awvalid && !m_awready;
        m_waiting.w = m_top->m_axi_wvalid && !m_wready;
        m_waiting.araddr = m_top->m_axi_araddr;
        m_waiting.awaddr = m_top->m_axi_awaddr;
        if (m_waiting.w) std::memcpy(m_waiting.wdata, &m_top->m_axi_wdata, BYTES);
    }

    void accept(std::deque<Burst> &queue, const std::string &what, const Burst &burst, unsigned size, unsigned kind) {
        if (1u << size != BYTES || kind != 1) fail(what + ": expected an incrementing burst of whole beats");
        if (burst.addr % BYTES) fail(what + ": address is not aligned to a beat");
        if (burst.addr / 4096 != (burst.addr + burst.beats * BYTES - 1) / 4096) fail(what + ": burst crosses 4 KiB");
        queue.push_back(burst);
    }

    void write_beat(uint64_t cycle) {
        if (m_writes.empty()) fail("write data before its address");
        Burst &burst = m_writes.front();
        const uint64_t strobe = m_top->m_axi_wstrb;
        if (inside(burst.addr)) {
            const uint8_t *from = reinterpret_cast<const uint8_t *>(&m_top->m_axi_wdata);
            uint8_t *to = m_data + (burst.addr - m_options.base);
            for (unsigned i = 0; i < BYTES; ++i)
                if (strobe >> i & 1) to[i] = from[i];
        } else {
            burst.bad = true;
        }
        burst.addr += BYTES;
        ++write_beats;
        if (bool(m_top->m_axi_wlast) != (burst.beats == 1)) fail("wlast is not on the last beat of its burst");
        if (--burst.beats == 0) {
            m_responses.push_back({cycle + m_options.write_latency, burst.bad ? DECERR : 0, burst.id});
            m_writes.pop_front();
        }
    }

    // What the memory shows in the next cycle.
    void next(uint64_t cycle) {
        m_arready = m_reads.size() < m_options.outstanding && !stall();
        m_awready = m_writes.size() + m_responses.size() < m_options.outstanding && !stall();
        m_wready = !m_writes.empty() && !stall();
        if (!m_rvalid && !m_reads.empty() && cycle >= m_reads.front().ready && !stall()) read_beat();
        if (!m_bvalid && !m_responses.empty() && cycle >= m_responses.front().ready && !stall()) m_bvalid = true;
    }

    void read_beat() {
        Burst &burst = m_reads.front();
        m_rvalid = m_new_beat = true;
        m_rresp = inside(burst.addr) ? 0 : DECERR;
        if (m_rresp) std::memset(m_beat, 0, BYTES);
        else std::memcpy(m_beat, m_data + (burst.addr - m_options.base), BYTES);
        burst.addr += BYTES;
        m_rid = burst.id;
        m_rlast = --burst.beats == 0;
        if (m_rlast) m_reads.pop_front();
    }

    [[noreturn]] void fail(const std::string &what) { throw std::runtime_error("AXI: " + what); }
};
