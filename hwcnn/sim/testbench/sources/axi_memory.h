// AXI4 memory over a file that is mapped into this process (and into the Python process that fills it).
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "axi_rules.h"
#include "mapped.h"

struct MemoryOptions {
    std::string file, orders;    // the DRAM image; the file of `Orders`, if there is one
    uint64_t base = 0;           // address of the file's first byte; any other address answers DECERR
    unsigned read_latency;       // cycles from a read address to its first beat, at the earliest
    unsigned write_latency;      // cycles from a burst's last beat to its response
    unsigned outstanding = 16;   // bursts accepted and not answered, in each direction
    unsigned stall_permille = 0; // chance of an idle cycle on each of ar, r, aw, w, b
    bool reorder = false;        // answers of different ids in any order, read beats of them mixed, write data before its address
    uint64_t seed = 1;
};

// What whoever shares the file of orders asks of the memory between two runs, and what it did (sim/memory.py).
struct Orders {
    uint32_t armed;                     // one burst is to be answered with an error: cleared when that has been answered
    uint32_t write, id, burst, beat;    // the burst: how many of the id and direction come before it; and which beat (modulo its beats)
    uint32_t resp;                      // 2 SLVERR, 3 DECERR
    uint32_t answered;                  // the error has gone to the master
    uint32_t address;                   // of the burst
    uint32_t dead;                      // 1: nothing is accepted or answered any more; n + 1: from the n-th burst from now on
    uint32_t reset;                     // forget all that is in flight, as an interconnect does that is reset; cleared when that is done
    uint32_t seen[2][16];               // bursts that have come since an order was given, by direction and id
};

// Just before a clock edge `sample` reads what both sides show and decides what the memory shows after it; `drive` puts that on the
// inputs of the registers before the bus (tb.sv). Bursts are answered in order, a beat a cycle; with `reorder` in the order of each id
// only, but a burst is not accepted while one is unanswered that `outstanding` others were accepted after. Breaking the protocol throws.
template <class Top> class AxiMemory {
  public:
    uint32_t read_beats = 0, write_beats = 0;  // since the process started, modulo 2**32

    AxiMemory(Top *top, const MemoryOptions &options)
        : m_top(top), m_options(options), m_random(options.seed), m_dram(options.file), m_rules(top) {
        if (!options.orders.empty()) m_orders_file = Mapped(options.orders), m_orders = reinterpret_cast<Orders *>(m_orders_file.data);
    }

    // True if a transfer took place on any channel.
    bool sample(uint64_t cycle) {
        if (m_orders->reset) forget();
        if (m_orders->dead == 1) m_rules.forget();  // nobody looks at such a bus
        else m_rules.check(m_arready, m_awready, m_wready);
        const bool ar = m_top->m_axi_arvalid && m_arready, r = m_rvalid && m_top->m_axi_rready;
        const bool aw = m_top->m_axi_awvalid && m_awready, w = m_top->m_axi_wvalid && m_wready;
        const bool b = m_bvalid && m_top->m_axi_bready;
        if (ar) accept_read(cycle);
        if (aw) accept_write();
        if (w) take_beat();
        if (aw | w) write_beats_to_memory(cycle);
        if (r) m_rvalid = false, ++read_beats;
        if (b) m_bvalid = false;
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
        m_top->n_bresp = m_bresp;
        m_top->n_bid = m_bid;
    }

  private:
    static constexpr unsigned BYTES = sizeof(Top::n_rdata), EARLY = 8;  // EARLY: write beats that are taken before their address
    static constexpr unsigned DECERR = 3, NEVER = ~0u;
    struct Burst {
        uint64_t addr;
        unsigned beats;   // left
        uint64_t ready;   // the cycle of its answer, at the earliest
        unsigned id;
        uint64_t number;  // among those accepted
        unsigned bad = NEVER, resp = 0;  // the error is given with the beat with so many left, and what it is
        uint64_t first = 0;              // address of the burst
    };
    struct Beat { uint8_t data[BYTES]; uint64_t strobe; bool last; };

    Top *m_top;
    MemoryOptions m_options;
    std::mt19937_64 m_random;
    Mapped m_dram, m_orders_file;
    Orders m_no_orders = {}, *m_orders = &m_no_orders;
    AxiRules<Top> m_rules;
    std::vector<std::deque<Burst>> m_reads, m_responses;  // by id, where they may be reordered
    std::deque<Burst> m_writes;                           // whose data has not all come
    std::deque<Beat> m_early;                             // write data whose address has not come
    unsigned m_read_count = 0, m_response_count = 0;      // bursts in m_reads, in m_responses
    uint64_t m_reads_seen = 0, m_writes_seen = 0;
    bool m_arready = false, m_awready = false, m_wready = false, m_rvalid = false, m_rlast = false, m_bvalid = false, m_new_beat = false;
    bool m_data_first = false;                            // no write address is accepted before data
    unsigned m_rresp = 0, m_rid = 0, m_bresp = 0, m_bid = 0;
    uint8_t m_beat[BYTES] = {};

    bool stall() { return m_options.stall_permille && m_random() % 1000 < m_options.stall_permille; }

    bool inside(uint64_t addr) const { return addr >= m_options.base && addr - m_options.base + BYTES <= m_dram.size; }

    uint8_t *at(uint64_t addr) { return m_dram.data + (addr - m_options.base); }

    std::deque<Burst> &queue_of(std::vector<std::deque<Burst>> &queues, unsigned id) {
        const unsigned number = m_options.reorder ? id : 0;
        if (number >= queues.size()) queues.resize(number + 1);
        return queues[number];
    }

    void accept_read(uint64_t cycle) {
        Burst burst = {m_top->m_axi_araddr, m_top->m_axi_arlen + 1u, cycle + m_options.read_latency, m_top->m_axi_arid, m_reads_seen++};
        m_rules.burst("AR", burst.id, burst.addr, burst.beats, m_top->m_axi_arsize, m_top->m_axi_arburst);
        if (m_orders->armed | m_orders->dead) obey(burst, 0);
        queue_of(m_reads, burst.id).push_back(burst);
        ++m_read_count;
    }

    void accept_write() {
        Burst burst = {m_top->m_axi_awaddr, m_top->m_axi_awlen + 1u, 0, m_top->m_axi_awid, m_writes_seen++};
        m_rules.burst("AW", burst.id, burst.addr, burst.beats, m_top->m_axi_awsize, m_top->m_axi_awburst);
        if (m_orders->armed | m_orders->dead) obey(burst, 1);
        m_writes.push_back(burst);
        if (m_options.reorder) m_data_first = m_random() % 2;
    }

    // The burst gets an error, if it is the one that was ordered.
    void obey(Burst &burst, unsigned write) {
        if (m_orders->dead > 1) --m_orders->dead;
        if (!m_orders->armed || m_orders->seen[write][burst.id % 16]++ != m_orders->burst) return;
        if (m_orders->write != write || m_orders->id != burst.id) return;
        burst.first = burst.addr;
        burst.resp = m_orders->resp;
        burst.bad = burst.beats - m_orders->beat % burst.beats;
    }

    // The error of an order goes to the master.
    void answer(const Burst &burst) {
        m_orders->address = burst.first;
        m_orders->armed = 0;
        m_orders->answered = 1;
    }

    void take_beat() {
        Beat beat;
        std::memcpy(beat.data, &m_top->m_axi_wdata, BYTES);
        beat.strobe = m_top->m_axi_wstrb;
        beat.last = m_top->m_axi_wlast;
        m_early.push_back(beat);
        ++write_beats;
    }

    void write_beats_to_memory(uint64_t cycle) {
        for (; !m_early.empty() && !m_writes.empty(); m_early.pop_front()) {
            Burst &burst = m_writes.front();
            const Beat &beat = m_early.front();
            m_rules.beat(burst.id, beat.last, burst.beats);
            if (!inside(burst.addr)) burst.resp = DECERR;
            for (unsigned i = 0; i < BYTES && !burst.resp; ++i)
                if (beat.strobe >> i & 1) at(burst.addr)[i] = beat.data[i];
            burst.addr += BYTES;
            if (--burst.beats == 0) {
                burst.ready = cycle + m_options.write_latency;
                queue_of(m_responses, burst.id).push_back(burst);
                ++m_response_count;
                m_writes.pop_front();
            }
        }
    }

    // What the memory shows in the next cycle.
    void next(uint64_t cycle) {
        if (m_orders->dead == 1) {
            m_arready = m_awready = m_wready = false;
            return;
        }
        m_arready = m_read_count < m_options.outstanding && !stall() && in_window(m_reads, m_reads_seen);
        m_awready = m_writes.size() + m_response_count < m_options.outstanding && !stall() && in_window(m_responses, m_writes_seen) &&
                    !(m_data_first && m_early.empty());
        m_wready = (m_options.reorder ? !m_writes.empty() || m_early.size() < EARLY : !m_writes.empty()) && !stall();
        if (!m_rvalid && m_read_count && !stall())
            if (auto *queue = choose(m_reads, cycle)) read_beat(*queue);
        if (!m_bvalid && m_response_count && !stall())
            if (auto *queue = choose(m_responses, cycle)) respond(*queue);
    }

    bool in_window(const std::vector<std::deque<Burst>> &queues, uint64_t seen) const {
        if (!m_options.reorder) return true;
        for (const auto &queue : queues)
            if (!queue.empty() && seen - queue.front().number >= m_options.outstanding) return false;
        return true;
    }

    // Of the queues whose first burst can be answered one, each with the same chance.
    std::deque<Burst> *choose(std::vector<std::deque<Burst>> &queues, uint64_t cycle) {
        std::deque<Burst> *chosen = nullptr;
        unsigned found = 0;
        for (auto &queue : queues)
            if (!queue.empty() && cycle >= queue.front().ready && (++found == 1 || m_random() % found == 0)) chosen = &queue;
        return chosen;
    }

    void read_beat(std::deque<Burst> &queue) {
        Burst &burst = queue.front();
        m_rvalid = m_new_beat = true;
        m_rresp = inside(burst.addr) ? 0 : DECERR;
        if (burst.bad == burst.beats) m_rresp = burst.resp, answer(burst);
        if (m_rresp) std::memset(m_beat, 0xA5, BYTES);
        else std::memcpy(m_beat, at(burst.addr), BYTES);
        burst.addr += BYTES;
        m_rid = burst.id;
        m_rlast = --burst.beats == 0;
        if (m_rlast) queue.pop_front(), --m_read_count;
    }

    void respond(std::deque<Burst> &queue) {
        const Burst &burst = queue.front();
        if (burst.bad != NEVER) answer(burst);
        m_bvalid = true;
        m_bresp = burst.resp;
        m_bid = burst.id;
        queue.pop_front();
        --m_response_count;
    }

    void forget() {
        for (auto &queue : m_reads) queue.clear();
        for (auto &queue : m_responses) queue.clear();
        m_writes.clear();
        m_early.clear();
        m_read_count = m_response_count = 0;
        m_arready = m_awready = m_wready = m_rvalid = m_bvalid = m_data_first = false;
        m_rules.forget();
        m_orders->reset = 0;
    }
};
