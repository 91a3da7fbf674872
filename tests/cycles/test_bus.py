"""The bus: a beat a cycle, first come first served."""

from hwcnn.cycles.bus import Bus


def test_beats_follow_each_other():
    bus = Bus()
    assert bus.take(0, 40) == 40
    assert bus.take(0, 8) == 48


def test_a_slow_reader_leaves_beats_to_others():
    """64 beats in 128 cycles leave every second beat."""
    bus = Bus()
    assert bus.take(0, 64, 128) == 128
    assert bus.take(0, 64) == 128


def test_idle_cycles_are_filled_in_whole_spans():
    bus = Bus()
    bus.take(0, Bus.SPAN)
    beats, _ = bus.fill(0, 3 * Bus.SPAN + 5, 1000)
    assert beats == 2 * Bus.SPAN
    assert bus.fill(0, 3 * Bus.SPAN, 1000)[0] == 0
