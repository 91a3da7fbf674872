"""A channel of the data bus in the event model: who gets which cycles of it."""

#: Bursts of a reader that are modelled at a time; then it is another's turn.
TURN = 2
#: Spans that are added at a time where the last ones are reached.
_MORE = 4096


class Bus:
    """One channel of the data bus: a beat a cycle, which all engines share. What is asked for first
    is served first.

    Beats are booked in spans of `SPAN` cycles.
    """

    SPAN = 32

    def __init__(self):
        # beats booked in each span, which need not be whole
        self._used: list[float] = []
        # for each span, 0 if it has free beats, otherwise how many after it the next is that may
        # have some
        self._skip: list[int] = []

    def take(self, start: int, beats: int, cycles: int = 0) -> int:
        """Book beats from cycle `start` on, evenly over at least so many cycles; returns when the
        last one has passed.

        What a long replay does most often: it looks at every span once, with few calls.
        """
        cycles = max(beats, cycles)
        if not beats:
            return start + cycles
        used, skip, size, rate = self._used, self._skip, self.SPAN, beats / cycles
        span, at, due, left = start // size, start, 0.0, float(beats)
        while True:
            if span >= len(used) or skip[span]:
                span = self._find(span)
            end = (span + 1) * size
            due += rate * (end - at) if rate < 1 else left
            got = size - used[span]
            if left < got:
                got = left
            if due < got:
                got = due
            if end - start < got:
                got = end - start
            left, due, at = left - got, due - got, end
            booked = used[span] = used[span] + got
            if booked > size - 1:
                skip[span] = 1
            if left <= 0:
                return max(start + cycles, min(end, end - size + int(booked)))
            span += 1

    def fill(self, start: int, end: int, beats: int) -> tuple[int, int]:
        """Book up to so many beats in idle cycles between two cycles, in whole spans.

        Returns (beats, cycle up to which idle cycles have been looked for).
        """
        span, left, over = start // self.SPAN, beats, start
        while left > 0 and (span + 1) * self.SPAN <= end:
            span = self._find(span)
            begin = span * self.SPAN
            if begin + self.SPAN > end:
                break
            got = min(
                left, int(self.SPAN - self._used[span]), begin + self.SPAN - max(start, begin)
            )
            self._used[span] += got
            if self._used[span] > self.SPAN - 1:
                self._skip[span] = 1
            left, over = (
                left - got,
                begin + (self.SPAN if left > got else min(self.SPAN, int(self._used[span]))),
            )
            span += 1
        return beats - left, max(start, over)

    def _find(self, span: int) -> int:
        """The first span from `span` on that has free beats."""
        skip = self._skip
        while True:
            if span >= len(skip):
                more = span + _MORE - len(skip)
                skip.extend([0] * more)
                self._used.extend([0] * more)
            step = skip[span]
            if not step:
                return span
            after = span + step
            if after < len(skip):
                skip[span] = step + skip[after]
            span = after
