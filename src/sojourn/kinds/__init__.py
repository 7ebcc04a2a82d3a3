"""Kinds of session: one file each; a kind is a class with `open` and whatever else it can do.

They live in the run's Python process as users' own do, and so import of Sojourn only nouns and what all connections
share; what is heavy they import when it is needed. `keys` says which configuration a kind knows, `needs` what of it has
to be there, `requires` which modules of which packages it needs, `only_with` which key of its configuration gives it an
ability, `tells` which fields its handle has, where they are always the same.
"""
