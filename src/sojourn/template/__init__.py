"""Nunjucks templates as people use them, on Jinja2, sandboxed."""
