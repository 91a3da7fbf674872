"""A channel of the data bus in the event model: who gets which cycles of it."""


class Bus:
    """One channel of the data bus: a beat a cycle, which all engines share. What is asked for first
    is served first.

    Beats are booked in spans of `SPAN` cycles.
    """

    SPAN = 32

    def __init__(self):
        self._used = []  # beats booked in each span
        self._open = []  # for each span, itself if it has room, otherwise a later one that may have

    def take(self, start, beats, cycles=0):
        """Book beats from cycle `start` on, evenly over at least so many cycles; returns when the
        last one has passed.
        """
        cycles = max(beats, cycles)
        over, rate = start + cycles, beats / max(cycles, 1)
        span, at, due = start // self.SPAN, start, 0.0
        while beats > 0:
            span = self._find(span)
            begin, end = span * self.SPAN, (span + 1) * self.SPAN
            due += rate * (end - at) if rate < 1 else beats
            got = min(beats, due, self.SPAN - self._used[span], end - max(start, begin))
            beats, due, at = beats - got, due - got, end
            self._book(span, got)
            if beats <= 0:
                over = max(over, min(end, begin + int(self._used[span])))
            span += 1
        return over

    def fill(self, start, end, beats):
        """Book up to so many beats where there is room between two cycles, in whole spans.

        Returns (beats, cycle up to which room has been looked for)."""
        span, left, over = start // self.SPAN, beats, start
        while left > 0:
            span = self._find(span)
            begin = span * self.SPAN
            if begin + self.SPAN > end:
                break
            got = min(
                left, int(self.SPAN - self._used[span]), begin + self.SPAN - max(start, begin)
            )
            self._book(span, got)
            left, over = (
                left - got,
                begin + (self.SPAN if left > got else min(self.SPAN, int(self._used[span]))),
            )
            span += 1
        return beats - left, max(start, over)

    def _book(self, span, beats):
        self._used[span] += beats
        if self._used[span] > self.SPAN - 1:
            self._open[span] = span + 1

    def _find(self, span):
        """The first span from `span` on that has room."""
        while True:
            while len(self._open) <= span:
                self._open.append(len(self._open))
                self._used.append(0)
            after = self._open[span]
            if after == span:
                return span
            if after < len(self._open):
                self._open[span] = self._open[after]
            span = after
