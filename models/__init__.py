"""Networks that ship with hwcnn, by name."""
