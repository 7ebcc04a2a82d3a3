"""The Python process in which users' code runs. It imports nothing of Sojourn: any interpreter may run it."""
