"""PyPI mcp 1.x over HTTP+SSE, the transport of 2024-11-05: lists the tools and calls one."""

import asyncio
import json
import os

from mcp import ClientSession
from mcp.client.sse import sse_client


def same(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise SystemExit(f"{what}: expected {expected!r}, got {actual!r}")


async def main() -> None:
    env = os.environ
    headers = {"Authorization": f"Bearer {env['TOKEN']}"}
    async with sse_client(env["URL"], headers=headers) as streams, ClientSession(*streams) as session:
        agreed = await session.initialize()
        tools = await session.list_tools()
        result = await session.call_tool(env["TOOL"], json.loads(env["ARGUMENTS"]))
    # Compared out here, where a failure is one line and not a group of exceptions.
    same("tools", env["TOOLS"].split(","), [tool.name for tool in tools.tools])
    same("result", [("text", env["TEXT"])], [(c.type, getattr(c, "text", None)) for c in result.content])
    same("isError", False, bool(result.isError))
    print(f"protocol {agreed.protocolVersion}")


asyncio.run(main())
