"""Registers for the host, and the way of instructions to the engines."""
