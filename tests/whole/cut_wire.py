"""A wire to the model that can be cut: while it is down its port refuses connections, as a lost service does."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator


class Relay:
    """Takes a port at once, and listens on it only between `up` and `down`."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}"

    async def up(self, to_port: int) -> None:
        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
                self._wires |= {writer, far_writer}
                async with asyncio.TaskGroup() as both:
                    both.create_task(_copy(reader, far_writer))
                    both.create_task(_copy(far_reader, writer))

        self._server = await asyncio.start_server(connect, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Nobody listens any more, and every connection is lost."""
        if self._server is None:
            return
        self._server.close()
        for wire in self._wires:
            wire.transport.abort()
        self._wires.clear()
        await self._server.wait_closed()
        self._server = None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def open_relay() -> AsyncIterator[Relay]:
    relay = Relay()
    try:
        yield relay
    finally:
        await relay.down()
