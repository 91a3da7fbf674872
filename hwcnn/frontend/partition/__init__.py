"""Which nodes of a network the accelerator runs and which the host, and the network cut into steps
of either.
"""
