"""A local page that shows stored runs: it looks at the store, and runs nothing."""
