"""A server of its own for a test, and requests to it with any headers; folders that look like runs."""

import http.client
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from tests.patience import patience, until

ROOT = Path(__file__).parents[2]


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    def tree(self):
        """Its JSON"""
        return json.loads(self.body)


@dataclass
class Server:
    """`nanompi serve` in a process of its own, on a free port or on a Unix socket."""

    runs: Path
    words: tuple[str, ...] = ("--port", "0")
    environment: dict[str, str] = field(default_factory=dict)
    head: dict[str, str] = field(default_factory=dict)

    def __enter__(self):
        self.log = self.runs.parent / f"server-{id(self)}.log"
        command = [sys.executable, "-P", "-m", "nanompi", "serve", str(self.runs), *self.words]
        own = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        with self.log.open("wb") as out:
            place = {"cwd": self.runs.parent, "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=own, **place)
        until(lambda: "#token=" in self.said() or self.process.poll() is not None, why=self.said)
        self.port = int(re.search(r"localhost:(\d+)", self.said())[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(patience(20))

    def said(self) -> str:
        """All that it has printed"""
        return self.log.read_text()

    def token(self) -> str:
        """The newest"""
        return re.findall(r"#token=(\S+)", self.said())[-1]

    def ask(self, path: str, body=None, method: str = "", **headers: str) -> Answer:
        """One request; underscores of headers are hyphens, an empty one is left out. body : tree, or bytes"""
        data = json.dumps(body).encode() if not isinstance(body, bytes | None) else body
        own = {"host": f"localhost:{self.port}", **self.head}
        if data is not None:
            own |= {"content-type": "application/json", "content-length": str(len(data))}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience(30))
        link.putrequest(method or ("GET" if data is None else "POST"), path, skip_host=True)
        for name, value in own.items():
            if value:
                link.putheader(name, value)
        try:
            link.endheaders(data)
            answer = link.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
        finally:
            link.close()

    def login(self) -> Answer:
        """From now on requests carry cookie and key"""
        answer = self.ask("/api/login", {"token": self.token()})
        assert answer.status == 200, answer
        cookie = answer.headers["set-cookie"].split(";")[0]
        self.head = {"cookie": cookie, "x-nanompi-key": answer.tree()["key"]}
        return answer

    def stranger(self, path: str, body=None, **headers) -> Answer:
        """The same without a login"""
        return self.ask(path, body, **{"cookie": "", "x_nanompi_key": "", **headers})


def run_folder(top: Path, name: str, **facts) -> Path:
    """What a run that is done leaves, without a result."""
    folder = top / name
    (folder / "logs").mkdir(parents=True)
    (folder / "previews").mkdir()
    status = {"name": name, "state": "done", "begun": "2026-11-27T00:00:00Z", "iteration": 1, "iterations": 1}
    (folder / "status.json").write_text(json.dumps({**status, "ranks": 1, **facts}))
    (folder / "job.yaml").write_text("nanompi: 1\n")
    (folder / "logs/rank-0000.log").write_text("ok\n")
    return folder


def result(folder: Path, shape=(64, 48), unit: str = "rad") -> np.ndarray:
    """Write a result.h5 with one image; its values."""
    values = np.random.default_rng(1).normal(0, 1, shape if np.prod(shape) < 1e6 else (2, 2)).astype("f4")
    with h5py.File(folder / "result.h5", "w") as file:
        entry = file.create_group("entry_1")
        entry.attrs["default"] = "phase"
        group = entry.create_group("phase")
        group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["y", "x"], "show": "image"})
        group.attrs["title"] = "phase <script>window.HACKED=1</script>"
        data = group.create_dataset("data", shape, "f4", chunks=True)
        data.attrs["units"] = unit
        if values.shape == shape:
            data[...] = values
        for axis, n in zip("yx", shape):
            group[axis] = np.arange(min(n, 100)) * 1e-7
            group[axis].attrs["units"] = "m"
    return values
