"""The heart: what is opened is closed, newest first, whatever happens."""
