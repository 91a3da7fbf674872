"""Rewrites of the integer IR that make a graph fit the hardware; all exact."""
