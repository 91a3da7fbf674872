// A file that is mapped into this process and others.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>

struct Mapped {
    uint8_t *data = nullptr;
    uint64_t size = 0;

    Mapped() = default;

    explicit Mapped(const std::string &name) {
        const int file = open(name.c_str(), O_RDWR);
        struct stat status;
        if (file < 0 || fstat(file, &status) != 0) throw std::runtime_error("cannot open " + name);
        size = status.st_size;
        void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + name);
        close(file);
        data = static_cast<uint8_t *>(memory);
    }
};
