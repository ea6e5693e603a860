"""Several hosts on one machine: network namespaces with addresses that exist nowhere else, joined by a switch, so that
one can be cut off as a network does it: without a word to anybody.

That takes root and `ip` (iproute2). Where they are not to be had all hosts are this one, on loopback.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
HOME = "10.77.0.1"  # ours: callers, balancer, model and store
_NAMED = Path("/run/netns")


class NoHosts(Exception):
    """Namespaces cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """`namespace` is empty for this machine's own."""

    address: str = LOOPBACK
    namespace: str = ""
    switch: str = ""
    port: str = ""  # of the switch

    def cut_off(self, off: bool = True) -> None:
        """Pull its cable at the switch, or plug it in again."""
        _ip("-n", self.switch, "link", "set", self.port, "down" if off else "up")


@contextmanager
def separate_hosts(count: int) -> Iterator[list[Host]]:
    """So many, and a home for us: the calling thread is in it while inside, and so is all that it starts. Raises
    `NoHosts`."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        raise NoHosts("network namespaces take root and `ip` (iproute2)")
    switch, *names = (f"offhook-{os.getpid()}-{name}" for name in ("switch", *range(count + 1)))
    with ExitStack() as undoing:
        for name in (switch, *names):
            _ip("netns", "add", name)
            undoing.callback(_ip, "netns", "del", name)
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "link", "set", "switch", "up")
        home, *there = (_plug_in(number, name, switch) for number, name in enumerate(names))
        undoing.enter_context(_inside(home.namespace))
        yield there


def _plug_in(number: int, namespace: str, switch: str) -> Host:
    host = Host(f"10.77.0.{number + 1}", namespace, switch, f"port-{number}")
    there, inside = ("-n", switch), ("-n", namespace)
    _ip(*there, "link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    _ip(*there, "link", "set", host.port, "master", "switch", "up")
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    return host


@contextmanager
def _inside(namespace: str) -> Iterator[None]:
    with open("/proc/self/ns/net", "rb") as before:
        enter(namespace)
        try:
            yield
        finally:
            os.setns(before.fileno(), os.CLONE_NEWNET)


def enter(namespace: str) -> None:
    """The calling thread, and all that it starts from now on."""
    with (_NAMED / namespace).open("rb") as there:
        os.setns(there.fileno(), os.CLONE_NEWNET)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise NoHosts(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def hosts(count: int, separate: bool = True) -> Iterator[Sequence[Host]]:
    """`separate_hosts` where it can be had, else loopback."""
    with ExitStack() as stack:
        there = [Host()] * count
        if separate:
            with contextlib.suppress(NoHosts):
                there = stack.enter_context(separate_hosts(count))
        yield there
