"""`nanompi serve` on the command line: what it refuses, and how it ends."""

import socket
import subprocess
import sys
import tomllib

import pytest

from nanompi.cli import main
from nanompi.cli.serve import Link
from nanompi.web.jupyter import server
from tests.patience import patience
from tests.web.serving import ROOT, Server


def test_without_its_packages_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn.protocols.http.h11_impl", None)
    monkeypatch.delitem(sys.modules, "nanompi.web.connection", raising=False)
    monkeypatch.delitem(sys.modules, "nanompi.web.listen", raising=False)
    assert main(["serve", str(tmp_path)]) == 4
    assert 'pip install "nanompi[web]"' in capsys.readouterr().err


def test_the_first_run_may_start_from_the_page(tmp_path, monkeypatch, capsys):
    """Without a folder of runs: one is made with --jobs, and asked for without"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.sock").write_text("a file of the user")
    assert main(["serve", "--socket", "one.sock"]) == 2 and not (tmp_path / "runs").exists()
    assert "runs: there is no such folder" in capsys.readouterr().err
    assert main(["serve", "--socket", "one.sock", "--jobs"]) == 4 and (tmp_path / "runs").is_dir()
    assert "no socket can be made there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, said",
    [
        (["nowhere"], "nowhere: there is no such folder"),
        ([".", "--port", "99999"], "--port 99999: 0 to 65535"),
        ([".", "--idle", "long"], "long"),
        (["."], "one.sock: no socket can be made there"),
    ],
)
def test_what_it_refuses(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.sock").write_text("a file of the user")
    words = [*words, "--socket", str(tmp_path / "one.sock")] if words == ["."] else words
    assert main(["serve", *words]) in (2, 4)
    assert said in capsys.readouterr().err
    assert (tmp_path / "one.sock").read_text() == "a file of the user"


@pytest.mark.slow
def test_it_ends_when_nobody_looks(tmp_path):
    (tmp_path / "runs").mkdir()
    with Server(tmp_path / "runs", ("--port", "0", "--idle", "1s")) as server:
        assert server.process.wait(patience(20)) == 0


@pytest.mark.slow
def test_start_loads_no_arrays_and_no_mpi():
    """The page itself stays small: what reads files is another process"""
    code = "import nanompi.cli, nanompi.cli.serve, nanompi.web.listen, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "h5py", "yaml", "pydantic", "mpi4py", "scipy", "numba", "matplotlib"}
    assert not heavy & set(done.stdout.split())


def test_jupyter_starts_it_with_a_token_of_its_launcher(tmp_path):
    """The entry point is declared; its command, socket and token do what the launcher relies on"""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert declared["jupyter_serverproxy_servers"] == {"nanompi": "nanompi.web.jupyter:server"}
    said = server()
    token = said["launcher_entry"]["path_info"].split("#token=")[1]
    assert said["environment"] == {"NANOMPI_SERVE_TOKEN": token} and token not in " ".join(said["command"])
    assert said["command"][-2:] == ["--socket", "{unix_socket}"] and "--jobs" not in said["command"]
    with Server(tmp_path, ("--port", "0"), said["environment"]) as page:
        assert page.token() == token and page.login().status == 200


def test_a_token_that_can_be_guessed_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NANOMPI_SERVE_TOKEN", "secret")
    assert main(["serve", str(tmp_path), "--port", "0", "--idle", "1s"]) == 2
    assert "24 random characters" in capsys.readouterr().err


def test_the_link_to_a_socket_is_of_use_from_elsewhere(tmp_path, monkeypatch, capsys):
    """ssh takes a name without a / for one of a host"""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("page.sock")
        Link(one)("a token")
    assert f"8000:{tmp_path}/page.sock " in capsys.readouterr().out
