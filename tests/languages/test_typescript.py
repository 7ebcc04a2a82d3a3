from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import CodeError
from sojourn.languages.process import host_file
from sojourn.languages.runner import CodeRunner, command
from sojourn.model.reference import Reference

LOADING = """
const nodeModule = require('node:module');
nodeModule.registerHooks = undefined;
const [script, file] = process.argv.slice(1);
try {
  require(script).prepare(file);
  console.log(require(file)(1));
} catch (error) {
  console.log(error.message);
}
"""

TSCONFIGS = [
    "",
    "[]",
    "{",
    '{"extends": "./tsconfig", "compilerOptions": null}',
    '{"extends": ["./absent", 5], "compilerOptions": {"paths": {"y": []}, "baseUrl": 5}}',
    '{"compilerOptions": {"paths": {"nowhere-*": [null, "./*"], "*": "absent/*"}}}',
]


async def called(path: Path, name: str, *arguments: Any) -> Any:
    """Call a function of a file in a process of its own."""
    code = CodeRunner(dict(os.environ), lambda _text: None)
    reference = Reference.parse(f"file://{path}:{name}", base=str(path.parent), role="transform")
    assert reference is not None
    try:
        return (await code.call(reference, *arguments)).value
    finally:
        await code.close()


def test_types_are_taken_away(tmp_path: Path) -> None:
    """Types, enums and parameter properties, and imports of other files by a name without its ending."""
    (tmp_path / "kind.ts").write_text("export enum Kind { A = 'a' }\nexport type Named = { name: string };\n")
    (tmp_path / "box.cts").write_text("class Box { constructor(readonly of: string) {} }\nmodule.exports = { Box };\n")
    text = (
        "import type { Nothing } from 'nowhere';\nimport { Kind, type Named } from './kind';\n"
        "import boxes from './box.cjs';\n"
        "export const told = (named: Named): string => Kind.A + (named as Named).name + new boxes.Box('b').of;\n"
    )
    (tmp_path / "x.ts").write_text(text)
    assert asyncio.run(called(tmp_path / "x.ts", "told", {"name": "n"})) == "anb"


@pytest.mark.parametrize(
    ("esbuild", "said"),
    [
        ("exports.transformSync = (text) => ({ code: text.replace(': number', '') });", "3"),
        ("", "TypeScript needs Node.js 22.15 or newer"),
    ],
)
def test_an_old_node_uses_the_suites_esbuild(tmp_path: Path, esbuild: str, said: str) -> None:
    """A Node.js that cannot take types away has esbuild do it, aliases and all; without one it says what to install."""
    package = tmp_path / "node_modules" / "esbuild"
    if esbuild:
        package.mkdir(parents=True)
        (package / "index.js").write_text(esbuild)
    (tmp_path / "tsconfig.json").write_text('{"compilerOptions": {"paths": {"@one": ["./one"]}}}')
    (tmp_path / "one.ts").write_text("exports.one = 2;")
    (tmp_path / "x.ts").write_text("const { one } = require('@one');\nmodule.exports = (x: number) => x + one;")
    node = command("javascript", os.environ)[0]
    script = host_file("javascript/typescript.js")
    ran = subprocess.run(
        [node, "-e", LOADING, script, str(tmp_path / "x.ts")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith(said)


def test_names_that_tsconfig_gives_lead_to_files(tmp_path: Path) -> None:
    """`paths` of the nearest tsconfig.json, comments in it and all, and of one that it extends lead to files."""
    (tmp_path / "shared.json").write_text('{"compilerOptions": {"baseUrl": "./src", "paths": {"@/*": ["./*"]}}}')
    (tmp_path / "tsconfig.json").write_text('{\n  // for all\n  "extends": "./shared", /* "x": */\n}')
    (tmp_path / "src/parts").mkdir(parents=True)
    (tmp_path / "src/kinds.ts").write_text("export enum Kind { A = 'a' }\n")
    (tmp_path / "src/parts/index.ts").write_text("import { Kind } from '@/kinds';\nexport const part = Kind.A + 'p';\n")
    imports = "import { part } from 'parts';\nimport { Kind } from '@/kinds';\n"
    text = imports + "export const told = (x: string) => part + Kind.A + x;\n"
    (tmp_path / "x.ts").write_text(text)
    assert asyncio.run(called(tmp_path / "x.ts", "told", "!")) == "apa!"


@pytest.mark.parametrize("tsconfig", TSCONFIGS)
def test_a_name_that_leads_nowhere_is_told_as_it_was_written(tmp_path: Path, tsconfig: str) -> None:
    """Whatever the tsconfig.json is like, a name that it does not give is a package that is not there."""
    (tmp_path / "tsconfig.json").write_text(tsconfig)
    (tmp_path / "x.ts").write_text("import { y } from 'nowhere-at-all';\nexport const told = () => y;\n")
    with pytest.raises(CodeError, match="Cannot find package 'nowhere-at-all'"):
        asyncio.run(called(tmp_path / "x.ts", "told"))


def test_a_name_of_tsconfig_goes_before_a_package(tmp_path: Path) -> None:
    """As TypeScript reads it: what `paths` gives a suite's file is meant, though a package has the name too."""
    (tmp_path / "tsconfig.json").write_text('{"compilerOptions": {"paths": {"lib": ["./src/lib.ts"]}}}')
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.ts").write_text("export const told = 'ours';\n")
    (tmp_path / "node_modules/lib").mkdir(parents=True)
    (tmp_path / "node_modules/lib/index.js").write_text("exports.told = 'package';\n")
    (tmp_path / "x.ts").write_text("import { told } from 'lib';\nexport const say = (x: string) => told + x;\n")
    assert asyncio.run(called(tmp_path / "x.ts", "say", "!")) == "ours!"


def test_an_import_that_a_neighbour_does_not_export_is_told_by_its_name(tmp_path: Path) -> None:
    """The mistake is the suite's, and the message says so, not that Node.js is broken."""
    (tmp_path / "part.ts").write_text("export const there = 1;\n")
    (tmp_path / "x.ts").write_text("import { missing } from './part';\nexport const told = () => missing;\n")
    with pytest.raises(CodeError, match="missing"):
        asyncio.run(called(tmp_path / "x.ts", "told"))


def test_an_answer_whose_raw_holds_a_circle_keeps_its_output(tmp_path: Path) -> None:
    """A client's whole response leads back to itself, and `output` is a part of it: each is told as far as it goes."""
    text = "const response = { data: { said: 'hi' } };\nresponse.self = response;\n"
    (tmp_path / "x.js").write_text(text + "exports.ask = () => ({ raw: response, output: response.data });\n")
    assert asyncio.run(called(tmp_path / "x.js", "ask")) == {"raw": {"data": {"said": "hi"}}, "output": {"said": "hi"}}
