"""Users' code runs here and nowhere else: one process a language and run."""
