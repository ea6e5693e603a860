"""Which hosts and addresses a tool may reach. Pure.

Who writes a tool must not reach by it what only this machine can: its own services, the network behind it, the
cloud's metadata. So a host is looked at twice, as it is written and as it resolves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LOOPBACK = "127.0.0.1"
HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
NAT64 = ip_network("64:ff9b::/96")
ENTRY = re.compile(r"(?P<host>[^=\s]+?)(?:=http://127\.0\.0\.1:(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Hosts:
    """What the deployment allows. `listed` empty: any public host that a tool names. `stand_ins`: a host whose requests
    go to a port of this machine instead."""

    listed: frozenset[str] = frozenset()
    stand_ins: Mapping[str, int] = field(default_factory=dict)

    def allows(self, host: str, port: int | None) -> bool:
        """127.0.0.1 only where it is listed with this port."""
        if host == LOOPBACK:
            return f"{host}:{port or 80}" in self.listed
        return not self.listed or host in self.listed


def read_hosts(text: str) -> Hosts:
    """`api.example.com, orders.example.com=http://127.0.0.1:8791, 127.0.0.1:9000`. Raises `ValueError` with the fix."""
    listed, stand_ins = set(), {}
    for entry in filter(None, (part.strip().lower() for part in text.split(","))):
        parts = ENTRY.fullmatch(entry)
        if parts is None or not (HOST.fullmatch(parts["host"]) or re.fullmatch(r"127\.0\.0\.1:\d{1,5}", parts["host"])):
            raise ValueError(
                f"{entry!r} is no host: write api.example.com, 127.0.0.1:9000, "
                "or orders.example.com=http://127.0.0.1:8791 for a stand-in on this machine"
            )
        listed.add(parts["host"])
        if parts["port"]:
            stand_ins[parts["host"]] = int(parts["port"])
    return Hosts(frozenset(listed), stand_ins)


def host_problem(host: str) -> str | None:
    """What is wrong with a host as a tool's file writes it."""
    if host == LOOPBACK or HOST.fullmatch(host):
        return None
    try:
        return None if is_public(host) else "is an address of a private network"
    except ValueError:
        return "is not a full host name"  # `localhost`, and numbers that some resolvers take for addresses


def is_public(address: str) -> bool:
    """Whether anybody on the internet could reach it; an address wrapped in another is looked at too. Raises
    `ValueError` for what is no address."""
    ip = ip_address(address.partition("%")[0])
    return all(part.is_global and not part.is_multicast and not part.is_reserved for part in _unwrapped(ip))


def _unwrapped(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip in NAT64 or int(ip) >> 32 == 0:  # also the old way to write an IPv4 address in IPv6's clothes
        return [IPv4Address(int(ip) & 0xFFFFFFFF)]
    inside: list[IPv4Address | IPv6Address] = [part for part in (ip.sixtofour, *(ip.teredo or ())) if part is not None]
    return [ip, *inside]
