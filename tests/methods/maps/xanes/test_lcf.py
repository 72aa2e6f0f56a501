"""Amounts of references against SciPy, and what must be refused."""

import itertools
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.optimize import nnls

from nanompi.cli import main
from nanompi.data.walk import walk
from nanompi.device import Cpu
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xanes.fractions import Mixture
from nanompi.methods.maps.xanes.lcf import Lcf
from nanompi.methods.maps.xanes.normalise import Normalise
from nanompi.methods.maps.xanes.references import read
from nanompi.methods.maps.xanes.simulate import StackSimulation, scan_of, spectrum
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

TEAM, CPU = Team(alone=True), Cpu(threads=1)
E = scan_of(StackSimulation(energies=90))
NONE = np.zeros((0, len(E)))
R = np.array([spectrum(E, 7112 + o, k % 3) for k, o in enumerate((0, 1.5, 3, 4.5, 6))])


def spectra(n=200, noise=0.01, seed=0):
    rng = np.random.default_rng(seed)
    amounts = rng.random((n, len(R))) * (rng.random((n, len(R))) < 0.4)
    return amounts, amounts @ R + noise * rng.normal(size=(n, len(E)))


def test_amounts_are_those_of_scipy():
    _, mu = spectra()
    mixture = Mixture(R, NONE)
    got = mixture.amounts(mixture.parts(mu)[1], CPU)
    assert np.abs(got - [nnls(R.T, one)[0] for one in mu]).max() < 1e-10


def test_with_a_line_they_are_plain_least_squares_where_these_are_positive():
    line = np.stack([np.ones_like(E), E - E.mean()])
    _, mu = spectra()
    mixture = Mixture(R[[0, 4]], line)
    got = mixture.amounts(mixture.parts(mu + 0.8)[1], CPU)
    plain = np.linalg.lstsq(np.vstack([R[[0, 4]], line]).T, mu.T + 0.8, rcond=None)[0][:2].T
    positive = (plain >= 0).all(1)
    assert positive.sum() > 50 and np.abs(got - plain)[positive].max() < 1e-10
    assert (got[~positive] == 0).any(1).all()


def test_amounts_that_add_up_to_one_are_the_best_of_these():
    """Against SciPy with the sum as an equation of weight 1e4, which misses 1 by 1e-8"""
    amounts, _ = spectra()
    amounts = (amounts + 1e-3) / (amounts + 1e-3).sum(1, keepdims=True)
    mu = amounts @ R + 0.01 * np.random.default_rng(1).normal(size=(len(amounts), len(E)))
    mixture = Mixture(R, NONE, one=True)
    got = mixture.amounts(mixture.parts(mu)[1], CPU)
    heavy = np.vstack([R.T, np.full((1, len(R)), 1e4)])
    other = np.array([nnls(heavy, np.append(one, 1e4))[0] for one in mu])
    assert got.sum(1) == pytest.approx(1, abs=1e-14) and got.min() >= 0
    assert np.abs(got - other).max() < 1e-5


def test_the_best_subset_is_sparser_and_as_good():
    """Two of five references in each spectrum: those two are found, and no third one, in three of four"""
    rng = np.random.default_rng(5)
    pairs = np.array([rng.choice(5, 2, replace=False) for _ in range(200)])
    amounts = np.zeros((200, 5))
    np.put_along_axis(amounts, pairs, rng.uniform(0.3, 1, (200, 2)), 1)
    mu = amounts @ R + 0.003 * rng.normal(size=(200, len(E)))
    mixture = Mixture(R, NONE)
    rest, coordinates = mixture.parts(mu)
    got, all_of_them = mixture.best_subset(rest, coordinates, 3), mixture.amounts(coordinates, CPU)
    right = ((got > 0) == (amounts > 0)).all(1)
    assert right.mean() > 0.75 and (got > 0).sum() < 0.8 * (all_of_them > 0).sum()
    plain = [np.linalg.lstsq(R[np.sort(p)].T, one, rcond=None)[0] for p, one in zip(pairs, mu)]
    where = np.sort(pairs, 1)
    assert np.abs(np.take_along_axis(got, where, 1) - plain)[right].max() < 1e-8


@pytest.mark.parametrize("one", (False, True))
def test_the_best_subset_is_the_best_of_all(one):
    """Of least squares with each combination that has no negative amount, worked out one by one;
    nothing where each has one"""
    _, mu = spectra(40)
    mixture, choices = Mixture(R, NONE, one=one), []
    for q in (1, 2, 3):
        p = q - one
        for used in itertools.combinations(range(5), q):
            own, fixed = R[list(used)], R[used[0]] * one
            free = own[1:] - own[0] if one else own
            x = np.linalg.lstsq(free.T, (mu - fixed).T, rcond=None)[0].T if len(free) else np.zeros((40, 0))
            x = np.column_stack([1 - x.sum(1), x]) if one else x
            size = len(E) * np.log(((mu - x @ own) ** 2).sum(1) / len(E))
            size += 2 * p + 2 * p * (p + 1) / (len(E) - p - 1)
            whole = np.zeros((40, 5))
            whole[:, used] = np.where((x >= 0).all(1)[:, None], x, 0)
            choices.append((np.where((x >= 0).all(1), size, np.inf), whole))
    sizes, amounts = map(np.array, zip(*choices))
    best = amounts[sizes.argmin(0), np.arange(40)]
    assert np.abs(mixture.best_subset(*mixture.parts(mu), 3) - best).max() < 1e-8


def test_errors_are_the_spread():
    """500 times the same spectrum: within 15 %, four standard errors of a standard deviation"""
    mu = 0.6 * R[0] + 0.4 * R[4] + 0.01 * np.random.default_rng(2).normal(size=(500, len(E)))
    mixture = Mixture(R[[0, 4]], NONE)
    rest, coordinates = mixture.parts(mu)
    x = mixture.amounts(coordinates, CPU)
    _, errors = mixture.judged(rest, x)
    assert errors.mean(0) == pytest.approx(x.std(0), rel=0.15)


def test_references_that_are_one_are_refused():
    with pytest.raises(DataError, match="references number 1 and 3 cannot be told apart"):
        Mixture(np.stack([R[0], R[2], 2 * R[0]]), NONE)


def test_a_spectrum_does_not_depend_on_its_neighbours():
    _, mu = spectra(41)
    mixture = Mixture(R, NONE)
    rest, coordinates = mixture.parts(mu)
    alone = mixture.parts(mu[20:21])
    for way in (lambda _, b: mixture.amounts(b, CPU), lambda a, b: mixture.best_subset(a, b, 3)):
        assert way(rest, coordinates)[20].tobytes() == way(*alone)[0].tobytes()


# ---- files


def text(folder, name, e=E, mu=R[0], head="", between=" "):
    path = folder / name
    path.write_text(head + "\n".join(f"{a:.6f}{between}{b:.9f}" for a, b in zip(e, mu)) + "\n")
    return str(path)


def test_every_kind_of_file_gives_the_same_reference(tmp_path):
    xdi = "# XDI/1.0\n# Column.1: energy eV\n# Column.2: i0\n# Column.3: itrans\n#----\n"
    rows = "\n".join(f"{e:.6f} 1000 {1000 * np.exp(-m):.9f}" for e, m in zip(E, R[0]))
    (tmp_path / "d.xdi").write_text(xdi + rows)
    nor = "\n".join(f"{e:.6f} 7 {m:.9f}" for e, m in zip(E, R[0]))
    (tmp_path / "c.nor").write_text("# Athena project\n#  energy  chie  norm\n" + nor)
    with h5py.File(tmp_path / "e.h5", "w") as f:
        f["a/energy"], f["a/mu"], f["a/other"] = E / 1000, R[0], R[1]
    files = [
        text(tmp_path, "a.csv", head="energy,mu\n", between=","),
        text(tmp_path, "b.r", e=E / 1000),
        *(str(tmp_path / name) for name in ("c.nor", "d.xdi", "e.h5")),
    ]
    found = read(files)
    assert [one.name for one in found] == ["a", "b", "c", "d", "a_2"]
    for one in found:
        assert one.energies == pytest.approx(E, abs=1e-3) and one.values == pytest.approx(R[0], abs=1e-6)


def test_a_table_that_is_none(tmp_path):
    (tmp_path / "a.csv").write_text("energy,mu\n1,2\n2\n")
    with pytest.raises(DataError, match=r"a\.csv: line 3 has 1 numbers, the first 2"):
        read([str(tmp_path / "a.csv")])
    (tmp_path / "b.csv").write_text("1 2\n2 x\n")
    with pytest.raises(DataError, match=r"b\.csv: line 2 .* is no row of numbers"):
        read([str(tmp_path / "b.csv")])


# ---- the step


def run_of(mu, before=(), **own):
    data = walking.spread(TEAM, mu[None], "y x energy", "y", coords={"energy": (E, "eV")})
    run = walking.run_of(TEAM, data=data)
    run.made, run.warn, run.result = {}, run.say, Result()
    walk(run, [*before, Lcf(**own)])
    return run


def test_maps_have_the_names_of_the_references(tmp_path):
    files = [text(tmp_path, name, mu=mu) for name, mu in (("old.r", R[0]), ("new.r", R[4]))]
    amounts = np.random.default_rng(1).random((30, 2))
    run = run_of(amounts @ R[[0, 4]] + 0.5, references=files, background="constant")
    for k, name in enumerate(("old", "new")):
        assert run.data[name].axes == ("y", "x")
        assert run.data[name].values[0] == pytest.approx(amounts[:, k], abs=1e-6)
        assert run.data[f"{name}_errors"].values.max() < 1e-6
    assert run.result.notes["xanes"]["lcf"]["of_the_mean"]["old"] == pytest.approx(amounts[:, 0].mean())


@pytest.mark.parametrize(
    "e, words",
    [
        (E + 1200, "0% of the 90 energies"),
        (E[:48], r"53% of the 90 energies"),
        (E[34:], "the edge of .*, at 7112 eV, is not within the energies"),
    ],
)
def test_references_that_do_not_cover_the_energies(tmp_path, e, words):
    file = text(tmp_path, "old.r", e, np.interp(e, E, R[0]) + 1e-6 * np.arange(len(e)))
    with pytest.raises(DataError, match=words) as error:
        run_of(R[:2], [Normalise(e0=7112.0)], references=[file, text(tmp_path, "new.r", mu=R[4])])
    assert error.value.code == 3


def test_a_reference_that_ends_early_is_fitted_on_the_overlap(tmp_path):
    files = [text(tmp_path, "old.r", E[:70], R[0, :70]), text(tmp_path, "new.r", mu=R[4])]
    run = run_of(np.array([[0.3, 0.7]]) @ R[[0, 4]], references=files)
    assert run.data["old"].values[0, 0] == pytest.approx(0.3, abs=1e-6)
    assert any("fitted at 70 of 90 energies" in line for line in run.lines)


def test_without_references():
    with pytest.raises(JobError, match="name reference spectra"):
        run_of(R)


def test_files_in_a_list_stand_beside_the_job(tmp_path, capsys):
    """As one file of a job does; one that is not there is named with its place in the list"""
    for name, mu in (("old.r", R[0]), ("new.r", R[4])):
        text(tmp_path, name, mu=mu)
    job = tmp_path / "job.yaml"
    job.write_text(
        "nanompi: 1\ninput: {format: xanes.simulate, simulate: {energies: 90}}\n"
        "steps:\n  - {use: xanes.lcf, references: [old.r, new.r]}\n"
    )
    assert main(["check", str(job)]) == 0
    (tmp_path / "new.r").rename(tmp_path / "now.r")
    assert main(["check", str(job)]) != 0
    assert "references.1: no such file" in capsys.readouterr().err


def test_a_first_job_for_a_stack_says_that_references_must_be_filled_in(tmp_path, capsys, monkeypatch):
    """What `init` writes, `check` refuses with the reason until it is done"""
    monkeypatch.chdir(tmp_path)
    with h5py.File("stack.h5", "w") as file:
        file["entry/images"], file["entry/energy"] = np.tile(R[0, :, None, None], (1, 4, 4)), E
        file["entry/i0"] = np.ones(len(E))
        file["entry/energy"].attrs["units"] = "eV"
    assert main(["init", "xanes", "--from", "stack.h5"]) == 0
    job = (tmp_path / "xanes.yaml").read_text()
    steps = [line.split()[2] for line in job.splitlines() if line.startswith("  - use:")]
    assert steps == ["xanes.absorbance", "map.align", "xanes.normalise", "xanes.lcf"]
    assert "# references: [oxidized.csv, reduced.csv]" in job and "# fill in: files" in job
    capsys.readouterr()
    assert main(["check", "xanes.yaml"]) == 2
    assert "name reference spectra: `references: [" in capsys.readouterr().err
    for name, mu in (("oxidized.csv", R[0]), ("reduced.csv", R[4])):
        text(tmp_path, name, mu=mu)
    Path("xanes.yaml").write_text(job.replace("# references: ", "references: "))
    assert main(["check", "xanes.yaml"]) == 0
    assert main(["init", "simulated.yaml", "--template", "xanes"]) == 0
    assert "# references: []" in Path("simulated.yaml").read_text()
    assert main(["check", "simulated.yaml"]) == 0
