"""Networks as recipes: JSON that a network is built from, that a random one is drawn as, and that a
minimiser can shorten.

A recipe holds ``inputs`` (shapes), ``layers`` (each with its operator, the values that it reads by
index, its seed and picks), ``kind``, ``batch`` (images a run) and ``quantising``. Values are
numbered: the inputs, then what the layers give, in order. Whatever no layer reads is an output, and
the first value of an ``exposed`` layer is one although it is read.
"""

import numpy as np

from . import layers_layout, layers_pointwise  # noqa: F401 (they register their layers)
from .layers import LAYERS, OPERANDS
from .net import Invalid, Net, Picks

KINDS, KIND_WEIGHTS = ("float", "qdq", "qlinear"), (4, 5, 2)
#: Layers that are drawn more often than others.
_OFTEN = {
    "conv": 14,
    "max_pool": 4,
    "average_pool": 4,
    "concat": 5,
    "Add": 5,
    "conv_transpose": 3,
    "resize": 3,
    "gemm": 2,
    "Relu": 2,
    "Mul": 2,
    "pad": 2,
    "split": 2,
    "slice": 2,
    "shuffle": 2,
    "LRN": 2,
    "BatchNormalization": 2,
    "gate": 2,
    "Softmax": 0,
    "LogSoftmax": 0,
    "Acosh": 0.1,
}
_FUNCTION_WEIGHT = 0.6
_ATTEMPTS = 8


class Built:
    """A network built from a recipe.

    values : their names by number; read, exposed : numbers of values; final : names of what the
    host computes.
    """

    def __init__(self, recipe):
        self.net, self.values, self.read, self.final = Net(), [], set(), set()
        self.exposed = set()
        for shape in recipe["inputs"]:
            self.values.append(self.net.input(shape))
        for entry in recipe["layers"]:
            self.add(entry, Picks(None, entry["picks"]))

    def add(self, entry, pick):
        """Build a layer; its picks go into the entry. Raises Invalid, leaving the network as it
        was.
        """
        net = self.net
        before = len(net.nodes)
        net.rng = np.random.default_rng(entry["seed"])
        try:
            if any(self.values[i] in self.final for i in entry["x"]):
                raise Invalid("it reads what the host computes")
            made = LAYERS[entry["op"]](net, pick, *(self.values[i] for i in entry["x"]))
        except (Invalid, LookupError, ValueError, TypeError, ArithmeticError) as e:
            del net.nodes[before:]
            raise Invalid(str(e)) from e
        entry |= {"picks": pick.recorded, "simplest": pick.simplest, "made": len(made)}
        self.read |= set(entry["x"])
        if entry.get("exposed"):
            self.exposed.add(len(self.values))
        self.values += made
        if entry["op"] in ("Softmax", "LogSoftmax"):
            self.final |= set(made)
        return made

    def outputs(self):
        """Names of the values that no layer reads, and of those that are outputs all the same."""
        return [
            name
            for i, name in enumerate(self.values)
            if (i not in self.read or i in self.exposed) and name not in self.net.inputs
        ]

    def model(self):
        """The ModelProto. Raises Invalid where there is no layer."""
        if not self.outputs():
            raise Invalid("no layer")
        return self.net.model(self.outputs())


def draw(rng):
    """A random recipe."""
    batch = int(rng.choice((1, 2, 3), p=(0.8, 0.13, 0.07)))
    recipe = {
        "batch": int(rng.choice((1, 2, 3), p=(0.85, 0.1, 0.05))) if batch == 1 else 1,
        "kind": str(rng.choice(KINDS, p=np.array(KIND_WEIGHTS) / sum(KIND_WEIGHTS))),
        "layers": [],
        "inputs": [_input_shape(rng, batch) for _ in range(int(rng.choice((1, 2), p=(0.9, 0.1))))],
        "quantising": {
            "seed": int(rng.integers(1 << 31)),
            "unsigned": bool(rng.random() < 0.25),
            "wild": float(rng.choice((0, 0.2, 0.6), p=(0.4, 0.4, 0.2))),
        },
    }
    built = Built(recipe)
    length = int(rng.choice((1, 2, 3, 4, 6, 8, 12), p=(0.16, 0.18, 0.18, 0.18, 0.14, 0.1, 0.06)))
    names = list(LAYERS)
    often = np.array([_OFTEN.get(n, _FUNCTION_WEIGHT if n[0].isupper() else 1) for n in names])
    attempts = 0
    while len(recipe["layers"]) < length and attempts < _ATTEMPTS * length:
        attempts += 1
        _add_random(built, recipe, str(rng.choice(names, p=often / often.sum())), rng)
    if rng.random() < 0.15:
        _add_random(built, recipe, str(rng.choice(("Softmax", "LogSoftmax"))), rng)
    return recipe


def _input_shape(rng, batch):
    channels = int(
        rng.choice(
            (1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 30, 33, 64),
            p=np.array((3, 1, 5, 2, 2, 1, 2, 1, 2, 1, 1, 1, 1)) / 23,
        )
    )
    side = [int(v) for v in rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20), 2)]
    kind = rng.random()
    if kind < 0.08:
        side = [1, int(rng.choice((20, 37, 70, 130)))]
    elif kind < 0.14:
        side = [int(rng.choice((20, 37, 70, 130))), 1]
    elif kind < 0.2:
        side = side[:1]
    return [batch, channels, *side]


def _add_random(built, recipe, op, rng):
    """Add a layer `op` that reads late values more often than early ones, if one goes."""
    for _ in range(2):
        x = _operand(built, rng)
        xs = [x] + [_partner(built, recipe, x, op, rng) for _ in range(OPERANDS[op] - 1)]
        entry = {
            "op": op,
            "x": xs,
            "seed": int(rng.integers(1 << 31)),
            "exposed": bool(rng.random() < 0.06),
        }
        if None in xs:
            continue
        try:
            built.add(entry, Picks(rng))
        except Invalid:
            continue
        recipe["layers"].append(entry)
        return


def _operand(built, rng):
    usable = [i for i, name in enumerate(built.values) if name not in built.final]
    late = [i for i in usable if i not in built.read] or usable
    return int(rng.choice(late if rng.random() < 0.75 else usable))


def _partner(built, recipe, x, op, rng):
    """A value that goes with x as a second operand: one that exists, or a convolution of x; None if
    that does not go.
    """
    shapes, values = built.net.shapes, built.values
    same = slice(None) if op != "concat" else slice(2, None)
    fits = [
        i
        for i, name in enumerate(values)
        if name not in built.final
        and shapes[name][same] == shapes[values[x]][same]
        and shapes[name][0] == shapes[values[x]][0]
        and len(shapes[name]) == len(shapes[values[x]])
        and (i != x or rng.random() < 0.1)
    ]
    if fits and rng.random() < 0.7:
        return int(rng.choice(fits))
    dims = len(shapes[values[x]]) - 2
    picks = {
        f"{name}{i}": value
        for i in range(dims)
        for name, value in (
            ("kernel", 3),
            ("stride", 1),
            ("before", 1),
            ("after", 1),
            ("dilation", 1),
        )
    }
    picks |= {"whole": False, "auto_pad": "NOTSET", "kind": "plain"} | (
        {} if op == "concat" else {"channels": shapes[values[x]][1]}
    )
    entry = {"op": "conv", "x": [x], "seed": int(rng.integers(1 << 31))}
    try:
        built.add(entry, Picks(rng, picks))
    except Invalid:
        return None
    recipe["layers"].append(entry)
    return len(built.values) - 1
