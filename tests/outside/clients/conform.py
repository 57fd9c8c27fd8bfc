"""The client of the conformance suite's client scenarios: the official Python client (PyPI mcp 2.x).

The suite starts a mock server and appends its URL to the command. With BETWEEN=lanyard the client does not go there
itself: a gateway is started in between, with the mock server behind it, so that the gateway is the suite's client.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import sys
import warnings
from typing import Any

import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import lib  # noqa: E402  (the folder above is not a package)

warnings.simplefilter("ignore")
SCENARIO = os.environ["MCP_CONFORMANCE_SCENARIO"]
CONTEXT = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
MODE: Any = "auto" if os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION") == lib.MODERN else "legacy"


async def on_elicitation(_, params):
    """Accepts, with the default of every field that has one."""
    fields = params.requested_schema.get("properties", {})
    content = {name: schema["default"] for name, schema in fields.items() if "default" in schema}
    return types.ElicitResult(action="accept", content=content or {"confirmed": True})


def arguments_for(tool) -> dict:
    """Something valid for each argument that a tool requires."""
    made = {"string": "us-west1", "integer": 1, "number": 1, "boolean": True, "object": {}, "array": []}
    schema = tool.input_schema
    return {name: made.get(schema["properties"][name].get("type"), "x") for name in schema.get("required", [])}


async def play(client: Client, gateway: lib.Gateway | None) -> None:
    """What the scenario wants its client to do."""
    tools = (await client.list_tools()).tools
    match SCENARIO:
        case "initialize" | "json-schema-ref-no-deref":
            return
        case "tools_call":
            await client.call_tool("add_numbers", {"a": 5, "b": 3})
        case "json-schema-2020-12-preservation":
            focal = next(tool for tool in tools if tool.name == "json_schema_2020_12_tool")
            echo = next(tool for tool in tools if tool.name != focal.name)
            await client.call_tool(echo.name, {"schema": focal.input_schema})
        case "http-custom-headers":
            for call in CONTEXT["toolCalls"]:
                if gateway:
                    # One call has an empty text that is to arrive, the other a null that its tool's schema does not
                    # allow: the gateway takes both for placeholders of a model, or neither.
                    strip = "on" if None in call["arguments"].values() else "off"
                    gateway.run("server", "set", "mock", f"strip_optional_args={strip}")
                await client.call_tool(call["name"], call["arguments"])
        case "http-standard-headers":
            await call_all(client, tools)
            for resource in (await client.list_resources()).resources:
                await client.read_resource(str(resource.uri))
            for prompt in (await client.list_prompts()).prompts:
                await client.get_prompt(prompt.name)
        case _:
            await call_all(client, tools)


async def call_all(client: Client, tools: list) -> None:
    for tool in tools:
        # A tool that is refused is not the end: the suite counts what arrived.
        with contextlib.suppress(MCPError, ValueError):
            await client.call_tool(tool.name, arguments_for(tool))


async def visit(url: str, token: str, gateway: lib.Gateway | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    http = create_mcp_http_client(headers=headers)
    client = Client(
        streamable_http_client(url, http_client=http), mode=MODE, elicitation_callback=on_elicitation, cache=None
    )
    async with http, client:
        await play(client, gateway)


def main() -> None:
    url = sys.argv[-1]
    if os.environ.get("BETWEEN") != "lanyard":
        return asyncio.run(visit(url, "", None))
    with lib.Gateway() as gateway:
        gateway.run("server", "add", "mock", "--url", url)
        token = gateway.add_agent("conformance", ("mock", "*"))
        try:
            asyncio.run(visit(f"{gateway.base}/servers/mock/mcp", token, gateway))
        except BaseException:
            print(gateway.tail(), file=sys.stderr)
            raise


main()
