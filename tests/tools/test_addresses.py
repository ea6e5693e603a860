"""Where a tool may go."""

import pytest

from app.tools.addresses import host_problem, is_public, read_hosts

PRIVATE = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::10.0.0.1"),
    *("2002:7f00:1::", "2002:c0a8:101::1", "fd00:ec2::254"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_only_this_machine_or_its_network_can_reach_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_what_anybody_can_reach_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.2", "10.0.0.1", "[::1]", "::1"),
        *("metadata", "a..b.com", "-a.com", "a.com-", "exämple.com", "0x7f.0.0.1", "", "a b.com", "a.com."),
    ],
)
def test_a_host_that_is_no_full_name_of_a_public_place_is_refused_as_written(host: str) -> None:
    assert host_problem(host) is not None


@pytest.mark.parametrize("host", ["api.example.com", "xn--exmple-cua.com", "127.0.0.1", "8.8.8.8"])
def test_full_names_are_taken_and_127_0_0_1_is_left_to_the_deployment(host: str) -> None:
    assert host_problem(host) is None


def test_without_a_list_any_public_host_and_never_this_machine() -> None:
    hosts = read_hosts("")
    assert hosts.allows("api.example.com", None)
    assert not hosts.allows("127.0.0.1", 9000)


def test_a_list_allows_what_is_on_it_and_no_more() -> None:
    hosts = read_hosts("Api.Example.com, 127.0.0.1:9000,shop.example.com=http://127.0.0.1:8020")
    assert hosts.allows("api.example.com", None) and hosts.allows("shop.example.com", None)
    assert not hosts.allows("other.example.com", None)
    assert [hosts.allows("127.0.0.1", port) for port in (9000, 9001, None)] == [True, False, False]
    assert hosts.stand_ins == {"shop.example.com": 8020}


@pytest.mark.parametrize(
    "text", ["localhost", "a.com=http://10.0.0.1:80", "a.com=https://b.com", "127.0.0.1", "https://a.com"]
)
def test_a_list_that_cannot_be_meant_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(ValueError, match=r"write api\.example\.com"):
        read_hosts(text)
