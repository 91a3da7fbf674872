"""What runs inside the RTL simulator (memory and clock in C++, the host in cocotb), and its build."""
