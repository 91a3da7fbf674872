"""The register map as data: the control block, the drivers and the documentation are made from this
table.
"""

from dataclasses import dataclass

from hwcnn import isa

#: AXI4-Lite address bits (a page of 4 KiB) and data bits.
ADDR_BITS, DATA_BITS = 12, 32
#: "HWCN" in ASCII, and the version of this map: major in bits 31:16, minor in bits 15:0.
ID_VALUE, VERSION_VALUE = 0x4857434E, 0x0002_0000

#: Limits of time are multiples of so many cycles; WATCHDOG after a reset, far beyond what a living
#: memory takes for an answer.
LIMIT_UNIT, WATCHDOG_DEFAULT = 1024, 1 << 20
#: Registers that hold multiples: the low bits are not stored and read as 0.
UNITS = {"BASE": 4096, "PROGRAM": 64, "WATCHDOG": LIMIT_UNIT, "BUDGET": LIMIT_UNIT}
#: Of registers that are not 0 after a reset.
DEFAULTS = {"WATCHDOG": WATCHDOG_DEFAULT}

#: STATUS.error. The first error of a run stays until a soft reset.
ERRORS = {
    "none": (0, "no error"),
    "read": (1, "the bus answered a read with SLVERR or DECERR; STATUS.client names the reader"),
    "write": (2, "the bus answered a write with SLVERR or DECERR; STATUS.client names the writer"),
    "opcode": (3, "the program holds an instruction that this accelerator does not have"),
    "watchdog": (
        4,
        "nothing moved for WATCHDOG cycles of a run: a bus that does not answer, or waits that "
        "never hold",
    ),
    "budget": (
        5,
        "the run took more than BUDGET cycles: a damaged program, or a memory far slower than "
        "expected",
    ),
}
READ_CLIENTS = ("fetch", "load", "weights", "params", "residual", "vector_a", "vector_b")
WRITE_CLIENTS = ("post", "vector")


@dataclass(frozen=True)
class BitField:
    """A part of a register: `bits` bits from bit `lsb`. doc : for the host."""

    name: str
    lsb: int
    bits: int
    doc: str


@dataclass(frozen=True)
class Register:
    """access: "ro" read only, "rw" read and write, "wo" write only (reads as 0), "w1c" written ones
    clear.

    A register without fields is one number of 32 bits.
    """

    name: str
    offset: int
    access: str
    doc: str
    fields: tuple[BitField, ...] = ()

    def __getitem__(self, name: str) -> BitField:
        return next(f for f in self.fields if f.name == name)


#: Performance counters, in order from PERF_OFFSET, zeroed at start.
PERF_OFFSET = 0x040
PERF = (
    ("cycles", "cycles from start to done"),
    ("array_busy", "cycles in which the array took a pixel"),
    ("stall_weights", "cycles in which the array waited for weights"),
    ("stall_activations", "cycles in which the array was idle and its instruction waited for LOAD"),
    (
        "stall_accumulators",
        "cycles in which the array was idle and its instruction waited for POST only",
    ),
    ("stall_program", "cycles in which the array was idle and had no instruction"),
    ("stall_store", "cycles in which the post engine waited for the writer"),
    ("vector_busy", "cycles in which the vector engine ran an instruction"),
    ("read_beats", "beats on the AXI read data channel"),
    ("write_beats", "beats on the AXI write data channel"),
)
#: Completion counters, in the order of isa.COUNTERS.
COUNTS_OFFSET = 0x080

_RUN = (
    BitField("done", 0, 1, "a run has ended"),
    BitField("error", 1, 1, "STATUS.error has become non-zero"),
)

REGISTERS = (
    Register("ID", 0x000, "ro", "0x4857434E"),
    Register(
        "VERSION",
        0x004,
        "ro",
        "version of this register map",
        (BitField("minor", 0, 16, "minor"), BitField("major", 16, 16, "major")),
    ),
    Register(
        "ARRAY",
        0x008,
        "ro",
        "the generated hardware",
        (
            BitField("rows", 0, 8, "rows of the array"),
            BitField("cols", 8, 8, "columns of the array"),
            BitField("axi_bytes", 16, 8, "bytes of the AXI4 data bus"),
        ),
    ),
    Register(
        "KEY",
        0x00C,
        "ro",
        "first 32 bits of the hash of all parameters (AccelConfig.key); a program is for one",
    ),
    Register(
        "CONTROL",
        0x010,
        "wo",
        "commands",
        (
            BitField(
                "start",
                0,
                1,
                "run the program at PROGRAM; while a soft reset is under way, when that is over. "
                "Ignored "
                "while busy",
            ),
            BitField(
                "reset",
                1,
                1,
                "soft reset: clear STATUS and IRQ_STATUS, let the bus finish what was asked of it, "
                "then "
                "clear the engines. A second write meanwhile does not wait for the bus: for one "
                "that does not answer, and "
                "which must then be reset as well before the next start. A start in the same "
                "write, or waiting for the "
                "reset before, is ignored",
            ),
        ),
    ),
    Register(
        "STATUS",
        0x014,
        "ro",
        "state of the run",
        (
            BitField(
                "busy",
                0,
                1,
                "a program is running or waits for a soft reset to end; after an error, until a "
                "soft reset",
            ),
            BitField("done", 1, 1, "the last program has reached its END"),
            BitField("resetting", 2, 1, "a soft reset is under way"),
            BitField(
                "located",
                3,
                1,
                "FAULT_ADDR is the address of the burst that the bus answered with an error; some "
                "time "
                "after the error, when the bus has finished what was asked of it. It stays 0 where "
                "memory let many younger "
                "bursts of other clients pass that one",
            ),
            BitField(
                "error",
                4,
                4,
                "first error: " + ", ".join(f"{code} {name}" for name, (code, _) in ERRORS.items()),
            ),
            BitField(
                "client",
                8,
                4,
                "of a bus error. Readers: "
                + ", ".join(f"{n} {c}" for n, c in enumerate(READ_CLIENTS))
                + ". Writers: "
                + ", ".join(f"{n} {c}" for n, c in enumerate(WRITE_CLIENTS)),
            ),
        ),
    ),
    Register("IRQ_ENABLE", 0x018, "rw", "events that raise the interrupt", _RUN),
    Register(
        "IRQ_STATUS",
        0x01C,
        "w1c",
        "events that have happened; irq is high while an enabled one is set",
        _RUN,
    ),
    Register(
        "BASE",
        0x020,
        "rw",
        f"DRAM address that is added to every address, a multiple of {UNITS['BASE']}",
    ),
    Register(
        "PROGRAM",
        0x024,
        "rw",
        f"byte offset of the program from BASE, a multiple of {UNITS['PROGRAM']}",
    ),
    Register(
        "WATCHDOG",
        0x028,
        "rw",
        "cycles of a run without an AXI4 handshake and without a pixel in the array that "
        f"are an error, a multiple of {LIMIT_UNIT} (and up to as many late); 0: no limit. "
        f"{WATCHDOG_DEFAULT} after "
        "power-on",
    ),
    Register(
        "FAULT_ADDR",
        0x02C,
        "ro",
        "where STATUS.located is set: the address on the bus (BASE included) of the burst "
        "with the error",
    ),
    Register(
        "BUDGET",
        0x030,
        "rw",
        f"cycles from start to done beyond which a run is an error, a multiple of {LIMIT_UNIT}; "
        "0: no limit",
    ),
    *(Register(name.upper(), PERF_OFFSET + 4 * n, "ro", doc) for n, (name, doc) in enumerate(PERF)),
    *(
        Register(
            f"COUNT_{name.upper()}",
            COUNTS_OFFSET + 4 * n,
            "ro",
            f"completion counter '{name}' of the run",
        )
        for n, name in enumerate(isa.COUNTERS)
    ),
)
BY_NAME = {r.name: r for r in REGISTERS}
