"""Three kinds of session, each opened inside the one above it; all write down what happens to them."""

import itertools
import os
import tempfile

LOG = os.path.join(tempfile.gettempdir(), "order.log")  # private to this run, as all its temporary files
number = {"workspace": itertools.count(1), "thread": itertools.count(1)}
open(LOG, "w").close()


def note(what, depth, name):
    with open(LOG, "a") as log:
        log.write(f"{what:5}  {'  ' * depth}{name}\n")


async def account(config):
    if os.environ.get("REFUSE"):
        raise PermissionError("the account is locked")
    name = f"account {config['user']}"
    note("open", 0, name)
    yield {"name": name, "path": name}
    note("close", 0, name)


async def workspace(account):
    name = f"workspace {next(number['workspace'])}"
    note("open", 1, f"{name} in {account['name']}")
    yield {"name": name, "path": f"{account['path']} / {name}"}
    note("close", 1, f"{name} in {account['name']}")


async def thread(workspace):
    name = f"thread {next(number['thread'])}"
    note("open", 2, f"{name} in {workspace['name']}")
    yield {"name": name, "path": f"{workspace['path']} / {name}", "messages": []}
    note("close", 2, f"{name} in {workspace['name']}")


def afterAll(context, call):
    """Show the log, and check it: inside its parent, after its children, and everything closed."""
    with open(LOG) as log:
        lines = log.read().splitlines()
    print("\n".join(lines))
    is_open = {}  # name to parent
    for line in lines:
        what, _, rest = line.partition(" ")
        name, _, parent = rest.strip().partition(" in ")
        if what == "open":
            assert not parent or parent in is_open, f"{name} was opened outside {parent}"
            is_open[name] = parent
        else:
            del is_open[name]
            assert name not in is_open.values(), f"{name} was closed before what was in it"
    assert not is_open, f"still open: {is_open}"
