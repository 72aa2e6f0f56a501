"""Every engine and step says what it does: formula, unit, source, an example that is a job; also as text."""

import re

import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.job.job import read_job
from nanompi.job.plain import formula, plain
from nanompi.methods import discover
from nanompi.step import METHODS

discover()
PARTS = {n: cls for kind in ("step", "engine", "partition") for n, cls in METHODS[kind].items()}
PARTS = {name: cls for name, cls in PARTS.items() if cls.__module__.startswith("nanompi.")}
WITHOUT_FORMULA = {
    "python",
    "shell",
    "map.grid",
    "stripes",
}  # nothing is computed there that a formula would say


@pytest.mark.parametrize(
    "part", [*PARTS.values(), *METHODS["projection"].values()], ids=lambda part: part.name
)
def test_a_part_has_formula_unit_source_and_example(part):
    doc = part.__doc__
    assert doc.count(".. math::") == (part.name not in WITHOUT_FORMULA)
    heads = re.findall(r"^ *(Unit: |Source: |Example::)", doc, re.M)
    assert heads == ["Unit: ", "Source: ", "Example::"]


def example(cls) -> str:
    """The steps of the example in a docstring, as they stand in a job."""
    lines = cls.__doc__.partition("Example::")[2].splitlines()
    return "\n".join(line[6:] for line in lines if line.strip())


READERS = {"xrf": "xrf.simulate", "xanes": "xanes.simulate", "xrd": "xrd.simulate", "tomo": "tomo.simulate"}
READERS |= {"image": "xrf.simulate", "map.components": "xanes.simulate"}


@pytest.mark.parametrize("name", PARTS)
def test_the_example_of_a_part_is_a_job(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = READERS.get(name) or READERS.get(name.split(".")[0], "simulate")
    (tmp_path / "my_steps.py").write_text(
        "def drop_background(block, info, *, percentile: float = 5.0):\n    return block\n"
    )
    job = f"nanompi: 1\ninput: {{format: {reader}}}\nsteps:\n{example(PARTS[name])}\n"
    (tmp_path / "job.yaml").write_text(job)
    try:
        built = read_job("job.yaml").steps
    except DataError as error:  # a file of the example, which is not there
        assert all("no such file" in fault.text for fault in error.faults) and error.faults
        return
    names = [type(one).name for one in built] + [e.name for one in built for e in getattr(one, "engines", ())]
    names += [getattr(one, "split", "") for one in built]
    own = {"python": "my_steps.py:drop_background", "shell": "shell:denoise"}
    assert own.get(name, name) in names


@pytest.mark.parametrize("name", PARTS)
def test_all_paragraphs_are_shown_without_marks(name, capsys):
    assert main(["methods", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{name} (") and "Source: " in said and "Example:\n" in said
    assert not re.search(r"\\|\.\. math|:math:|::\n", plain(PARTS[name]))


def test_formulas_become_letters():
    assert formula(r"\frac{\sum_j P^* \psi_j}{\sum_j |P|^2}") == "(Σ_j P^* ψ_j) / (Σ_j |P|^2)"
    assert formula(r"\hat p_{jk} = \sqrt{a}\, e^{-i k}") == "p̂_jk = √(a) e^(-i k)"
