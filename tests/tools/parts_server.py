"""An MCP server with the SDK's own server class: `python parts_server.py` speaks over stdio, with a port over HTTP."""

import os
import sys
import time
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, ImageContent, TextContent

server = MCPServer("parts")
KEYS: list[str] = []


@server.tool()
def find_part(name: str, most: int = 3) -> dict[str, Any]:
    """Find a part in the store room."""
    return {"part": name, "count": min(7, most), "key": os.environ.get("TOOL_PARTS_KEY", "")}


@server.tool(name="part.price")
def price(number: str) -> str:
    """What a part costs."""
    return f"Part {number} costs nine dollars."


@server.tool(structured_output=False)
def reserve_part(number: str, context: Context[Any, Any]) -> CallToolResult:
    """Reserve a part."""
    meta = context.request_context.meta or {}
    KEYS.append(str(meta.get("offhook/idempotency-key", "")))
    text = TextContent(type="text", text=f'{{"reserved": "{number}", "keys": {len(set(KEYS))}, "times": {len(KEYS)}}}')
    return CallToolResult(content=[ImageContent(type="image", data="aGk=", mime_type="image/png"), text])


@server.tool()
def break_down(why: str) -> str:
    """Fail."""
    raise RuntimeError(f"secret path /srv/parts: {why}")


@server.tool()
def count_slowly() -> str:
    """Take an hour."""
    time.sleep(3600)
    return "done"


@server.tool()
def pick(where: dict[str, int]) -> str:
    """Take something that is not plain."""
    return str(where)


@server.tool()
def leave() -> str:
    """End this process."""
    os._exit(3)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    else:
        server.run()
