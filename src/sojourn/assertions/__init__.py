"""What is claimed of an answer: one family a file."""
