"""The figures of a verdict are the same on any number of ranks, and however these share the object."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "judge_program.py"


def figures(text: str) -> list[dict[str, float]]:
    """Of each scene that was printed"""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith(("True", "False"))]
    return [{name: float(value) for name, value in (word.split("=") for word in line)} for line in lines]


@pytest.mark.slow
def test_figures_do_not_depend_on_the_ranks(mpirun):
    one = figures(mpirun(1, PROGRAM).stdout)
    assert len(one) == 4 and one[0]["share_positions"] > 0
    for n in (2, 3):
        for want, got in zip(one, figures(mpirun(n, PROGRAM).stdout), strict=True):
            assert got == pytest.approx(want, rel=1e-9, abs=1e-12)
