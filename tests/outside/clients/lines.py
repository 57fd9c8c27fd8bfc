"""The official Python client (PyPI mcp 2.x) as a hand: one connection, and a call for each line of standard input.

A line is `[tool, arguments]` in JSON; the answer is a line too: `[is_error, text, structured]`. `["", {}]` lists the tools' names.
"""

import asyncio
import json
import os
import sys

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def answered(client: Client, tool: str, arguments: dict) -> list:
    if not tool:
        return [False, ",".join(tool.name for tool in (await client.list_tools()).tools), None]
    result = await client.call_tool(tool, arguments)
    text = "".join(getattr(content, "text", "") for content in result.content)
    return [bool(result.is_error), text, result.structured_content]


async def main() -> None:
    env = os.environ
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {env['TOKEN']}"})
    async with http, Client(streamable_http_client(env["URL"], http_client=http), mode=env["MODE"]) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answered(client, *json.loads(line))), flush=True)


asyncio.run(main())
