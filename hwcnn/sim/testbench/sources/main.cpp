// The simulation loop: clock and reset, AXI4 memory, event record, waves; cocotb, through VPI, sees s_axi_* and irq.
//
// cocotb's own loop asks for each half period whether Python wants anything, with its clock as one of the things wanted. Here the clock
// is toggled in place, and Python's callbacks are looked for only where one is registered.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "Vtop.h"
#include "axi_memory.h"
#include "recorder.h"
#include "verilated.h"
#include "verilated_vpi.h"
#include "vpi_user.h"

#if VM_TRACE
#include "verilated_vcd_c.h"
using Waves = VerilatedVcdC;
#endif

extern "C" void vlog_startup_routines_bootstrap(void);

namespace {

constexpr uint64_t HALF_PERIOD = 5000;  // in picoseconds: 100 MHz
constexpr uint64_t RESET_CYCLES = 8;
constexpr int FAILED = 3;
uint64_t now = 0;

std::string option(const std::string &name, const std::string &otherwise) {
    const std::string text = Verilated::commandArgsPlusMatch((name + "=").c_str());
    return text.empty() ? otherwise : text.substr(name.size() + 2);
}

uint64_t number(const std::string &name, uint64_t otherwise) {
    return std::stoull(option(name, std::to_string(otherwise)), nullptr, 0);
}

// What whoever starts the simulator always gives.
uint64_t number(const std::string &name) {
    const std::string text = option(name, "");
    if (text.empty()) throw std::runtime_error("no +" + name + "=");
    return std::stoull(text, nullptr, 0);
}

bool settle_values() {
    bool called = false;
    while (VerilatedVpi::callValueCbs()) called = true;
    return called;
}

class Simulation {
  public:
    Simulation()
        : m_top(new Vtop("")), m_memory(m_top.get(), memory_options()), m_recorder(option("events", "events.bin")),
          m_hang(number("hang")) {
        Verilated::fatalOnVpiError(false);
#if VM_TRACE
        Verilated::traceEverOn(true);
        m_top->trace(&m_waves, 99);
        m_waves.open(option("waves", "waves.out").c_str());
#endif
        m_top->n_rst = 1;
        vlog_startup_routines_bootstrap();
        VerilatedVpi::callCbs(cbStartOfSimulation);
        settle_values();
        evaluate(true);
    }

    void run() {
        while (!Verilated::gotFinish()) {
            if (m_cycle == RESET_CYCLES) m_top->n_rst = 0;
            half_period(0);
            if (m_cycle > RESET_CYCLES) sample();
            half_period(1);
            if ((++m_cycle & 0xffff) == 0) m_recorder.flush();
        }
    }

    void finish(uint32_t reason) {
        if (reason) m_recorder.write(m_cycle, reason);
        m_recorder.flush();
        m_top->final();
        VerilatedVpi::callCbs(cbEndOfSimulation);
#if VM_TRACE
        m_waves.close();
#endif
    }

    bool hung() const { return m_idle > m_hang; }

  private:
    std::unique_ptr<Vtop> m_top;
    AxiMemory<Vtop> m_memory;
    Recorder m_recorder;
    uint64_t m_cycle = 0, m_idle = 0, m_hang;
    bool m_irq = false;
    bool m_python = true;  // Python ran at the last point of time, so it may want the next
#if VM_TRACE
    Waves m_waves;
#endif

    static MemoryOptions memory_options() {
        MemoryOptions o;
        o.file = option("dram", "dram.bin");
        o.orders = option("orders", "");
        o.base = number("dram_base", o.base);
        o.read_latency = number("read_latency");
        o.write_latency = number("write_latency");
        o.outstanding = number("outstanding", o.outstanding);
        o.stall_permille = number("stall_permille", o.stall_permille);
        o.reorder = number("reorder", o.reorder);
        o.seed = number("stall_seed", o.seed);
        return o;
    }

    void sample() {
        const bool moved = m_memory.sample(m_cycle);
        m_memory.drive();
        const bool worked = m_recorder.sample(m_cycle, m_top->events, m_memory.read_beats, m_memory.write_beats);
        m_idle = moved || worked ? 0 : m_idle + 1;
        // Whoever waits for the interrupt reads the record after it.
        if (m_top->irq && !m_irq) m_recorder.flush();
        m_irq = m_top->irq;
        if (hung()) Verilated::threadContextp()->gotFinish(true);
    }

    // Evaluate the model, and all that Python does in answer.
    void evaluate(bool python) {
        m_top->eval();
        python |= settle_values();
        if (python) {
            VerilatedVpi::doInertialPuts();
            do {
                if (VerilatedVpi::evalNeeded()) m_top->eval();
                VerilatedVpi::clearEvalNeeded();
                VerilatedVpi::callCbs(cbReadWriteSynch);
                VerilatedVpi::doInertialPuts();
                settle_values();
            } while (VerilatedVpi::evalNeeded());
            VerilatedVpi::callCbs(cbReadOnlySynch);
        }
        m_python = python;
#if VM_TRACE
        m_waves.dump(now);
#endif
    }

    void half_period(int clk) {
        const uint64_t until = now + HALF_PERIOD;
        for (uint64_t due; (due = VerilatedVpi::cbNextDeadline()) < until;) {
            advance(due);
            VerilatedVpi::callTimedCbs();
            evaluate(true);
        }
        advance(until);
        bool python = false;
        if (VerilatedVpi::cbNextDeadline() <= now) python = true, VerilatedVpi::callTimedCbs();
        m_top->clk = clk;
        // Whoever waits for an edge of the clock sees the values from before it.
        python |= settle_values();
        evaluate(python);
    }

    void advance(uint64_t time) {
        now = time;
        if (m_python) VerilatedVpi::callCbs(cbNextSimTime), settle_values();
    }
};

}  // namespace

double sc_time_stamp() { return now; }

int main(int argc, char **argv) {
    Verilated::commandArgs(argc, argv);
    std::unique_ptr<Simulation> simulation;
    try {
        simulation = std::make_unique<Simulation>();
        simulation->run();
    } catch (const std::exception &error) {
        fprintf(stderr, "hwcnn: %s\n", error.what());
        if (!simulation) return FAILED;
        Verilated::threadContextp()->gotFinish(true);
        simulation->finish(BROKEN);
        return FAILED;
    }
    simulation->finish(simulation->hung() ? HANG : 0);
    return 0;
}
