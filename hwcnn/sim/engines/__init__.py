"""What executes a program: the ISA engine in NumPy, the RTL in a simulator process."""
