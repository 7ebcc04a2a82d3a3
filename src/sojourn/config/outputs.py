"""`--model-outputs`: answers that exist already become tests of their own, judged by `--assertions`."""

from __future__ import annotations

from typing import Any

from sojourn.config.expect import Mismatch
from sojourn.config.files import parse_data, parse_json, read_text, resolve
from sojourn.config.findings import COMMAND_LINE
from sojourn.config.flags import Flags
from sojourn.config.reading import Reading
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict


def with_model_outputs(config: JsonDict, flags: Flags, reading: Reading) -> JsonDict:
    """Return the configuration with echo, `{{output}}` and a test for each output."""
    if not (flags.assertions and flags.model_outputs):
        reading.findings.wrong("--assertions and --model-outputs go together: name both", COMMAND_LINE)
        return config
    try:
        asserts = _assertions(flags.assertions, reading)
        outputs = _outputs(flags.model_outputs, reading)
        tests = [{"vars": _vars(output, flags.model_outputs), "assert": asserts} for output in outputs]
    except ConfigError as error:
        reading.findings.problems += error.problems
        return config
    except Mismatch as mismatch:
        reading.findings.mismatch(mismatch, COMMAND_LINE)
        return config
    return {**config, "prompts": ["{{output}}"], "providers": ["echo"], "tests": tests}


def _assertions(path: str, reading: Reading) -> list[Any]:
    full = resolve(path, reading.cwd)
    data = parse_data(read_text(full, path), full if "." in path else full + ".yaml", path)
    if not isinstance(data, list) or not data:
        raise Mismatch(f"{path} must hold a list of assertions")
    return data


def _outputs(path: str, reading: Reading) -> list[Any]:
    data = parse_json(read_text(resolve(path, reading.cwd), path), path)
    if not isinstance(data, list) or not data:
        raise Mismatch(f"{path} must hold a list of outputs")
    return data


def _vars(output: Any, path: str) -> JsonDict:
    if isinstance(output, str):
        return {"output": output}
    if not isinstance(output, dict) or "output" not in output:
        raise Mismatch(f"{path}: an output must be a text, or a mapping with output and tags", got=output)
    tags = output.get("tags")
    return {"output": output["output"]} | ({"tags": ", ".join(map(str, tags))} if isinstance(tags, list) else {})
