"""From the integer IR to a program for one accelerator."""
