"""The Python end of the protocol: a package of its own, which any interpreter may run without Sojourn."""
