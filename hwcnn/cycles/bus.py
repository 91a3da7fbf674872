"""A channel of the data bus in the event model: who gets which cycles of it."""

#: Bursts of a reader that are modelled at a time; then it is another's turn.
TURN = 2


class Bus:
    """One channel of the data bus: a beat a cycle, which all engines share. What is asked for first
    is served first.

    Beats are booked in spans of `SPAN` cycles.
    """

    SPAN = 32

    def __init__(self):
        # beats booked in each span, which need not be whole
        self._used: list[float] = []
        # for each span, itself if it has free beats, otherwise a later one that may have some
        self._open: list[int] = []

    def take(self, start: int, beats: int, cycles: int = 0) -> int:
        """Book beats from cycle `start` on, evenly over at least so many cycles; returns when the
        last one has passed.
        """
        cycles = max(beats, cycles)
        over, rate = start + cycles, beats / max(cycles, 1)
        span, at, due, left = start // self.SPAN, start, 0.0, float(beats)
        while left > 0:
            span = self._find(span)
            begin, end = span * self.SPAN, (span + 1) * self.SPAN
            due += rate * (end - at) if rate < 1 else left
            got = min(left, due, self.SPAN - self._used[span], end - max(start, begin))
            left, due, at = left - got, due - got, end
            self._book(span, got)
            if left <= 0:
                over = max(over, min(end, begin + int(self._used[span])))
            span += 1
        return over

    def fill(self, start: int, end: int, beats: int) -> tuple[int, int]:
        """Book up to so many beats in idle cycles between two cycles, in whole spans.

        Returns (beats, cycle up to which idle cycles have been looked for).
        """
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

    def _book(self, span: int, beats: float) -> None:
        self._used[span] += beats
        if self._used[span] > self.SPAN - 1:
            self._open[span] = span + 1

    def _find(self, span: int) -> int:
        """The first span from `span` on that has free beats."""
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
