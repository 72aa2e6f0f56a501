"""What is printed may be lost; a run is not, and a verb that only prints says so."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.errors import ResourceError
from nanompi.run.streams import Printing, standing
from tests.patience import patience

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 16, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - {use: ptycho, engines: DM*2, probe: {start: aperture, aperture: 60 um, focal: 100 mm}}
run: {device: cpu, threads: 1}
"""


class Broken(io.StringIO):
    """A stream that refuses."""

    def __init__(self, error: OSError):
        super().__init__()
        self.error = error

    def write(self, _):
        raise self.error


def test_a_lasting_stream_goes_on_and_another_tells():
    gone, full = BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")
    for error in (gone, full):
        assert Printing(Broken(error), True).write("lost") == 4
    with pytest.raises(BrokenPipeError):
        Printing(Broken(gone), False).write("lost")
    with pytest.raises(ResourceError, match="cannot be written: No space left on device"):
        Printing(Broken(full), False).write("lost")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_letters_that_a_terminal_does_not_know_are_written_otherwise(errors):
    raw = io.BytesIO()
    out = Printing(io.TextIOWrapper(raw, encoding="ascii", errors=errors), True)
    out.write("jé µ")
    out.flush()
    assert raw.getvalue() == rb"j\xe9 \xb5"


def test_streams_are_put_back():
    before = sys.stdout, sys.stderr
    with standing(lasting=True):
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


WAYS = {"closed": ">&-", "all closed": "<&- >&- 2>&-", "full": ">/dev/full 2>/dev/full", "head": "| head -1"}


@pytest.mark.slow
@pytest.mark.parametrize("ranks", ["", "-n 2"], ids=["alone", "2 ranks"])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_nobody_hears_ends_well(tmp_path, way, ranks):
    (tmp_path / "job.yaml").write_text(JOB)
    done = nanompi(tmp_path, f"run {ranks} job.yaml {WAYS[way]}")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs/x/latest"
    log = (run / "logs/rank-0000.log").read_text()
    assert (run / "result.h5").stat().st_size > 10_000 and "where the time went" in log
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("way, code", [(">&-", 0), (">/dev/full", 4), ("| head -1", 0)])
def test_a_verb_that_prints_ends_with_a_word(tmp_path, way, code):
    done = nanompi(tmp_path, f"methods {way}")
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("\n") == (code != 0)


def nanompi(folder: Path, words: str) -> subprocess.CompletedProcess:
    """What bash makes of `nanompi WORDS`, with its exit code; this checkout, one thread."""
    line = f'"{sys.executable}" -m nanompi {words}; exit ${{PIPESTATUS[0]}}'
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    own = {"cwd": folder, "env": env, "capture_output": True, "text": True, "timeout": patience(30)}
    return subprocess.run(["bash", "-c", line], **own)
