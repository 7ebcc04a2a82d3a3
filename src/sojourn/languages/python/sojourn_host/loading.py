"""From a definition to a user's function: each file is one module, however it is reached."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
import textwrap
from typing import Any

DEFAULT_NAMES = {
    "provider": "call_api",
    "hook": "get_transform",
    "assertion": "get_assert",
    "transform": "get_transform",
    "transform_vars": "get_transform",
    "context_transform": "get_transform",
    "tests": "generate_tests",
    "variable": "get_var",
    "config": "get_config",
    "value": "get_assert",
    "prompt": "get_prompt",
    "scoring": "func",
    "request": "get_transform",
    "response": "get_transform",
    "parser": "get_transform",
    "status": "get_transform",
    "stream": "get_transform",
    "page": "get_transform",
    "tool": "call_tool",
}
PARAMETERS = {
    "assertion": ("output", "context"),
    "transform": ("output", "context"),
    "transform_vars": ("vars", "context"),
    "context_transform": ("output", "context"),
}


class UnanswerableError(Exception):
    """The call cannot be made or its answer cannot be sent; the text is for the user, `known` what there is instead."""

    def __init__(self, what: str, known: list[str] | None = None) -> None:
        super().__init__(what)
        self.known = known or []


class Loader:
    """From a definition to a function; each file is one module, however it is reached."""

    def __init__(self) -> None:
        self._functions: dict[int, Any] = {}

    def known(self, ref: int) -> Any:
        """Return the function if it is loaded already."""
        return self._functions.get(ref)

    def load(self, ref: int, definition: dict[str, str]) -> Any:
        """Load the function that a definition names."""
        self._functions[ref] = function = found(definition)
        return function


def found(definition: dict[str, str]) -> Any:
    """Find what a definition means: inline code, a name in an installed module, or one in a user's file."""
    if definition["source"]:
        return inline(definition)
    module = installed(definition["module"]) if definition.get("module") else module_of(definition["path"])
    if definition["role"] == "sessions":
        return module
    function = named(module, definition)
    if definition["role"] == "session":
        for name, package in getattr(function, "requires", {}).items():
            if importlib.util.find_spec(name) is None:
                raise UnanswerableError(f"it needs the Python package {name}: {pip_install(package)}")
    return function


def installed(name: str) -> Any:
    """Import a module by its name; this interpreter may be another than Sojourn's own, and lack it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        where = f"the interpreter that runs the suite's code has no package {package!r}"
        raise UnanswerableError(f"{where}: {pip_install(package)}") from error


def pip_install(package: str) -> str:
    """Say how a package gets to this interpreter."""
    return f"{sys.executable} -m pip install '{package}'"


def module_of(path: str) -> Any:
    """Import a file as the module that its neighbours would import it as."""
    if not os.path.isfile(path):
        raise UnanswerableError(f"there is no file {path}")
    folder, filename = os.path.split(path)
    stem = filename.removesuffix(".py")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found = sys.modules.get(stem)
    if found is None and stem.isidentifier():
        importlib.invalidate_caches()
        spec = importlib.util.find_spec(stem)
        if spec and spec.origin and os.path.realpath(spec.origin) == os.path.realpath(path):
            return importlib.import_module(stem)
    if found is not None and os.path.realpath(getattr(found, "__file__", None) or "") == os.path.realpath(path):
        return found
    return load_apart(path)


def load_apart(path: str) -> Any:
    """Load a file whose natural module name is taken by another module."""
    stem = os.path.basename(path).removesuffix(".py").replace(".", "_").replace("-", "_")
    name = f"sojourn_user_{hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}_{stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnanswerableError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def named(module: Any, definition: dict[str, str]) -> Any:
    """Find the function, or method (`Class.method`), that the definition names or its role implies."""
    name = definition["name"] or DEFAULT_NAMES.get(definition["role"], "main")
    target: Any = module
    for part in name.split("."):
        if inspect.isclass(target):
            target = target()
        target = getattr(target, part, None)
        if target is None:
            there = [
                n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__
            ]
            file = os.path.basename(definition["path"])
            what = f"{file} has no function {name!r}; it has: {', '.join(sorted(there)) or 'none'}"
            raise UnanswerableError(what, there)
    if not callable(target):
        raise UnanswerableError(f"{name!r} in {definition['path']} is not a function")
    return target


def inline(definition: dict[str, str]) -> Any:
    """Compile inline code: one line is an expression, several lines are a body that returns."""
    names = PARAMETERS.get(definition["role"], ("output", "context"))
    source = textwrap.dedent(definition["source"]).strip()
    body = source if "\n" in definition["source"] else f"return (\n{source}\n)"  # a comment may end it
    text = f"def inline({', '.join(names)}):\n" + textwrap.indent(body, "    ")
    scope: dict[str, Any] = {"json": json, "os": os, "sys": sys, "__name__": "sojourn_inline"}
    exec(compile(text, "<inline python>", "exec"), scope)  # noqa: S102  the suite's author wrote this code to be run
    return scope["inline"]
