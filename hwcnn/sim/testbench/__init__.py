"""What runs inside the RTL simulator (memory, clock, host), and how that is built."""
