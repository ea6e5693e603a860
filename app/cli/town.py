"""Several servers behind a balancer, with one store and one model: on hosts of their own, or all on this one."""

import asyncio
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cache.store import Store, open_store, shared_url
from app.simulator.load.balancer import Place, balancer, relay
from app.simulator.load.hosts import HOME, LOOPBACK, Host
from app.simulator.load.processes import KEY, LIMITS, SECRET, Child, Model, Server, free_port, read_metrics, start

READY_S, STOP_S = 60.0, 60.0
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Site:
    """A server's host, and its port there."""

    host: Host
    port: int

    @property
    def place(self) -> Place:
        return Place(self.host.address, self.port)


class Servers:
    """`offhook serve` at each of `sites`, in one environment."""

    def __init__(self, folder: Path, sites: Sequence[Site], env: Mapping[str, str]) -> None:
        self.sites = sites
        self._folder = folder
        self._env = env
        self._running: dict[Site, Server] = {}

    async def start(self, site: Site) -> None:
        """Returns when it is ready for calls."""
        env = {**self._env, "DATA_DIR": str(self._folder / f"data-{site.host.address}-{site.port}")}
        words = ["app.cli", "serve", "--local", "--port", str(site.port)]
        name = f"server-{site.place}-{time.monotonic_ns()}"
        child = await asyncio.to_thread(start, name, words, self._folder, env, (), site.host, site.port)
        server = self._running[site] = Server(child, site.port, host=site.host.address)
        async with asyncio.timeout(READY_S):
            while (await asyncio.to_thread(server.get, "/readyz"))[0] != 200:
                if child.process.poll() is not None:
                    raise RuntimeError(f"a server ended as it started\n{child.tail()}")
                await asyncio.sleep(LOOK_S)

    async def kill(self, site: Site) -> None:
        child = self._child(site)
        os.kill(child.process.pid, signal.SIGKILL)
        await asyncio.to_thread(child.process.wait)

    async def drain(self, site: Site) -> None:
        child = self._child(site)
        child.process.terminate()
        await asyncio.to_thread(child.process.wait, STOP_S)

    async def stop(self) -> None:
        for site in self._running:
            child = self._child(site)
            if child.process.poll() is None:
                child.process.kill()
            await asyncio.to_thread(child.stop)

    def _child(self, site: Site) -> Child:
        return self._running[site].child

    async def metrics(self, site: Site) -> dict[str, float]:
        return read_metrics((await asyncio.to_thread(self._running[site].get, "/metrics"))[1])

    async def total(self) -> Counter[str]:
        """The figures of all that are up, added."""
        figures: Counter[str] = Counter()
        for site in self.sites:
            for series, value in (await self.metrics(site)).items():
                figures[series] += value  # type: ignore[assignment]
        return figures

    async def holding(self, site: Site) -> int:
        """Calls it has now."""
        return int((await self.metrics(site)).get("offhook_calls_live", 0))


@dataclass(slots=True)
class Town:
    """All that stands while an experiment runs."""

    servers: Servers
    store: Store
    voice_url: str
    stands_on: str  # what balances, and where


@asynccontextmanager
async def town(
    folder: Path, sonic: Model, hosts: Sequence[Host], content: Path, most_calls: int, drain_s: float
) -> AsyncIterator[Town]:
    """One server on each of `hosts`, with room for `most_calls` anywhere."""
    apart = bool(hosts[0].namespace)
    public = Place(HOME if apart else LOOPBACK, free_port())
    sites = [Site(host, free_port()) for host in hosts]
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(shared_url("", folder))
        store = await stack.enter_async_context(open_store(redis, folder))
        if apart:  # a socket in the file system knows no hosts
            door = Place(HOME, free_port())
            await stack.enter_async_context(relay(door, redis.removeprefix("unix://")))
            redis = f"redis://{door}"
        env = {
            "PUBLIC_URL": f"http://{public}",
            "REDIS_URL": redis,
            "STREAM_SECRET": secrets.token_hex(16),
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": sonic.endpoint,
            "AWS_CA_BUNDLE": str(sonic.ca),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "CONTENT_DIR": str(content),
            "FOREIGN_AUDIO": "true",
            "MAX_CALLS": str(most_calls + 20),
            "POOL_SIZE": str(max(2, most_calls // len(hosts) // 3)),
            "NOVA_SONIC_MAX_STREAMS": str(3 * most_calls * len(hosts)),
            "NOVA_SONIC_SESSION_SECONDS": str(LIMITS["session_seconds"]),
            "DRAIN_SECONDS": str(drain_s),
        }
        servers = Servers(folder, sites, env)
        stack.push_async_callback(servers.stop)
        await asyncio.gather(*map(servers.start, sites))
        balanced_by = await stack.enter_async_context(balancer(public, [site.place for site in sites], folder))
        await asyncio.sleep(1)  # its first checks
        stands_on = f"{balanced_by}, {f'{len(hosts)} hosts in network namespaces' if apart else 'loopback'}"
        yield Town(servers, store, f"http://{public}/twilio/voice", stands_on)
