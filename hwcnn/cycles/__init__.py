"""The cycle model: when each instruction of a program starts and ends."""
