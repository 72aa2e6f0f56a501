"""Readers that are logged in, ask for large images and take nothing: they cost little, and are cut off."""

import os
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.patience import until
from tests.web.serving import Server, result, run_folder

pytestmark = pytest.mark.slow
MB = 1024  # kB


def memory(server: Server, which: str) -> float:
    """MB that the process holds (VmRSS), or has ever held (VmHWM)"""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{which}:\s+(\d+)", text)[1]) / MB


def test_readers_that_take_nothing_cost_little_and_are_cut_off(tmp_path):
    """Twelve ask for 16 MB each. Four are served at once (an image is held twice while it comes from its
    reader); what waits costs nothing; others are answered. 12 images at once would be 192 MB and more."""
    top = tmp_path / "runs"
    result(run_folder(top, "large/run-0001"), (2000, 2000))
    with Server(top) as server:
        server.login()
        answer = server.ask("/api/image/phase/large/run-0001")
        assert answer.status == 200 and len(answer.body) == 16_000_000
        before = memory(server, "VmRSS")
        held = [reader(server) for _ in range(12)]
        assert server.ask("/api/runs").status == 200
        until(lambda: connections(server) == 0, 60)
        assert all(received(one) < 16_000_000 for one in held)
        assert memory(server, "VmHWM") - before < 135  # 4 of 16 MB twice, and some
        assert server.ask("/api/image/phase/large/run-0001").status == 200


def reader(server: Server) -> socket.socket:
    """One that asks for the image and reads nothing"""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", server.port))
    lines = [f"host: localhost:{server.port}", *(f"{k}: {v}" for k, v in server.head.items())]
    one.send("\r\n".join(["GET /api/image/phase/large/run-0001 HTTP/1.1", *lines, "", ""]).encode())
    return one


def connections(server: Server) -> int:
    """How many the process has open"""
    ours = set()
    for one in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            ours |= set(re.findall(r"^socket:\[(\d+)\]", os.readlink(one)))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{server.port:04X}"
    return sum(row[1].endswith(port) and row[3] == "01" and row[9] in ours for row in rows)


def received(one: socket.socket) -> int:
    """Bytes that are still on their way, up to where it was cut off"""
    total = 0
    try:
        while part := one.recv(1 << 20):
            total += len(part)
    except ConnectionResetError:
        pass
    one.close()
    return total
