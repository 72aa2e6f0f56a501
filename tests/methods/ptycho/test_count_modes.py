"""How many modes a scan asks for: by frames that were not seen, and no more than they need."""

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.methods.ptycho.count_modes import fewest

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 144, size: 32, photons: 1e5, modes: MODES}}
steps:
  - {use: ptycho, probe: {modes: auto}, engines: DM*1 ML*1, heldout: 0}
run: {device: cpu, threads: 1, checkpoint: 0}
"""


def table(*means):
    """Frames whose deviance spreads by 0.1 about these means, alike for each number of modes up to 0.01"""
    common = 0.1 * np.random.default_rng(0).standard_normal(16)
    own = [0.01 * np.resize(signs, 16) for signs in ((1, -1), (1, 1, -1, -1), (1, 1, 1, 1, -1, -1, -1, -1))]
    return {n: np.stack([m + common + e, np.ones(16)]) for n, (m, e) in enumerate(zip(means, own), 1)}


def test_the_fewest_that_are_not_behind():
    assert fewest(table(1.05, 1.0, 1.0)).modes == 2  # frames differ by more than that, but not in pairs
    assert fewest(table(1.001, 1.0, 1.0)).modes == 1
    assert fewest(table(1.2, 1.1, 1.0)).modes == 3


@pytest.mark.slow
@pytest.mark.parametrize("modes, words", [(1, "probe modes: 1, by"), (2, "probe modes: 2, by")])
def test_a_scan_has_as_many_as_its_beam(modes, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB.replace("MODES", str(modes)))
    assert main(["run", "job.yaml"]) == 0
    assert words in capsys.readouterr().out
