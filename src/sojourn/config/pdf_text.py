"""PDF files as text."""

from __future__ import annotations

from sojourn.errors import ConfigError


def read_pdf(path: str) -> str:
    """Return the text of every page; raises ConfigError where it cannot be read."""
    try:
        import pypdf
    except ImportError:
        todo = "pip install 'sojourn[pdf]', or save it as text"
        raise ConfigError.of("PDF files need pypdf", file=path, todo=todo) from None
    try:
        pages = pypdf.PdfReader(path).pages
        return "\n".join(page.extract_text() for page in pages).strip()
    except Exception as error:  # noqa: BLE001  a broken file breaks pypdf in many ways
        raise ConfigError.of(f"not a PDF that can be read: {error}", file=path) from None
