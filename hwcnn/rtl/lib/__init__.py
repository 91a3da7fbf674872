"""Buffers, RAMs, counters and rounding that every engine uses."""
