// Records what the engines do: a row at each cycle in which an instruction starts or completes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

// Bits of `events` (and of a row's) from 12 up are levels, which are counted; two more are the recorder's own.
constexpr unsigned PULSES = 12, LEVELS = 7;
constexpr uint32_t WORK = 1u | 1u << 6;  // levels that mean progress: array_busy, vector_busy
constexpr uint32_t HANG = 1u << 30, BROKEN = 1u << 31;

#pragma pack(push, 1)
struct Row {
    uint64_t cycle;
    uint32_t events;          // pulses of the cycle
    uint32_t level[LEVELS];   // cycles in which each level has been high so far
    uint32_t read_beats, write_beats;
};
#pragma pack(pop)

class Recorder {
  public:
    explicit Recorder(const std::string &file) : m_file(fopen(file.c_str(), "wb")) {
        if (!m_file) throw std::runtime_error("cannot write " + file);
    }

    // True if anything started, completed or was at work.
    bool sample(uint64_t cycle, uint32_t events, uint32_t read_beats, uint32_t write_beats) {
        for (unsigned i = 0; i < LEVELS; ++i) m_row.level[i] += events >> (PULSES + i) & 1;
        m_row.read_beats = read_beats;
        m_row.write_beats = write_beats;
        const uint32_t pulses = events & ((1u << PULSES) - 1);
        if (pulses) write(cycle, pulses);
        return pulses || (events >> PULSES & WORK);
    }

    void write(uint64_t cycle, uint32_t events) {
        m_row.cycle = cycle;
        m_row.events = events;
        check(fwrite(&m_row, sizeof m_row, 1, m_file) == 1);
    }

    void flush() { check(fflush(m_file) == 0); }

  private:
    static void check(bool written) {
        if (!written) throw std::runtime_error("cannot write the record of events: is the disk full?");
    }

    FILE *m_file;
    Row m_row = {};
};
