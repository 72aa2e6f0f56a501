"""The verbs that do not run a job: what they print, their exit codes, their start."""

import json
import os
import subprocess
import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.cli import VERBS, main
from nanompi.methods.ptycho.scan import Scan

HEAVY = ("mpi4py.MPI", "cupy", "h5py", "scipy", "sklearn", "numba", "blosc2", "matplotlib", "rich")


def test_check_of_a_good_job_lists_its_steps(here, capsys):
    assert main(["check", "job.yaml", "--no-data"]) == 0
    out = capsys.readouterr().out
    assert (
        out.startswith("job.yaml: no faults. job: input by text")
        and "  ptycho.prepare\n  ptycho\n  ptycho.finish\n" in out
    )


def test_check_of_a_wrong_job_names_every_fault_and_ends_with_2(here, capsys):
    assert (
        main(["check", "job.yaml", "--set", "steps.ptycho.probe.modes=three", "--set", "run.thread=3"]) == 2
    )
    err = capsys.readouterr().err
    assert (
        err.startswith("nanompi: --set run.thread=3: run.thread: unknown parameter")
        and err.count("\n--set ") == 1
    )
    assert "Traceback" not in err


def test_check_of_missing_data_ends_with_3(here, capsys):
    assert main(["check", "job.yaml", "--set", "input.file=b.scan"]) == 3
    assert "no such file" in capsys.readouterr().err


def test_check_resolved_prints_a_job(here, capsys):
    assert main(["check", "job.yaml", "--resolved", "--no-data"]) == 0
    (here / "again.yaml").write_text(capsys.readouterr().out)
    assert main(["check", "again.yaml", "--no-data"]) == 0


@pytest.mark.parametrize(
    "argv, word",
    [(["chek"], 'did you mean "check"?'), ([], "usage"), (["check"], "required"), (["check", "--sett"], "")],
)
def test_wrong_usage_ends_with_2(argv, word, capsys):
    assert main(argv) == 2
    said = capsys.readouterr()
    assert word in said.out + said.err


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in VERBS)
    for verb in VERBS:
        assert main([verb, "-h"]) == 0


def test_methods_and_schema(here, capsys):
    assert main(["methods"]) == 0
    assert "  ptycho               Object and probe from the frames.\n" in capsys.readouterr().out
    assert main(["methods", "dm"]) == 0
    assert "a number >= 0, <= 1" in capsys.readouterr().out
    assert main(["methods", "xyz"]) == 2
    capsys.readouterr()
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "nanompi job"
    assert main(["schema", "nanompi.json"]) == 0 and json.loads((here / "nanompi.json").read_text())


def test_init_writes_a_job_that_check_accepts_and_keeps_what_is_there(here, capsys):
    assert main(["init", "new.yaml", "--from", "a.scan"]) == 0
    assert main(["check", "new.yaml", "--no-data"]) == 0
    assert main(["init", "new.yaml"]) == 2 and "--force" in capsys.readouterr().err
    assert main(["init", "new.yaml", "--force"]) == 0
    assert main(["init", "other.yaml", "--from", "nope.cxi"]) == 2
    assert main(["init", "no/folder.yaml"]) == 4


def scan():
    even = np.random.default_rng(0).poisson(0.2, (128, 128)).astype(np.uint16)
    about = {"shape": (400, 128, 128), "dtype": np.dtype("u2")}
    source = types.SimpleNamespace(**about, read=lambda index, threads=1: np.tile(even, (len(index), 1, 1)))
    positions = np.array([[0.0, 0.0], [5e-6, 8e-6]])
    mask = np.ones((128, 128), bool)
    mask[:64, :16] = False
    return Scan(
        source=source,
        positions=positions,
        wavelength=1.5498e-10,
        distance=2.0,
        pixel=(55e-6, 55e-6),
        mask=mask,
        file="a.cxi",
        format="cxi",
        notes=["a note"],
    )


def test_inspect_prints_readable_units():
    said = dict(scan().described())
    assert said["frames"] == "400 of 128 x 128 px, uint16, 13.11 MB of counts"
    assert said["wavelength"] == "154.98 pm (8.00001 keV)" and said["pixel"].startswith("55 um x 55 um")
    assert said["positions"].startswith("2 over 5 um x 8 um") and said["mask"].startswith("6.25 %")
    assert said["distance"] == "2 m" and said["note"] == "a note"


def test_inspect_opens_by_the_reader(here, monkeypatch, capsys):
    asked = []
    opened = {"data": scan()}
    monkeypatch.setattr("nanompi.run.reading.open_data", lambda *args: asked.append(args) or opened)
    assert main(["inspect", "a.scan", "--set", "input.skip=2"]) == 0
    assert main(["inspect", "job.yaml", "--set", "input.energy=9 keV"]) == 0
    assert asked[0][0] == str(here / "a.scan") and asked[0][2].skip == 2
    assert asked[1][1].energy == pytest.approx(9e3 * 1.602176634e-19)
    assert "154.98 pm" in capsys.readouterr().out
    assert main(["inspect", "nope.scan"]) == 3


def compare_as(monkeypatch, answer):
    module = types.ModuleType("nanompi.methods.ptycho.compare")
    module.compare = lambda a, b, show=None: answer
    monkeypatch.setitem(sys.modules, "nanompi.methods.ptycho.compare", module)


def test_compare_ends_with_5_above_its_limit(monkeypatch, capsys):
    compare_as(
        monkeypatch,
        {
            "judged": "phase_rmse",
            "phase_rmse": 0.0125,
            "frc": {"value": [1.0]},
            "shift_px": [1.0, 2.5],
            "r": {"half": 44.0},
        },
    )
    assert main(["compare", "a", "b"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split() for line in out] == [
        ["judged", "phase_rmse"],
        ["phase_rmse", "0.0125"],
        ["shift_px", "1", "2.5"],
        ["r.half", "44"],
    ]
    assert main(["compare", "a", "b", "--max", "0.02"]) == 0
    assert main(["compare", "a", "b", "--max", "0.01"]) == 5
    assert "phase_rmse 0.0125 is above the limit --max 0.01" in capsys.readouterr().err
    compare_as(monkeypatch, {"judged": "phase_rmse", "phase_rmse": float("nan")})
    assert main(["compare", "a", "b", "--max", "0.01"]) == 5


def test_simulate_writes_the_scan_of_a_job(here, monkeypatch, capsys):
    opened = {"data": SimpleNamespace(export=lambda path: (here / path).write_text("counts"))}
    monkeypatch.setattr("nanompi.run.reading.open_data", lambda *args: opened)
    assert main(["simulate", "sim.yaml"]) == 0 and (here / "sim.cxi").read_text() == "counts"
    assert main(["simulate", "sim.yaml", "-o", "no/folder.cxi"]) == 4
    assert "no/folder.cxi: cannot be written: No such file" in capsys.readouterr().err
    assert main(["simulate", "job.yaml"]) == 2 and "only what `simulate`" in capsys.readouterr().err


def test_ctrl_c_and_a_closed_pipe_end_without_traceback(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("nanompi.cli.check.main", stop)
    assert main(["check", "job.yaml"]) == 130 and capsys.readouterr().err == "nanompi: stopped\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["methods"],
        ["schema"],
        ["check", "job.yaml"],
        ["init", "x.yaml"],
        ["--help"],
        ["compare", "-h"],
        ["inspect", "-h"],
        ["doctor", "-h"],
        ["submit", "job.yaml", "--dry"],
        ["status"],
        ["watch"],
    ],
)
def test_verbs_start_without_mpi_cupy_and_other_heavy_modules(here, argv):
    code = (
        "import sys; from nanompi.cli import main; main(sys.argv[1:]);"
        f"bad = [m for m in {HEAVY!r} if m in sys.modules]; sys.exit(f'imported: {{bad}}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, env=env())
    assert done.returncode == 0, done.stderr


def modules(code: str) -> set[str]:
    """The modules that a python process has imported at its end."""
    code += "; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env())
    return set(done.stdout.splitlines()[-1].split())


def test_check_imports_little_more_than_its_libraries(here):
    """What a start costs is what it imports."""
    libraries = modules("import numpy, yaml")
    check = modules("from nanompi.cli import main; main(['check', 'sim.yaml', '--no-data'])")
    own = {name for name in check if name.split(".")[0] == "nanompi"}
    assert len(own) > 20 and len(check - own - libraries) < 0.5 * len(libraries)
    assert not {"pydantic", "importlib.metadata"} & check


def test_inspect_looks_at_frames_without_scipy(here):
    """Its import takes twice as long as that of NumPy, and the look at some frames a tenth of it."""
    subprocess.run([sys.executable, "-m", "nanompi", "simulate", "sim.yaml", "-o", "scan.cxi"], env=env())
    loaded = modules("from nanompi.cli import main; main(['inspect', 'scan.cxi'])")
    assert "nanompi.methods.ptycho.prepare.noise" in loaded and "h5py" in loaded
    assert not {"scipy", "pydantic", "matplotlib", "nanompi.methods.ptycho.problem"} & loaded


@pytest.mark.parametrize("argv", [["methods"], ["methods", "DM"], ["status"], ["--version"]])
def test_verbs_that_judge_no_value_do_without_pydantic(here, argv):
    loaded = modules(f"from nanompi.cli import main; main({argv!r})")
    assert "pydantic" not in loaded and "nanompi.cli" in loaded


def env():
    import nanompi

    root = os.path.dirname(os.path.dirname(nanompi.__file__))
    return {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}


def test_a_verb_of_its_own_process_prints_no_traceback(here):
    done = subprocess.run(
        [sys.executable, "-m", "nanompi", "check", "nope.yaml"], capture_output=True, text=True, env=env()
    )
    assert done.returncode == 2 and done.stderr.startswith("nanompi: nope.yaml: there is no such file")


def test_compare_draws_what_it_has_found(monkeypatch, capsys, tmp_path):
    def compare(a, b, show=None):
        show["difference"] = "a signal"
        return {"judged": "nrmse", "nrmse": 0.1, "words": ["they differ by 10 %"], "note": "of the same data"}

    module, drawn = types.ModuleType("nanompi.methods.ptycho.compare"), []
    module.compare = compare
    monkeypatch.setitem(sys.modules, "nanompi.methods.ptycho.compare", module)
    figures = types.ModuleType("nanompi.report.figures")
    figures.sheet = lambda signals, header: (signals, header)
    figures.save = lambda figure, path: drawn.append((*figure, path))
    monkeypatch.setitem(sys.modules, "nanompi.report.figures", figures)
    file = tmp_path / "differ.png"
    assert main(["compare", "a", "b", "--picture", str(file)]) == 0
    assert drawn == [({"difference": "a signal"}, "A: a    B: b", file)]
    said = capsys.readouterr()
    assert said.out.splitlines() == ["they differ by 10 %", str(file)]
    assert said.err == "warning: of the same data\n"
    assert main(["compare", "a", "b", "--picture", "differ.bmp"]) == 2
