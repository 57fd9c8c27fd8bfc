"""The official Python client (PyPI mcp 2.x): lists the tools and calls one.  MODE is legacy, auto or modern."""

import asyncio
import json
import os

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

MODES = {"legacy": "legacy", "auto": "auto", "modern": "2026-07-28"}


def same(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise SystemExit(f"{what}: expected {expected!r}, got {actual!r}")


async def main() -> None:
    env = os.environ
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {env['TOKEN']}"})
    async with http, Client(streamable_http_client(env["URL"], http_client=http), mode=MODES[env["MODE"]]) as client:
        version = client.protocol_version
        tools = await client.list_tools()
        result = await client.call_tool(env["TOOL"], json.loads(env["ARGUMENTS"]))
    # Compared out here, where a failure is one line and not a group of exceptions.
    same("protocol version", "2025-11-25" if env["MODE"] == "legacy" else "2026-07-28", version)
    same("tools", env["TOOLS"].split(","), [tool.name for tool in tools.tools])
    same("result", [("text", env["TEXT"])], [(c.type, getattr(c, "text", None)) for c in result.content])
    same("is_error", False, bool(result.is_error))
    print(f"protocol {version}")


asyncio.run(main())
