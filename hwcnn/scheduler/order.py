"""The order of a program: by the start times of the event model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwcnn.config import AccelConfig
from hwcnn.cycles.event_model import EventModel
from hwcnn.tile_ops import TileOp

from .weight_prefetch import delay_weights

#: A sequence of operations that keep their order: (queue, (layer, first block)) of a stream of the
#: vector engine, (queue, FIXED) of all other queues.
_StreamKey = tuple[str, tuple[int, int]]
_FIXED = (-1, 0)


@dataclass(frozen=True)
class Order:
    """ops : the operations of a program in order. cycles : until the last engine is free. starts :
    when each starts, by its id. model : knows when each was counted.
    """

    ops: list[TileOp]
    cycles: int
    starts: Mapping[int, int]
    model: EventModel


def order(ops: Sequence[TileOp], config: AccelConfig, needed: Sequence[int]) -> Order:
    """The operations sorted by predicted start, so that bounded queues filled in order hold nothing
    back.

    Operations come in an order in which they could run one after another. Every queue keeps its
    order, except that the layers of the vector engine (streams) interleave: what can start first
    goes first, and of several the one that the array needs first (needed : of `lookahead.urgency`).
    Dependences stay before dependants, and no more weights are asked for ahead of the array than
    dispatch can pass on. Raises ValueError where operations depend on each other in a circle.
    """
    model, streams = EventModel(config), _streams(ops)
    dependants, missing = _dependants(ops)
    heads = dict.fromkeys(streams, 0)
    ready = {key for key in streams if not missing[id(streams[key][0])]}
    started: list[tuple[int, int, TileOp]] = []
    while ready:
        at, _, key = min((_ready(model, streams[k][heads[k]]), _rank(k, needed), k) for k in ready)
        op = streams[key][heads[key]]
        started.append((model.commit(op, at), len(started), op))
        heads[key] += 1
        ready.discard(key)
        touched = {key}
        for other in dependants.get(id(op), ()):
            missing[id(other)] -= 1
            touched.add(_stream(other))
        for k in touched:
            if heads[k] < len(streams[k]) and not missing[id(streams[k][heads[k]])]:
                ready.add(k)
    if len(started) != len(ops):
        raise ValueError("operations depend on each other in a circle")
    by_start = [op for _, _, op in sorted(started, key=lambda item: item[:2])]
    starts = {id(op): at for at, _, op in started}
    return Order(delay_weights(by_start, config), max(model.free.values()), starts, model)


def _ready(model: EventModel, op: TileOp) -> int:
    """When an operation can start whose dependences are over."""
    at = model.ready(op)
    assert at is not None
    return at


def _stream(op: TileOp) -> _StreamKey:
    return (op.queue, _FIXED) if op.stream is None else ("vector", op.stream)


def _rank(key: _StreamKey, needed: Sequence[int]) -> tuple[int, int]:
    """Among operations that could start together: fixed queues first, then what is needed first,
    then the later layer.
    """
    layer, _ = key[1]
    return _FIXED if layer < 0 else (needed[layer], -layer)


def _streams(ops: Sequence[TileOp]) -> dict[_StreamKey, list[TileOp]]:
    streams: dict[_StreamKey, list[TileOp]] = {}
    for op in ops:
        streams.setdefault(_stream(op), []).append(op)
    return streams


def _dependants(ops: Sequence[TileOp]) -> tuple[dict[int, list[TileOp]], dict[int, int]]:
    """By id of an operation: (those that need it, number that it needs). They need what they depend
    on, and the array its weights.

    An ARRAY needs the WEIGHT that streams to it; a WEIGHT waits in order for the ARRAYs of the one
    before.
    """
    dependants: dict[int, list[TileOp]] = {}
    missing: dict[int, int] = {}
    weight, array = None, None
    for op in ops:
        needs = {id(other): other for _, other in op.deps}
        if op.queue == "weight":
            if array is not None:
                needs[id(array)] = array
            weight = op
        elif op.queue == "array":
            if weight is not None:
                needs[id(weight)] = weight
            array = op
        missing[id(op)] = len(needs)
        for other in needs.values():
            dependants.setdefault(id(other), []).append(op)
    return dependants, missing
