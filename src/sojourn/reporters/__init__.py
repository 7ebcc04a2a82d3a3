"""What people and tools read afterwards: one file an output format."""
