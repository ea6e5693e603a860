"""Whether the deployment lets the tools do what their files say: variables, allowed hosts, and, live, the hosts and MCP
servers themselves."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.content.faults import Fault
from app.content.page import Page
from app.tools.contract import Tool, ToolFailed
from app.tools.http_tool import HttpTool
from app.tools.library import Code
from app.tools.mcp_link import Link, reason
from app.tools.mcp_page import PIN, SERVERS, Lock, Pinned, ServerPage, read_servers, variables_of
from app.tools.web import Web

HANDSHAKE_S = 5.0


def deployment_faults(tools: Iterable[Tool], web: Web) -> list[Fault]:
    """What the environment lacks. Nothing is sent."""
    found = []
    for tool in tools:
        if not isinstance(tool, HttpTool):
            continue
        if (problem := web.host_problem(tool.spec.url)) is not None:
            found.append(tool.page.fault(("url",), *problem))
        for name, path in tool.variables.items():
            if (problem := web.variable_problem(name, tool.host)) is not None:
                found.append(tool.page.fault(path, *problem))
    return sorted(found)


async def live_faults(tools: Iterable[Tool], web: Web) -> list[Fault]:
    """Hosts that have no public address, or with which no connection (TLS and its certificate) can be made. No request
    is sent."""
    http = [tool for tool in tools if isinstance(tool, HttpTool)]
    problems = await asyncio.gather(*(_problem(tool, web) for tool in http))
    fix = "Check the name, and that this machine reaches it"
    return sorted(
        tool.page.fault(("url",), problem, fix) for tool, problem in zip(http, problems, strict=True) if problem
    )


async def _problem(tool: HttpTool, web: Web) -> str | None:
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            await web.shake_hands(tool.spec.url)
    except ToolFailed as error:
        return str(error)
    except TimeoutError:
        return f"{tool.host} does not answer within {HANDSHAKE_S:g} s"
    except OSError as error:
        return f"{tool.host}: {error.strerror or type(error).__name__}"
    return None


# --- MCP servers ------------------------------------------------------------------------------------------------------


def server_faults(code: Code, web: Web) -> list[Fault]:
    """What the environment lacks for the MCP servers. Nothing is started or sent."""
    if not code.servers:
        return []
    page, _ = read_servers(code.sources[SERVERS])
    return sorted(fault for name, server in code.servers.items() for fault in _lacking(name, server, page, web))


def _lacking(name: str, server: ServerPage, page: Page, web: Web) -> Iterator[Fault]:
    base = ("servers", name)
    if server.url and (problem := web.host_problem(server.url)) is not None:
        yield page.fault((*base, "url"), *problem)
    host = urlsplit(server.url).hostname or ""
    for variable in sorted(variables_of(server)):
        if server.url and (problem := web.variable_problem(variable, host)) is not None:
            yield page.fault((*base, "headers"), *problem)
        elif not server.url and not web.has(variable):
            yield page.fault((*base, "env"), f"{variable} is not set", "Set it in the server's environment")


async def live_server_faults(code: Code, web: Web, folder: Path) -> list[Fault]:
    """Connects to every MCP server: those that are away, and what they offer otherwise than pinned."""
    if not code.servers:
        return []
    page, _ = read_servers(code.sources[SERVERS])
    now, faults = await ask_servers(page, code.servers, web, folder)
    for name, tools in now.items():
        for tool, pinned in tools.items():
            if code.lock.get(name, {}).get(tool) != pinned:
                place = ("servers", name, "tools")
                faults.append(page.fault(place, f"{tool} is offered otherwise than pinned", PIN))
    return sorted(faults)


async def ask_servers(
    page: Page, servers: Mapping[str, ServerPage], web: Web, folder: Path
) -> tuple[Lock, list[Fault]]:
    """What the servers of this page say now of the tools that are let in, and what keeps them from it. What a program
    writes to its standard error is shown."""
    lock: dict[str, dict[str, Pinned]] = {}
    faults: list[Fault] = []
    for name, server in servers.items():
        base = ("servers", name)
        try:
            async with Link(name, server, web, folder).connected(sys.__stderr__) as link:
                offers = link.offers
        except Exception as error:
            fix = "Look at what it says of itself, and whether this machine reaches it"
            faults.append(page.fault(base, f"cannot be reached ({reason(error)})", fix))
            continue
        for tool in sorted({*server.tools} - {*offers}):
            there = ", ".join(sorted(offers)) or "nothing"
            faults.append(page.fault((*base, "tools"), f"{name} offers no {tool}", f"It offers {there}"))
        lock[name] = {tool: offers[tool] for tool in server.tools if tool in offers}
    return lock, faults
