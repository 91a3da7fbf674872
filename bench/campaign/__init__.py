"""Random networks on random accelerators through every engine: see ``bench/campaign.py``."""
