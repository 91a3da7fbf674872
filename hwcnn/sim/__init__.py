"""Simulation: a generated folder run on an engine, and compared with the reference."""
