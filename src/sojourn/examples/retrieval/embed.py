"""What `similar` asks for the embedding of a text."""

from library import embed


def call_embedding_api(text, options=None, context=None):
    return {"embedding": embed(text)}
