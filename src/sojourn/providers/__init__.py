"""What is asked: one file a provider."""
