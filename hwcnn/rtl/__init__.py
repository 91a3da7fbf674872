"""The hardware in Amaranth: the accelerator, an engine a folder, and the way to Verilog."""
