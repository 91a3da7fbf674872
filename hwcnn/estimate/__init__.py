"""How fast an accelerator is, and what it takes of an FPGA."""
