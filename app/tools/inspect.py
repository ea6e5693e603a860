"""Whether the deployment lets the tools do what their files say: variables, allowed hosts, and, live, the hosts."""

import asyncio
from collections.abc import Iterable

from app.content.faults import Fault
from app.tools.contract import Tool, ToolFailed
from app.tools.http_tool import HttpTool
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
