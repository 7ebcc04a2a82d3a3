"""Kinds of session: one file each; a kind is a class with `open` and whatever else it can do."""
