"""A chat server that remembers what was said over each connection."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve


async def talk(connection):
    name, heard = "", 0
    await connection.recv()  # who it is
    async for message in connection:
        said, heard = json.loads(message)["say"], heard + 1
        if said.startswith("My name is "):
            name = said.removeprefix("My name is ")
            answer = f"Hello {name}"
        elif said == "Who am I?":
            answer = f"You are {name}" if name else "I do not know"
        else:
            answer = f"I have heard {heard} things"
        await connection.send(json.dumps({"answer": answer}))


async def main():
    async with serve(talk, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
