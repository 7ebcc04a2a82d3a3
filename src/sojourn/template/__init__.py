"""Nunjucks templates as people use them, on an engine of our own."""
