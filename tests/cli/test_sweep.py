"""`nanompi sweep` and `nanompi try` in one process, on a small simulated scan; the array without Slurm."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.run.lock import Lock

ROOT = Path(__file__).parents[2]
JOB = """nanompi: 1
name: x
input: {simulate: {frames: 36, size: 32, photons: 1e5}}
steps:
  - use: ptycho
    engines: [{dm: 2, alpha: {sweep: [0.8, 1.0]}}]
    probe: {sweep: [{modes: 1}, {start: aperture}]}
"""
SWEEP = Path("runs/x/sweep-0001")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with job.yaml; no launcher around."""
    for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


@pytest.fixture
def good(here):
    """The job with two settings, both good."""
    (here / "job.yaml").write_text(JOB.replace("    probe: {sweep: [{modes: 1}, {start: aperture}]}\n", ""))
    return here


def table(folder) -> list[dict]:
    with open(folder / "table.csv") as file:
        return list(csv.DictReader(file))


def test_all_settings_are_run_ranked_and_collected(here, capsys):
    assert main(["sweep", "job.yaml", "--set", "sweep={score: R}"]) == 7
    said = capsys.readouterr()
    rows = table(SWEEP)
    assert [r["code"] for r in rows] == ["0", "2", "0", "2"] and "probe.aperture" in rows[1]["message"]
    best = min(rows[::2], key=lambda r: float(r["R"]))
    assert best["rank"] == "1" and said.out.count("exit code 2: probe.start") == 4
    assert (SWEEP / "ranking.txt").read_text().splitlines()[1].endswith(best["folder"])
    assert float(best["photons"]) == pytest.approx(1e5, rel=0.1)
    for name in (
        "result.h5",
        "report.html",
        "job.resolved.yaml",
        "outcome.json",
        "logs/rank-0000.log",
    ):
        assert (SWEEP / rows[0]["folder"] / name).stat().st_size > 0, name


@pytest.mark.slow
def test_the_best_settings_are_compared_on_one_page(here, capsys):
    main(["sweep", "job.yaml", "--set", "sweep={score: R}"])
    assert f"report: {SWEEP / 'compare.html'}\n" in capsys.readouterr().out
    best = next(row["folder"] for row in table(SWEEP) if row["rank"] == "1")
    title = re.search(r"<title>2 runs: ([^,]+), ", (SWEEP / "compare.html").read_text())[1]
    assert title == best
    (SWEEP / "compare.html").unlink()
    assert main(["report", str(SWEEP)]) == 0 and (SWEEP / "compare.html").exists()


@pytest.mark.slow
def test_one_hdf5_shows_the_phases_of_all_runs_from_any_folder(here, tmp_path_factory, monkeypatch):
    main(["sweep", "job.yaml"])
    rows, where = table(SWEEP), SWEEP.resolve()
    with h5py.File(SWEEP / rows[2]["folder"] / "result.h5") as f:
        want = f["entry_1/phase/data"][()]
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with h5py.File(where / "sweep.h5") as f:
        data = f["entry_1/phase/data"]
        assert data.is_virtual and data.shape == (4, *want.shape)
        assert np.array_equal(data[2], want) and np.isnan(data[1]).all()
        assert f["entry_1/table/R"][2] == float(rows[2]["R"]) and np.isnan(f["entry_1/table/R"][1])
        assert f["entry_1/table/folder"][0].decode() == rows[0]["folder"]


def test_frames_left_out_judge_a_setting(good):
    """A reconstruction follows the noise of the frames that it sees: those left out fit less well"""
    long = "steps.ptycho.engines=[{dm: {sweep: [10, 20]}}, ML*30]"
    assert main(["sweep", "job.yaml", "--set", "sweep={score: held, heldout: 0.1}", "--set", long]) == 0
    for r in table(SWEEP):
        assert r["score"] == r["held"] and float(r["held"]) > float(r["llk"])
        assert "heldout: 0.1" in (SWEEP / r["folder"] / "job.resolved.yaml").read_text()
        with h5py.File(SWEEP / r["folder"] / "result.h5") as f:
            assert f["entry_1/positions/corners"].shape == f["entry_1/positions/measured"].shape == (36, 2)
            assert f["entry_1/held/data"][()].mean() == pytest.approx(float(r["held"]))
    assert "by 4 pairs" in (SWEEP / "ranking.txt").read_text().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("score, figure", [("llk", "R"), ("held", "R_held")])
def test_r_ranks_where_there_is_no_counting_noise(good, capsys, score, figure):
    """llk would put the better setting, whose deviance is further below 1, last"""
    exact = ["--set", "input.simulate.noise=false", "--set", f"sweep={{score: {score}}}"]
    long = ["--set", "steps.ptycho.engines=[{dm: {sweep: [2, 20]}}, ML*5]"]
    assert main(["sweep", "job.yaml", *exact, *long]) == 0
    rows = table(SWEEP)
    assert [r["rank"] for r in rows] == ["2", "1"] and all(r["score"] == r[figure] for r in rows)
    assert [r["llk"] for r in rows] == ["", ""]
    assert f"ranked by {figure.replace('_', '-')}, not by {score}" in capsys.readouterr().out


@pytest.mark.slow
def test_the_array_without_slurm(good, capsys):
    """What the tasks of slurm/sweep.sbatch do, then the collecting job"""
    tools = good / "nanompi"
    tools.write_text(f'#!/bin/bash\nexec {sys.executable} -m nanompi "$@"\n')
    tools.chmod(0o755)
    own = {"NANOMPI": str(tools), "SLURM_NTASKS": "1", "SLURM_ARRAY_JOB_ID": "42", "PYTHONPATH": str(ROOT)}
    script = ["bash", str(ROOT / "slurm/sweep.sbatch"), "job.yaml"]
    done = subprocess.run(script, env={**os.environ, **own, "SLURM_ARRAY_TASK_ID": "1"}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert main(["sweep", "--collect", "runs/sweep-42"]) == 7
    assert "0000-alpha=0.8: not run" in capsys.readouterr().out
    assert main(["sweep", "job.yaml", "--folder", "runs/sweep-42", "--only", "0"]) == 0
    assert main(["sweep", "--collect", "runs/sweep-42"]) == 0
    assert [r["rank"] for r in sorted(table(Path("runs/sweep-42")), key=lambda r: r["score"])] == ["1", "2"]
    assert main(["sweep", "job.yaml", "--folder", "runs/sweep-42", "--set", "run.threads=1", "--set",
                 "steps.ptycho.probe.modes={sweep: [1, 2]}"]) == 2  # fmt: skip
    assert "another sweep is there" in capsys.readouterr().err


SBATCH = """#!/bin/bash
echo "$@" >> {folder}/asked
echo $((100 + $(wc -l < {folder}/asked)))
"""


@pytest.mark.slow
def test_submit_hands_an_array_and_a_collecting_job_to_sbatch(good, monkeypatch, capsys):
    (good / "bin").mkdir()
    (good / "bin/sbatch").write_text(SBATCH.format(folder=good))
    (good / "bin/sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{good}/bin:{os.environ['PATH']}")
    (good / "slurm").mkdir()
    (good / "slurm/site.yaml").write_text("launcher: mpirun\nsetup: [echo ready]\n")
    assert main(["sweep", "job.yaml", "--submit", "-n", "3", "--time", "30min"]) == 0
    asked = (good / "asked").read_text().splitlines()
    where = good / SWEEP
    assert asked[0] == f"--parsable {SWEEP}/sweep.sbatch"
    collecting = f"--parsable --dependency=afterany:101 --kill-on-invalid-dep=yes {SWEEP}/collect.sbatch"
    assert asked[1] == collecting and "array 101, collected by 102" in capsys.readouterr().out
    text = (SWEEP / "sweep.sbatch").read_text()
    assert "#SBATCH --array=0-1\n" in text and "#SBATCH --ntasks=3\n" in text
    assert "\necho ready\n" in text and "30:00\n" in text
    for script, code in (("sweep.sbatch", 0), ("collect.sbatch", 7)):
        slurm = {"SLURM_NTASKS": "1", "SLURM_ARRAY_TASK_ID": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", where / script], env={**os.environ, **slurm}, capture_output=True, cwd="/"
        )
        assert done.returncode == code, done.stderr.decode()
    assert [r["code"] for r in table(where)] == ["", "0"]


@pytest.mark.slow
def test_try_makes_a_strip_of_the_middle_of_the_scan(good, capsys, drawn):
    words = ["try", "job.yaml", "steps.ptycho.probe.modes", "1", "3", "1", "--frames", "16"]
    left = ["--set", "input.select={without: [14, 15]}"]  # in the middle of 6 x 6
    assert main([*words, *left, "--iterations", "4", "--set", "steps.ptycho.engines=DM*50 ML*50"]) == 0
    assert [r["steps.ptycho.probe.modes"] for r in table(SWEEP)] == ["1", "2", "3"]
    assert (SWEEP / "contact.png").read_bytes()[:4] == b"\x89PNG"
    with h5py.File(SWEEP / table(SWEEP)[0]["folder"] / "result.h5") as f:
        measured = f["entry_1/positions/measured"][()]
        assert len(measured) == 16 and len(f["entry_1/history/error"]) == 4
    out = capsys.readouterr().out
    pages = f"settings: {SWEEP}/report.html\nreport: {SWEEP}/compare.html"
    assert out.rstrip().endswith(f"{SWEEP}/contact.png\n{pages}")
    page = (SWEEP / "report.html").read_text()
    assert page.count("data:image/png") == 4 and "Contact sheet" in page and "refresh" not in page
    log = (SWEEP / table(SWEEP)[0]["folder"] / "logs/rank-0000.log").read_text()
    assert 'selected "some:16" without 14, 15: 16 of 36 frames' in log


@pytest.mark.parametrize(
    "words, why",
    [
        ([], "name a job file, or --resume FOLDER"),
        (["job.yaml", "--only", "9"], "--only 9: there are 4 settings, 0 to 3"),
        (["job.yaml", "-n", "0"], "the number of ranks is 1 or more"),
        (
            ["job.yaml", "--set", "steps.ptycho.engines=DM*1", "--set", "steps.ptycho.probe={}"],
            "nothing is swept",
        ),
        (["job.yaml", "--set", "steps.ptycho.figures={sweep: [0]}"], "0 does not fit here"),
        (
            ["job.yaml", "--set", "sweep.score=lkl"],
            'sweep.score: "lkl" does not fit here (did you mean "llk"?); allowed: auto, R, llk, held, '
            "R-held, truth",
        ),
    ],
)
def test_wrong_words_end_with_2(here, capsys, words, why):
    assert main(["sweep", *words]) == 2
    assert why in capsys.readouterr().err and not Path("runs").exists()


def test_resume_of_another_folder_is_a_data_error(here, capsys):
    assert main(["sweep", "--resume", "."]) == 3 and "settings.json" in capsys.readouterr().err


def test_run_on_a_job_with_a_sweep_names_the_other_command(here, capsys):
    assert main(["run", "job.yaml"]) == 2
    line = "job.yaml:6:30: steps.ptycho.engines.DM.alpha: a sweep stands here: `nanompi sweep` runs all"
    assert line in capsys.readouterr().err
    assert main(["check", "job.yaml", "--no-data"]) == 0
    assert (
        "job.yaml: 4 settings, each checked; swept: steps.ptycho.engines.0.alpha" in capsys.readouterr().out
    )


# ---- several at once ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_whole_sweeps_in_one_folder_are_refused_and_tasks_of_an_array_are_not(good, capsys):
    Path("s").mkdir()
    with Lock(Path("s")):
        assert main(["sweep", "job.yaml", "--folder", "s"]) == 4
        assert f"s is in use by process {os.getpid()} on " in capsys.readouterr().err
        assert not list(Path("s").glob("*/outcome.json"))
        assert main(["sweep", "job.yaml", "--folder", "s", "--only", "0"]) == 0
        assert main(["sweep", "--resume", "s"]) == 4
    assert main(["sweep", "--resume", "s"]) == 0
    assert len(list(Path("s").glob("*/outcome.json"))) == 2


def test_a_setting_that_was_edited_is_refused(good, capsys):
    assert main(["sweep", "job.yaml", "--folder", "s", "--only", "0"]) == 0
    file = next(Path("s").glob("0001-*")) / "job.resolved.yaml"
    file.write_text(file.read_text().replace("alpha: 1.0", "alpha: 0.5"))
    assert main(["sweep", "--resume", "s"]) == 4
    assert "0001-alpha=1: job.yaml or job.resolved.yaml was changed by hand" in capsys.readouterr().err


def test_a_setting_that_runs_elsewhere_is_left_alone(good, capsys):
    assert main(["sweep", "job.yaml", "--folder", "s", "--only", "0"]) == 0
    setting = next(Path("s").glob("0001-*"))
    with Lock(setting):
        assert main(["sweep", "--resume", "s", "--only", "1"]) == 7
        said = capsys.readouterr().err
        assert "exit code 4" in said and "is in use by process" in said
        assert not (setting / "result.h5").exists()
