"""`--notify`: called once with state, code and folder, however a run ends; it changes no exit code."""

import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from nanompi.cli import main
from nanompi.errors import DataError, Stopped, common
from nanompi.mpi.mpiexec import environment, mpiexec
from nanompi.run import notify
from tests.patience import patience

TELL = "sh -c 'env | grep ^NANOMPI_[SCFV] | sort >> told.txt'"
ROOT, OTHER = (SimpleNamespace(root=root, size=2) for root in (True, False))
FAILING = """nanompi: 1
name: x
input: {simulate: {frames: 9, size: 16}}
steps: [{python: steps.py:fail}]
"""
STEP = """from mpi4py import MPI

def fail(block, info):
    if MPI.COMM_WORLD.rank == MPI.COMM_WORLD.size - 1:
        raise RuntimeError("on purpose")
    return block
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(here) -> list[dict[str, str]]:
    """What the command heard, each time."""
    text = (here / "told.txt").read_text() if (here / "told.txt").exists() else ""
    parts = text.split("NANOMPI_CODE=")[1:]
    return [dict(line.split("=", 1) for line in f"NANOMPI_CODE={p}".splitlines()) for p in parts]


def ended(here, error=None, team=ROOT, folder="run-0001", command=TELL) -> list[dict[str, str]]:
    """What is heard when a run in this folder ends so."""
    try:
        with notify.told(command, team):
            if folder:
                notify.here(here / folder)
                notify.here(here / "another")
            if error:
                raise error
    except BaseException as e:
        assert e is error
    return told(here)


def test_a_run_that_is_done_tells_its_verdict(here):
    (here / "run-0001").mkdir()
    (here / "run-0001" / "status.json").write_text('{"verdict": "doubtful"}')
    assert ended(here) == [
        {
            "NANOMPI_CODE": "0",
            "NANOMPI_FOLDER": str(here / "run-0001"),
            "NANOMPI_STATE": "done",
            "NANOMPI_VERDICT": "doubtful",
        }
    ]


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (DataError("no"), "failed", "3"),
        (Stopped("later"), "stopped", "75"),
        (SystemExit(143), "stopped", "143"),
        (KeyboardInterrupt(), "stopped", "130"),
        (ValueError("ours"), "failed", "1"),
    ],
)
def test_failures_and_stops_are_told_too(here, error, state, code):
    (heard,) = ended(here, error, folder="")
    assert heard == {
        "NANOMPI_CODE": code,
        "NANOMPI_FOLDER": "",
        "NANOMPI_STATE": state,
        "NANOMPI_VERDICT": "",
    }


def test_one_rank_calls(here):
    assert ended(here, team=OTHER) == ended(here, common(DataError("all alike")), OTHER) == []
    assert len(ended(here, DataError("this rank alone, which ends rank 0"), OTHER)) == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo oh >&2; exit 3'", "it ended with 3: oh"),
        ("/no/such/program", "No such file"),
        ("sleep 600", "took more than"),
        ("sh -c 'echo $NANOMPI_CODE; sleep 600 &'", ""),
    ],
)
def test_what_the_command_does_changes_nothing(here, capfd, monkeypatch, command, words):
    monkeypatch.setattr(notify, "LIMIT", 0.5 if "sleep 600" == command else patience(20))
    ended(here, DataError("the error stays"), command=command)
    said = capfd.readouterr()
    assert words in said.err and said.out == "" and bool(words) == bool(said.err)


def test_no_shell_reads_the_command(here):
    ended(here, command="touch $HOME;x")
    assert (here / "$HOME;x").exists()


@pytest.mark.parametrize("words", ["", "'open", "a\x1bb"])
def test_a_command_that_is_none_is_refused(here, words, capsys):
    assert main(["run", "job.yaml", "--notify", words]) == 2
    assert "--notify" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["echo $NANOMPI_STATE", "mail -s 'it is ${NANOMPI_STATE}' me", "echo a > b", "touch a; touch b"]
)
def test_a_command_that_needs_a_shell_is_refused_with_the_way_to_write_it(here, words, capsys):
    assert main(["run", "job.yaml", "--notify", words]) == 2
    right = capsys.readouterr().err.split("would stay as it is: ")[1].strip()
    assert notify.command(right) == right == f"sh -c {shlex.quote(words)}"


def test_a_program_that_is_missing_is_told_before_the_run(here, capfd):
    with notify.told("/no/such/program", ROOT):
        assert "there is no such program" in capfd.readouterr().err


def test_a_batch_script_hands_it_on(here, capsys):
    (here / "job.yaml").write_text(FAILING.replace("python: steps.py:fail", "use: ptycho"))
    assert main(["submit", "job.yaml", "-n", "2", "--dry", "--notify", "mail -s 'it is done' me"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line for line in lines if line.strip().startswith("words=")]
    assert len(words) == 2 and all("--notify 'mail -s '\"'\"'it is done'\"'\"' me'" in line for line in words)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["by -n", "by mpiexec"])
def test_a_rank_that_fails_alone_is_told_once_with_the_folder(here, way):
    (here / "job.yaml").write_text(FAILING)
    (here / "steps.py").write_text(STEP)
    words = [sys.executable, "-m", "nanompi", "run", "job.yaml", "--notify", TELL]
    words = [*words, "-n", "2"] if way == "by -n" else [mpiexec(), "-n", "2", *words]
    done = subprocess.run(words, capture_output=True, timeout=patience(120), env=environment())
    (heard,) = told(here)
    assert done.returncode == 6, done.stderr
    assert (heard["NANOMPI_STATE"], heard["NANOMPI_CODE"]) == ("failed", "6")
    assert heard["NANOMPI_FOLDER"] == str(here / "runs" / "x" / "run-0001")
