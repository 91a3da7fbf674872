"""Random legal accelerators, most parameters near their minima, and the classes that coverage
counts.
"""

from hwcnn.config import VECTOR_FEATURES, AccelConfig
from hwcnn.errors import InputError

#: Every parameter's range (AccelConfig states them; a test compares).
RANGES = dict(
    rows=(4, 64),
    cols=(4, 64),
    acc_depth=(64, 4096),
    act_kib=(4, 4096),
    axi_bytes=(8, 64),
    queue_words=(16, 256),
    read_fifo=(32, 1024),
    weight_fifo=(64, 4096),
    param_slots=(8, 256),
    pool_depth=(64, 4096),
)
#: The depthwise unit's multipliers a lane: any number between these.
DW_TAPS = 0, 8
DEFAULT = AccelConfig()


def draw(rng, sides=None, smallest=0.5, all_features=0.85):
    """A random AccelConfig. sides : (rows, columns), or None for random ones; smallest : the chance
    of a parameter's minimum;
    all_features : the chance that no vector function is left out."""
    while True:
        values = {}
        for name, (low, high) in RANGES.items():
            powers = [1 << k for k in range(low.bit_length() - 1, high.bit_length())]
            kind = rng.random()
            near_default = [p for p in powers if p <= getattr(DEFAULT, name)]
            values[name] = (
                low if kind < smallest else high if kind > 0.93 else int(rng.choice(near_default))
            )
        values["rows"], values["cols"] = sides or (
            int(rng.choice((4, 8, 16, 32, 64), p=(0.3, 0.25, 0.2, 0.15, 0.1))) for _ in range(2)
        )
        taps = range(DW_TAPS[0], DW_TAPS[1] + 1)
        values["dw_taps"] = int(rng.choice((*DW_TAPS, DEFAULT.dw_taps, rng.choice(taps))))
        if rng.random() >= all_features:
            values["features"] = tuple(f for f in VECTOR_FEATURES if rng.random() < 0.6)
        try:
            return AccelConfig(**values)
        except InputError:
            continue


def classes(config):
    """What this configuration exercises: its sides, parameters at an end of their range, functions
    left out.
    """
    found = [f"{name} {_side(getattr(config, name))}" for name in ("rows", "cols")]
    for name, (low, high) in list(RANGES.items())[2:]:
        value = getattr(config, name)
        found += [f"{name} min"] * (value == low) + [f"{name} max"] * (value == high)
    found += [f"dw_taps {end}" for end, n in _ENDS if config.dw_taps == n]
    return found + [f"without {f}" for f in VECTOR_FEATURES if f not in config.features]


def all_classes():
    """What `classes` can find."""
    sides = [f"{name} {side}" for name in ("rows", "cols") for side in ("4", "8-16", "32-64")]
    return (
        sides
        + [f"{name} {end}" for name in list(RANGES)[2:] for end in ("min", "max")]
        + [f"dw_taps {end}" for end, _ in _ENDS]
        + [f"without {f}" for f in VECTOR_FEATURES]
    )


_ENDS = tuple(zip(("min", "max"), DW_TAPS, strict=True))


def _side(value):
    return "4" if value == 4 else "8-16" if value <= 16 else "32-64"
