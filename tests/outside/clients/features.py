"""The official Python client (PyPI mcp 2.x) goes through everything that a server offers, and checks what it sees.

TARGET is JSON: {"url", "transport", "token"} or {"command", "args", "env", "cwd"}.  MODE is legacy or modern, PROFILE
names the checks (one of those at the end), PREFIX stands before every name of a tool and prompt, WORK is a directory
that the server may use.  Prints a line of JSON for each check, and ends with 0 when all were run, whatever they found.
"""

import asyncio
import base64
import inspect
import json
import os
import pathlib
import time
import warnings
from typing import Any

import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

# Sampling, roots and logging are deprecated, and tested all the same.
warnings.simplefilter("ignore")

MODES = {"legacy": "legacy", "modern": "2026-07-28"}
# Seconds that one check may take.
WITHIN = 20


class Wrong(Exception):
    """What a check found, in a sentence."""


def same(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise Wrong(f"{what}: expected {expected!r}, got {actual!r}")


def holds(what: str, part: object, whole: Any) -> None:
    if part not in whole:
        raise Wrong(f"{what}: expected {part!r} in {whole!r}")


class Visit:
    """One connected client, what it was asked, and what it was told."""

    def __init__(self, mode: str, prefix: str, work: pathlib.Path):
        self.mode, self.prefix, self.work = mode, prefix, work
        self.asked: list[Any] = []
        self.logs: list[Any] = []
        self.told: list[Any] = []
        self.elicited = types.ElicitResult(action="accept", content={})
        self.client: Client

    async def on_elicitation(self, _, params):
        self.asked.append(params)
        return self.elicited

    async def on_sampling(self, _, params):
        self.asked.append(params)
        text = types.TextContent(type="text", text="the model says so")
        return types.CreateMessageResult(role="assistant", content=text, model="a-model", stop_reason="endTurn")

    async def on_roots(self, _):
        return types.ListRootsResult(roots=[types.Root(uri=self.work.as_uri(), name="work")])

    async def on_log(self, params):
        self.logs.append(params)

    async def on_message(self, message):
        self.told.append(message)

    def heard(self, kind: str) -> bool:
        return any(type(message).__name__ == kind for message in self.told)

    async def call(self, tool: str, arguments: dict | None = None, progress=None):
        return await self.client.call_tool(self.prefix + tool, arguments or {}, progress_callback=progress)

    async def text(self, tool: str, arguments: dict | None = None) -> str:
        """What a tool that has to succeed says."""
        found = await self.call(tool, arguments)
        said = "".join(getattr(block, "text", "") for block in found.content)
        if found.is_error:
            raise Wrong(f"{tool} failed: {said}")
        return said

    async def found(self, tools: list[str]) -> None:
        """Looks for tools by their names."""
        for tool in tools:
            asked = {"query": tool, "max_results": 20}
            answer = await self.client.call_tool("mcp_tool_search", asked)
            found = [one["name"] for one in answer.structured_content["tools"]]
            holds("what is found", self.prefix + tool, found)

    async def names(self, listing) -> list[str]:
        """Every name of a listing, over all its pages."""
        found, cursor = [], None
        while True:
            page = await listing(cursor=cursor)
            found += page.tools if hasattr(page, "tools") else page.prompts
            cursor = page.next_cursor
            if not cursor:
                return [one.name for one in found]

    async def tool(self, name: str):
        page = await self.client.list_tools()
        return next(tool for tool in page.tools if tool.name == self.prefix + name)

    async def uris(self) -> list[str]:
        return [str(resource.uri) for resource in (await self.client.list_resources()).resources]


async def until(what: str, condition, within: float = 5.0) -> None:
    """Waits for something that comes by itself; the condition may have to ask for it."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        if time.monotonic() > end:
            raise Wrong(f"{what} did not happen within {within} s")
        await asyncio.sleep(0.02)


def listed(*expected: str):
    async def tools_are_listed(visit: Visit) -> None:
        names = await visit.names(visit.client.list_tools)
        missing = [name for name in expected if visit.prefix + name not in names]
        if "mcp_tool_search" in names:
            # Many tools: those that are not listed are found, and listed from then on.
            await visit.found(missing)
            names = await visit.names(visit.client.list_tools)
            missing = [name for name in expected if visit.prefix + name not in names]
        same("tools that are not listed", [], missing)
        same("names listed twice", len(set(names)), len(names))

    return tools_are_listed


# The fixtures of tests/outside/fixtures.


async def schema_arrives_whole(visit: Visit) -> None:
    schema = (await visit.tool("json_schema_2020_12_tool")).input_schema
    for keyword in ("$schema", "$defs", "allOf", "if", "then", "else", "additionalProperties"):
        holds("keywords of the schema", keyword, schema)
    same("$anchor", "addressDef", schema["$defs"]["address"]["$anchor"])


async def call_answers(visit: Visit) -> None:
    found = await visit.call("add", {"a": 2, "b": 3.5})
    same("structured content", {"sum": 5.5}, found.structured_content)
    holds("text", "5.5", found.content[0].text)


async def big_numbers_survive(visit: Visit) -> None:
    holds("text", "12345678901234567890123", await visit.text("echo", {"value": 12345678901234567890123}))


async def every_kind_of_content_arrives(visit: Visit) -> None:
    image = (await visit.call("test_image_content")).content
    same("start of the image", b"\x89PNG", base64.b64decode(_of(image, "image").data)[:4])
    audio = (await visit.call("test_audio_content")).content
    same("start of the audio", b"RIFF", base64.b64decode(_of(audio, "audio").data)[:4])
    mixed = (await visit.call("test_multiple_content_types")).content
    same("URI of the resource", "test://mixed-content-resource", str(_of(mixed, "resource").resource.uri))


def _of(blocks: list, kind: str):
    found = [block for block in blocks if block.type == kind]
    if not found:
        raise Wrong(f"expected a block of type {kind}, got {[block.type for block in blocks]}")
    return found[0]


async def error_of_a_tool_is_a_result(visit: Visit) -> None:
    found = await visit.call("test_error_handling")
    same("is_error", True, found.is_error)
    holds("text", "intentionally returns an error", "".join(getattr(b, "text", "") for b in found.content))


async def unknown_tool_is_refused(visit: Visit) -> None:
    try:
        await visit.call("no_such_tool")
    except MCPError as error:
        same("code", -32602, error.code)
        return
    raise Wrong("a tool that does not exist was called")


def unmarked(text: str) -> str:
    """A text without the marks that `/mcp` puts around what is not trusted."""
    if not text.startswith("<<<EXTERNAL_UNTRUSTED_CONTENT>>>"):
        return text
    return text.split("\n---\n", 1)[1].split("\n[REMINDER: ", 1)[0]


async def resources_are_read(visit: Visit) -> None:
    holds("resources", "test://static-text", await visit.uris())
    templates = (await visit.client.list_resource_templates()).resource_templates
    holds("templates", "test://template/{id}/data", [str(one.uri_template) for one in templates])
    text = (await visit.client.read_resource("test://static-text")).contents[0]
    same("text", "This is the content of the static text resource.", unmarked(text.text))
    blob = (await visit.client.read_resource("test://static-binary")).contents[0]
    same("start of the blob", b"\x89PNG", base64.b64decode(blob.blob)[:4])
    made = (await visit.client.read_resource("test://template/42/data")).contents[0]
    same("data", {"id": "42", "templateTest": True, "data": "Data for ID: 42"}, json.loads(unmarked(made.text)))


async def missing_resource_is_an_error(visit: Visit) -> None:
    try:
        await visit.client.read_resource("test://nonexistent-resource-for-conformance-testing")
    except MCPError as error:
        holds("code", error.code, (-32602,) if visit.mode == "modern" else (-32602, -32002))
        return
    raise Wrong("a resource that does not exist was read")


async def prompts_are_got(visit: Visit) -> None:
    holds("prompts", visit.prefix + "test_simple_prompt", await visit.names(visit.client.list_prompts))
    given = {"arg1": "hello", "arg2": "world"}
    found = await visit.client.get_prompt(visit.prefix + "test_prompt_with_arguments", given)
    holds("text", "Prompt with arguments: arg1='hello', arg2='world'", found.messages[0].content.text)
    name = visit.prefix + "test_prompt_with_embedded_resource"
    found = await visit.client.get_prompt(name, {"resourceUri": "test://some/thing"})
    same("URI", "test://some/thing", str(found.messages[0].content.resource.uri))


async def completion_suggests(visit: Visit) -> None:
    ref = types.PromptReference(type="ref/prompt", name=visit.prefix + "test_prompt_with_arguments")
    found = await visit.client.complete(ref, {"name": "arg1", "value": "par"})
    same("values", ["paris", "park", "party"], found.completion.values)


async def progress_arrives(visit: Visit) -> None:
    seen = []

    async def progress(done, total, _):
        seen.append((done, total))

    await visit.call("test_tool_with_progress", progress=progress)
    same("progress", [(0, 100), (50, 100), (100, 100)], seen)


async def log_messages_arrive(visit: Visit) -> None:
    visit.logs.clear()
    if visit.mode == "legacy":
        await visit.client.set_logging_level("info")
    await visit.text("test_tool_with_logging")
    await until("three log messages", lambda: len(visit.logs) >= 3)
    said = ["Tool execution started", "Tool processing data", "Tool execution completed"]
    same("messages", said, [log.data for log in visit.logs])


async def cancellation_reaches_the_server(visit: Visit) -> None:
    async def stalls() -> dict:
        said = await visit.text("stalled")
        return json.loads(said[said.index("{") : said.rindex("}") + 1])

    before = await stalls()
    begun = asyncio.Event()

    async def progress(*_):
        begun.set()

    calling = asyncio.create_task(visit.call("stall", {"seconds": 60}, progress=progress))
    await asyncio.wait_for(begun.wait(), 5)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)

    async def cancelled() -> bool:
        return (await stalls())["cancelled"] == before["cancelled"] + 1

    await until("the cancellation", cancelled)


async def sampling_passes(visit: Visit) -> None:
    visit.asked.clear()
    holds("text", "LLM response: the model says so", await visit.text("test_sampling", {"prompt": "What is it?"}))
    same("prompt", "What is it?", visit.asked[0].messages[0].content.text)


async def elicitation_passes(visit: Visit) -> None:
    visit.asked.clear()
    visit.elicited = types.ElicitResult(action="accept", content={"username": "ada", "email": "ada@example.com"})
    said = await visit.text("test_elicitation", {"message": "Who are you?"})
    same("message", "Who are you?", visit.asked[0].message)
    same("required", ["username", "email"], visit.asked[0].requested_schema["required"])
    for part in ("action=accept", '"username":"ada"'):
        holds("text", part, said)
    visit.elicited = types.ElicitResult(action="decline")
    holds("text", "action=decline", await visit.text("test_elicitation", {"message": "Who are you?"}))


async def roots_pass(visit: Visit) -> None:
    holds("text", visit.work.as_uri(), await visit.text("list_roots"))


async def several_questions_at_once(visit: Visit) -> None:
    visit.elicited = types.ElicitResult(action="accept", content={"name": "Ada"})
    said = await visit.text("test_input_required_result_multiple_inputs")
    holds("text", "the model says so Ada, 1 roots", said)


async def several_rounds(visit: Visit) -> None:
    visit.elicited = types.ElicitResult(action="accept", content={"name": "Ada", "color": "blue"})
    holds("text", "Ada likes blue", await visit.text("test_input_required_result_multi_round"))


async def prompt_that_asks(visit: Visit) -> None:
    visit.elicited = types.ElicitResult(action="accept", content={"context": "a test"})
    found = await visit.client.get_prompt(visit.prefix + "test_input_required_result_prompt")
    holds("text", "Context: a test", found.messages[0].content.text)


async def changed_list_is_told(visit: Visit) -> None:
    if visit.mode == "modern":
        async with visit.client.listen(prompts_list_changed=True) as events:
            await visit.text("test_trigger_prompt_change")
            event = await asyncio.wait_for(anext(aiter(events)), 5)
            same("event", "PromptsListChanged", type(event).__name__)
    else:
        await visit.text("test_trigger_prompt_change")
        await until("the notice", lambda: visit.heard("PromptListChangedNotification"))
    await visit.text("test_trigger_prompt_change")


async def changed_resource_is_told(visit: Visit) -> None:
    uri = "test://watched-resource"
    if visit.mode == "modern":
        async with visit.client.listen(resource_subscriptions=[uri]) as events:
            await visit.text("touch_watched_resource")
            event = await asyncio.wait_for(anext(aiter(events)), 5)
            same("URI", uri, str(event.uri))
        return
    await visit.client.subscribe_resource(uri)
    await visit.text("touch_watched_resource")
    await until("the notice", lambda: visit.heard("ResourceUpdatedNotification"))
    await visit.client.unsubscribe_resource(uri)


# npm server-everything.


async def everything_adds(visit: Visit) -> None:
    holds("text", "The sum of 2 and 3 is 5", await visit.text("get-sum", {"a": 2, "b": 3}))
    holds("text", "Hello", await visit.text("echo", {"message": "Hello"}))


async def everything_has_structured_content(visit: Visit) -> None:
    found = await visit.call("get-structured-content", {"location": "New York"})
    same("keys", {"temperature", "conditions", "humidity"}, set(found.structured_content))


async def everything_shows_an_image(visit: Visit) -> None:
    image = _of((await visit.call("get-tiny-image")).content, "image")
    same("start of the image", b"\x89PNG", base64.b64decode(image.data)[:4])


async def everything_has_resources(visit: Visit) -> None:
    uris = await visit.uris()
    holds("resources", "demo://resource/static/document/features.md", uris)
    document = (await visit.client.read_resource("demo://resource/static/document/features.md")).contents[0]
    holds("text", "Everything Server - Features", document.text)
    dynamic = (await visit.client.read_resource("demo://resource/dynamic/text/7")).contents[0]
    holds("text", "7", dynamic.text)


async def everything_has_prompts(visit: Visit) -> None:
    names = await visit.names(visit.client.list_prompts)
    holds("prompts", visit.prefix + "args-prompt", names)
    found = await visit.client.get_prompt(visit.prefix + "args-prompt", {"city": "Ghent"})
    holds("text", "Ghent", found.messages[0].content.text)
    ref = types.PromptReference(type="ref/prompt", name=visit.prefix + "completable-prompt")
    completed = await visit.client.complete(ref, {"name": "department", "value": "E"})
    holds("values", "Engineering", completed.completion.values)


async def everything_reports_progress(visit: Visit) -> None:
    seen = []

    async def progress(done, total, _):
        seen.append((done, total))

    await visit.call("trigger-long-running-operation", {"duration": 0.4, "steps": 4}, progress)
    same("progress", [(1, 4), (2, 4), (3, 4), (4, 4)], seen)


async def everything_stops_when_cancelled(visit: Visit) -> None:
    """It does not listen for cancellation: what counts is that the client is free and the server still there."""
    begun = asyncio.Event()

    async def progress(*_):
        begun.set()

    arguments = {"duration": 3, "steps": 30}
    calling = asyncio.create_task(visit.call("trigger-long-running-operation", arguments, progress))
    await asyncio.wait_for(begun.wait(), 5)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await everything_adds(visit)


async def everything_samples(visit: Visit) -> None:
    said = await visit.text("trigger-sampling-request", {"prompt": "What is it?", "maxTokens": 20})
    holds("text", "the model says so", said)


async def everything_elicits(visit: Visit) -> None:
    visit.asked.clear()
    visit.elicited = types.ElicitResult(action="accept", content={"name": "Ada", "check": True})
    holds("text", "Ada", await visit.text("trigger-elicitation-request"))
    holds("properties asked for", "name", visit.asked[0].requested_schema["properties"])


async def everything_has_roots(visit: Visit) -> None:
    holds("text", visit.work.as_uri(), await visit.text("get-roots-list"))


# npm server-filesystem.


async def filesystem_writes_and_reads(visit: Visit) -> None:
    file = visit.work / "notes.txt"
    await visit.text("write_file", {"path": str(file), "content": "first line\nsecond line\n"})
    same("what is on disk", "first line\nsecond line\n", file.read_text())
    holds("text", "second line", await visit.text("read_text_file", {"path": str(file)}))
    holds("text", "notes.txt", await visit.text("list_directory", {"path": str(visit.work)}))


async def filesystem_stays_inside(visit: Visit) -> None:
    found = await visit.call("read_text_file", {"path": "/etc/passwd"})
    same("is_error", True, found.is_error)


# PyPI mcp-server-time and mcp-server-git.


async def time_converts(visit: Visit) -> None:
    given = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    holds("text", "21:00:00+09:00", await visit.text("convert_time", given))
    holds("text", '"timezone"', await visit.text("get_current_time", {"timezone": "Europe/Brussels"}))


async def time_refuses_nonsense(visit: Visit) -> None:
    found = await visit.call("get_current_time", {"timezone": "Nowhere/Nothing"})
    same("is_error", True, found.is_error)


async def git_shows_the_log(visit: Visit) -> None:
    repository = {"repo_path": str(visit.work / "repository")}
    holds("text", "the first commit", await visit.text("git_log", repository))
    holds("text", "nothing to commit", await visit.text("git_status", repository))


async def git_shows_a_change(visit: Visit) -> None:
    repository = visit.work / "repository"
    (repository / "file.txt").write_text("changed\n")
    holds("text", "+changed", await visit.text("git_diff_unstaged", {"repo_path": str(repository)}))
    (repository / "file.txt").write_text("as it was\n")


# The fixture on crate rmcp. The tasks themselves are the conformance suite's.


async def rmcp_answers(visit: Visit) -> None:
    holds("text", "Hello, Ada!", await visit.text("greet", {"name": "Ada"}))


async def rmcp_makes_no_task_for_who_cannot_follow_it(visit: Visit) -> None:
    holds("text", "Computed it", await visit.text("slow_compute", {"seconds": 60, "label": "it"}))


PROFILES = {
    "fixture": [
        listed("test_simple_text", "test_sampling", "json_schema_2020_12_tool", "add", "stall"),
        schema_arrives_whole,
        call_answers,
        big_numbers_survive,
        every_kind_of_content_arrives,
        error_of_a_tool_is_a_result,
        unknown_tool_is_refused,
        resources_are_read,
        missing_resource_is_an_error,
        prompts_are_got,
        completion_suggests,
        progress_arrives,
        log_messages_arrive,
        cancellation_reaches_the_server,
        sampling_passes,
        elicitation_passes,
        roots_pass,
        several_questions_at_once,
        several_rounds,
        prompt_that_asks,
        changed_list_is_told,
        changed_resource_is_told,
    ],
    "everything": [
        listed("echo", "get-sum", "trigger-long-running-operation"),
        everything_adds,
        everything_has_structured_content,
        everything_shows_an_image,
        everything_has_resources,
        everything_has_prompts,
        everything_reports_progress,
        everything_stops_when_cancelled,
        everything_samples,
        everything_elicits,
        everything_has_roots,
    ],
    "filesystem": [
        listed("read_text_file", "write_file", "list_directory", "search_files"),
        filesystem_writes_and_reads,
        filesystem_stays_inside,
    ],
    "rmcp": [listed("greet", "slow_compute"), rmcp_answers, rmcp_makes_no_task_for_who_cannot_follow_it],
    "time": [listed("get_current_time", "convert_time"), time_converts, time_refuses_nonsense],
    "git": [listed("git_status", "git_log", "git_diff_unstaged"), git_shows_the_log, git_shows_a_change],
}


def transport(target: dict):
    if "command" in target:
        given = {key: target[key] for key in ("command", "args", "env", "cwd") if key in target}
        return StdioServerParameters(**given)
    headers = {"Authorization": f"Bearer {target['token']}"} if target.get("token") else {}
    if target.get("transport") == "sse":
        return sse_client(target["url"], headers=headers)
    return streamable_http_client(target["url"], http_client=create_mcp_http_client(headers=headers))


async def main() -> None:
    env = os.environ
    visit = Visit(env["MODE"], env.get("PREFIX", ""), pathlib.Path(env["WORK"]))
    visit.client = Client(
        transport(json.loads(env["TARGET"])),
        mode=MODES[visit.mode],
        read_timeout_seconds=WITHIN,
        sampling_callback=visit.on_sampling,
        elicitation_callback=visit.on_elicitation,
        list_roots_callback=visit.on_roots,
        logging_callback=visit.on_log,
        log_level="info",
        message_handler=visit.on_message,
        cache=None,
    )
    async with visit.client:
        for check in PROFILES[env["PROFILE"]]:
            began = time.monotonic()
            try:
                await asyncio.wait_for(check(visit), WITHIN)
                why = None
            except TimeoutError:
                why = f"not done within {WITHIN} s"
            except Exception as problem:
                why = f"{type(problem).__name__}: {problem}" if not isinstance(problem, Wrong) else str(problem)
            found = {"check": check.__name__, "why": why, "seconds": round(time.monotonic() - began, 2)}
            print(json.dumps(found), flush=True)


asyncio.run(main())
