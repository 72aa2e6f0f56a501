"""A child of the warm Python has the program at hand, but for what its surroundings decide."""

import subprocess
import sys

from tests.mpi import warm
from tests.patience import patience

TELL = """
import sys
at_hand = "nanompi.run.life" in sys.modules
import nanompi.mpi.same_call
print(at_hand, nanompi.mpi.same_call.CHECK)
"""


def told(text: str) -> str:
    """What a child prints of itself"""
    words = [*warm.rank(sys.executable, {}), "-c", text]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=patience(60)).stdout


def test_the_program_is_at_hand():
    assert told(TELL) == "True False\n"
    assert told("import sys; print({'mpi4py.MPI', 'nanompi.device.lanes'} & {*sys.modules})") == "set()\n"


def test_what_the_program_reads_as_it_is_imported_counts(monkeypatch):
    monkeypatch.setenv("NANOMPI_CHECK", "1")
    assert told(TELL) == "False True\n"


def test_another_program_of_the_path_is_taken(tmp_path, monkeypatch):
    (tmp_path / "nanompi").mkdir()
    (tmp_path / "nanompi" / "__init__.py").write_text("mine = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    assert told("import nanompi; print(nanompi.mine)") == "1\n"
