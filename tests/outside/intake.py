"""An intake link in a real browser that runs no script: a value goes in, once, and is nowhere else.

Looked through afterwards, byte by byte: the gateway's log at its loudest, its records, every file of its data directory,
every address and header the browser sent, and the browser's whole profile on disk.
"""

import asyncio
import pathlib
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager

import lib

# Not the key: with it a call fails.
STALE = "tst_stale_value_of_the_key_5521"
DEAD = "This link does not work"


class Profile:
    """A browser with a profile of its own on disk, and nothing in it yet."""

    def __init__(self, playwright, chromium: str, folder: pathlib.Path, scheme: str):
        self.playwright, self.chromium, self.folder, self.scheme = playwright, chromium, folder, scheme

    @asynccontextmanager
    async def opened(self):
        context = await self.playwright.chromium.launch_persistent_context(
            self.folder,
            executable_path=self.chromium,
            args=["--no-sandbox"],
            color_scheme=self.scheme,
            java_script_enabled=False,
        )
        try:
            yield context
        finally:
            await context.close()


async def one_round(gateway: lib.Gateway, profile: Profile, eyes_of, pictures, key: str, agent: str) -> None:
    gateway.run("secret", "rotate", "billing-key", stdin=STALE)
    lib.check(not works(gateway, agent), "a call works with a stale key")
    made = gateway.json("secret", "intake", "billing-key")
    link, sent = made["url"], []
    for _ in range(3):
        lib.check(look(link) == 200, "a look at a link uses it up")
    async with profile.opened() as context:
        eyes = eyes_of(context, gateway.admin, pictures)
        context.on("request", lambda request: sent.append(request))
        page = await eyes.page()
        await refused(page, gateway, eyes)
        await stored(page, link, key, eyes)
        await dead_afterwards(page, link, eyes)
        lib.check(not eyes.foreign, f"the pages ask for {eyes.foreign}")
        headers = [str(await request.all_headers()) + request.url for request in sent]
    lib.check(works(gateway, agent), "no call works with the value that was entered")
    lib.check(look(link) == 404, "a used link is not dead")
    token = link.rsplit("/", 1)[1]
    referred = [it for it in headers if token in it.lower().partition("referer")[2].partition(",")[0]]
    lib.check(not referred, f"a link is in a Referer: {referred}")
    lib.check(not any(key in it for it in headers), "the value is in an address or a header")
    nowhere(gateway, profile, key, token)


async def refused(page, gateway: lib.Gateway, eyes) -> None:
    """Links that are none, each answered with the same words."""
    short = gateway.json("secret", "intake", "billing-key", "--ttl", "1s")["url"]
    cancelled = gateway.json("secret", "intake", "billing-key")
    listed = gateway.json("secret", "intake", "--list")["intakes"]
    lib.check(cancelled["id"] in [it["id"] for it in listed], f"the links are {listed}")
    gateway.run("secret", "intake", "--cancel", cancelled["id"])
    wrong = cancelled["url"][:-1] + ("A" if cancelled["url"][-1] != "A" else "B")
    until = time.monotonic() + 20
    while look(short) != 404 and time.monotonic() < until:
        await asyncio.sleep(0.1)
    said = set()
    for name, url in [("expired", short), ("cancelled", cancelled["url"]), ("wrong", wrong)]:
        answer = await page.goto(url)
        lib.check(answer.status == 404, f"the {name} link is answered with {answer.status}")
        said.add(await page.locator("main").inner_text())
        lib.check(await page.locator("input").count() == 0, f"the {name} link has a field")
    lib.check(len(said) == 1 and DEAD in said.pop(), f"the links are told apart: {said}")
    await eyes.look(page, "7-intake-dead")


async def stored(page, link: str, key: str, eyes) -> None:
    await page.goto(link)
    field = page.get_by_label("Value")
    lib.check(await field.get_attribute("type") == "password", "what is typed is shown")
    await eyes.look(page, "8-intake")
    await field.fill("abc")
    await page.get_by_role("button", name="Store it").click()
    lib.check("4 bytes" in await page.get_by_role("alert").inner_text(), "three bytes are taken")
    lib.check(await page.get_by_label("Value").input_value() == "", "a refused value stands in the page")
    await eyes.look(page, "9-intake-refused")
    await page.get_by_label("Value").fill(key)
    await page.get_by_label("Value").press("Enter")
    await page.get_by_role("status").wait_for()
    lib.check(page.url.endswith("/console/intake/done"), f"the page afterwards is {page.url}")
    await eyes.look(page, "10-intake-done")


async def dead_afterwards(page, link: str, eyes) -> None:
    """Back, and the link again: there is nothing to be had, and no value to be seen."""
    from playwright.async_api import Error

    client = await page.context.new_cdp_session(page)
    history = await client.send("Page.getNavigationHistory")
    lib.check(history["entries"][-1]["url"].endswith("/done"), f"the history is {history}")
    # The page before was the answer to a form and is stored nowhere: the browser has nothing to show.
    try:
        await page.go_back()
    except Error as error:
        lib.check("ERR_CACHE_MISS" in str(error), f"back leads to {error}")
    lib.check(await page.locator("input").count() == 0, "back leads to a form")
    other = await eyes.page()
    answer = await other.goto(link)
    lib.check(answer.status == 404 and DEAD in await other.content(), "the link opens again")


def works(gateway: lib.Gateway, agent: str) -> bool:
    client = lib.Client(gateway.listen, agent, "/servers/billing/mcp")
    return lib.succeeded(*client.call("get_invoice", number="INV-7"))


def look(url: str) -> int:
    """What a chat does with an address that somebody sends."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def nowhere(gateway: lib.Gateway, profile: Profile, key: str, token: str) -> None:
    """Neither the value nor what opens the link stands in anything that was written."""
    written = [gateway.log, *files(gateway.data)]
    for file in written:
        content = file.read_bytes()
        lib.check(key.encode() not in content, f"the value stands in {file}")
        lib.check(token.encode() not in content, f"the link stands in {file}")
    for file in files(profile.folder):
        content = file.read_bytes()
        lib.check(key.encode() not in content, f"the value stands in {file}")
        lib.check(key.encode("utf-16-le") not in content, f"the value stands in {file}")
    history = profile.folder / "Default/History"
    lib.check(b"console/intake" in history.read_bytes(), "the browser has no history, so the search says nothing")
    last = [it for it in gateway.records() if it.get("action") == "secret.set"][-1]
    lib.check(last["subject"] == "secret:billing-key" and "intake" in str(last["detail"]), f"the record: {last}")


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    return [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
