"""The order of a program: by the start times of the event model."""

from hwcnn.cycles.events import EventModel

from .weight_prefetch import hold_back


def order(ops, config, needed):
    """The operations sorted by predicted start, so that bounded queues filled in order hold nothing
    back; and the cycles until the last engine is free.

    Operations come in an order in which they could run one after another. Every queue keeps its
    order, except that the layers of the vector engine (streams) interleave: what can start first
    goes first, and of several the one that the array needs first (needed : of `lookahead.urgency`).
    Dependences stay before dependants, and no more weights are asked for ahead of the array than
    dispatch can pass on.
    """
    model, streams = EventModel(config), _streams(ops)
    uses, missing = _dependants(ops)
    heads = dict.fromkeys(streams, 0)
    ready = {key for key in streams if not missing[id(streams[key][0])]}
    started = []
    while ready:
        at, _, key = min((model.ready(streams[k][heads[k]]), _rank(k, needed), k) for k in ready)
        op = streams[key][heads[key]]
        started.append((model.commit(op, at), len(started), op))
        heads[key] += 1
        ready.discard(key)
        touched = {key}
        for other in uses.get(id(op), ()):
            missing[id(other)] -= 1
            touched.add(_stream(other))
        for k in touched:
            if heads[k] < len(streams[k]) and not missing[id(streams[k][heads[k]])]:
                ready.add(k)
    if len(started) != len(ops):
        raise ValueError("operations depend on each other in a circle")
    return hold_back([op for _, _, op in sorted(started, key=lambda item: item[:2])], config), max(
        model.free.values()
    )


def _stream(op):
    return (op.queue, (-1, 0)) if op.stream is None else ("vector", op.stream)


def _rank(key, needed):
    """Among operations that could start together: fixed queues first, then what is needed first,
    then the later layer.
    """
    layer, _ = key[1]
    return (-1, 0) if layer < 0 else (needed[layer], -layer)


def _streams(ops):
    streams = {}
    for op in ops:
        streams.setdefault(_stream(op), []).append(op)
    return streams


def _dependants(ops):
    """(operations that need one, number that one needs): dependences, and the array's weights.

    An ARRAY needs the WEIGHT that streams to it; a WEIGHT waits in order for the ARRAYs of the one
    before.
    """
    uses, missing = {}, {}
    weight, before = None, None
    for op in ops:
        needs = {id(other): other for _, other in op.deps}
        if op.queue == "weight":
            if before is not None:
                needs[id(before)] = before
            weight = op
        elif op.queue == "array":
            needs[id(weight)] = weight
            before = op
        missing[id(op)] = len(needs)
        for other in needs.values():
            uses.setdefault(id(other), []).append(op)
    return uses, missing
