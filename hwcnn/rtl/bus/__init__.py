"""DRAM: readers and writers, and the AXI4 masters that they share."""
