"""What a network's outputs say, for a person: decoded by its task, and drawn."""
