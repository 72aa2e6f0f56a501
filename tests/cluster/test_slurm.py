"""The batch script, times, what Slurm's commands say: without a Slurm, with stand-ins for its commands."""

import subprocess

import pytest

from nanompi.cli import main
from nanompi.cluster import slurm
from nanompi.cluster.site import Site, site
from nanompi.errors import JobError, ResourceError
from nanompi.units import clock, seconds
from tests.patience import patience


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """tool(name, text): a shell script that stands in PATH for a command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name: str, text: str):
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)

    return make


@pytest.mark.parametrize(
    "text, value, slurms",
    [
        ("90", 5400, "1:30:00"),
        ("4h", 14400, "4:00:00"),
        ("30min", 1800, "0:30:00"),
        ("2d", 172800, "2-00:00:00"),
        ("4:00:00", 14400, "4:00:00"),
        ("30:15", 1815, "0:30:15"),
        ("1-12:00:00", 129600, "1-12:00:00"),
        ("1-12:00", 129600, "1-12:00:00"),
    ],
)
def test_times(text, value, slurms):
    assert seconds(text) == value and clock(value) == slurms


@pytest.mark.parametrize("text", ["soon", "0", "0:00", "3 um"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(JobError):
        seconds(text)


def test_each_fact_of_the_site_stands_in_the_script():
    here = Site(
        partition="gpu",
        account="x-ray",
        ranks=8,
        nodes=2,
        cores=6,
        gpus=4,
        memory="4G",
        time="4h",
        margin="5min",
        mpi="pmix",
        setup=["module load cuda"],
        environment={"A": "b c", "N": 3},
        options=["--qos=short"],
    )
    lines = slurm.script(slurm.HAND, here).splitlines()
    wanted = "partition=gpu account=x-ray ntasks=8 nodes=2 cpus-per-task=6 mem-per-cpu=4G"
    wanted += " ntasks-per-node=4 gpus-per-node=4"
    for option in [*wanted.split(), "time=4:00:00", "signal=USR1@300", "qos=short", "requeue"]:
        assert f"#SBATCH --{option}" in lines
    assert "module load cuda" in lines and "export A='b c'" in lines and "export N=3" in lines
    assert 'srun --kill-on-bad-exit=1 --mpi=pmix "$nanompi" "${words[@]}"' in lines


@pytest.mark.parametrize(
    "ranks, nodes, gpus, wanted",
    [
        (8, None, 4, "nodes=2 ntasks-per-node=4 gpus-per-node=4"),
        (6, None, 4, "nodes=2 ntasks-per-node=3 gpus-per-node=3"),  # as evenly as can be, no card idle
        (2, None, 4, "nodes=1 ntasks-per-node=2 gpus-per-node=2"),
        (8, 1, 4, "nodes=1 ntasks-per-node=8 gpus-per-node=4"),  # two ranks share a card
        (4, 4, 4, "nodes=4 ntasks-per-node=1 gpus-per-node=1"),
        (4, None, 0, ""),
    ],
)
def test_cards_are_asked_for_by_node(ranks, nodes, gpus, wanted):
    lines = slurm.options(slurm.HAND, Site(ranks=ranks, nodes=nodes, gpus=gpus))
    placed = [line for line in lines if line.startswith(("--nodes", "--ntasks-per", "--gpus"))]
    assert [f"--{option}" for option in wanted.split()] == placed


def test_a_short_job_is_told_at_three_quarters_of_its_time():
    assert "#SBATCH --signal=USR1@60\n" in slurm.script(slurm.HAND, Site(time="4min"))


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
@pytest.mark.parametrize("restarts, words", [("", "run job.yaml --set a=7 --folder"), ("2", "resume")])
def test_a_restart_resumes_and_75_goes_back_into_the_queue(tool, tmp_path, launcher, restarts, words):
    tool("program", f'echo "$@" >> {tmp_path}/said; exit 75')
    tool("srun", f'echo srun >> {tmp_path}/steps; while [ "${{1:0:1}}" = - ]; do shift; done; exec "$@"')
    tool("scontrol", f'[ $1 = show ] && echo JobState=RUNNING || echo "$@" > {tmp_path}/queue')
    (tmp_path / "x.sbatch").write_text(slurm.script(slurm.HAND, Site(launcher=launcher)))
    own = {"SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "n", "SLURM_NTASKS": "3", "SLURM_ARRAY_JOB_ID": "11"}
    own |= {"SLURM_ARRAY_TASK_ID": "7", "NANOMPI": "program", "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    own |= {"SLURM_RESTART_COUNT": restarts} if restarts else {}
    command = ["bash", "x.sbatch", "job.yaml", "--set", "a=%a"]
    done = subprocess.run(
        command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=patience(20)
    )
    assert done.returncode == 75 and (tmp_path / "queue").read_text() == "requeue 12\n"
    ranks = " -n 3" if launcher == "mpirun" else ""
    assert (tmp_path / "said").read_text() == f"{words} runs/n/job-11_7{ranks}\n"
    if launcher == "srun":  # a step for each restart before, so that the number of this one is new
        assert (tmp_path / "steps").read_text().count("srun") == 1 + int(restarts or 0)


def test_signals_reach_mpirun_and_its_exit_code_comes_back(tool, tmp_path):
    waits = "while ! grep -q State:.S /proc/$PPID/status; do sleep 0.02; done"  # the script knows its child
    tool("program", f"trap 'sleep 0.3; exit 75' USR1; {waits}; echo ready; while true; do sleep 0.05; done")
    tool("scontrol", "")
    (tmp_path / "x.sbatch").write_text(slurm.script(slurm.HAND, Site(launcher="mpirun")))
    own = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "n", "SLURM_NTASKS": "1", "NANOMPI": "program"}
    own |= {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    p = subprocess.Popen(["bash", "x.sbatch", "j"], cwd=tmp_path, env=own, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    p.send_signal(10)
    assert p.wait(patience(10)) == 75


EXECUTED = ["x\ntouch executed", "$(touch executed)", "`touch executed`", "a;touch executed", "a'b", "-rf"]
NAMES = [*EXECUTED, 'a"b', "x\r", "#x", "100%j", "a\\", "a\x1b[2J", "a\u2028b", "a\x85b"]
NAMES += [".", "..", "a/b", " a", "a ", "", "a" * 201, "ü" * 101]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["name", "file"])
def test_a_name_is_no_line_of_a_script(job, capsys, name, how):
    import yaml

    if "/" in name or name == "" or len(name) > 100:
        how = "name"  # there is no such file
    file = "j.yaml" if how == "name" else f"{name}.yaml"
    head = f"name: {yaml.safe_dump(name, default_style=chr(34), width=9999)}" if how == "name" else ""
    (job / file).write_text(f"nanompi: 1\n{head}input: {{simulate: {{frames: 9}}}}\nsteps: [ptycho]\n")
    assert main(["submit", "--dry", "--", file]) == 2
    err = capsys.readouterr().err
    assert ("2:7" if how == "name" else "1:1") in err and "name: " in err and "allowed: letters" in err
    assert "\ntouch executed" not in err


@pytest.mark.parametrize("name", ["a b", "Siemens+star_2@3=4.5-6", "Größe", "試料 1", "7", "_a"])
def test_an_ordinary_name_is_one(job, capsys, name):
    (job / "j.yaml").write_text(
        f"nanompi: 1\nname: '{name}'\ninput: {{simulate: {{frames: 9}}}}\nsteps: [ptycho]\n"
    )
    assert main(["submit", "--dry", "j.yaml"]) == 0
    out = capsys.readouterr().out
    option = next(line for line in out.splitlines() if "--job-name" in line)
    assert option.replace("'", "") == f"#SBATCH --job-name={name}"


def ran(job, text: str) -> list[str]:
    """What the lines of a script do in bash, with stand-ins for Slurm's commands."""
    (job / "x.sh").write_text(text)
    own = {"PATH": f"{job}/bin:/usr/bin:/bin", "SLURM_JOB_ID": "42"}
    subprocess.run(["bash", "x.sh"], cwd=job, env=own, capture_output=True, timeout=patience(20))
    return (job / "words").read_text().splitlines()


@pytest.mark.parametrize("out", ["o p", *EXECUTED[1:]])
def test_an_odd_folder_is_quoted_in_the_script(job, tool, capsys, out):
    tool("srun", f'printf "%s\\n" "$@" > {job}/words')
    assert main(["submit", "--dry", f"--out={out}", "job.yaml"]) == 0
    said = ran(job, capsys.readouterr().out)
    assert said[-1] == f"{job}/{out}/job/run-NNNN" and not (job / "executed").exists()


def test_what_slurm_expands_is_doubled(job, capsys):
    assert main(["submit", "--dry", "--out=100%j", "job.yaml"]) == 0
    assert f'--output="{job}/100%%j/job/run-NNNN/slurm-%j.log"' in capsys.readouterr().out


@pytest.mark.parametrize("out", ["a\nb", "a\x1bb", "a\u2028b", 'a"b', "a#b", "a\\b"])
def test_a_folder_that_no_script_can_hold_is_refused(job, capsys, out):
    assert main(["submit", "--dry", f"--out={out}", "job.yaml"]) == 2
    assert capsys.readouterr().out == ""


def test_so_is_one_above_the_working_folder(job, capsys, monkeypatch):
    (job / "a\ntouch executed").mkdir()
    monkeypatch.chdir(job / "a\ntouch executed")
    assert main(["submit", "--dry", "../job.yaml"]) == 2
    assert "a batch script cannot hold \\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        'partition: "x\\ntouch executed"',
        'partition: "x --wrap=date"',
        'account: "x\\n#SBATCH --partition=other"',
        'memory: "4G; touch executed"',
        'mpi: "pmi2; touch executed"',
        'options: ["--qos=x\\ntouch executed"]',
        'options: ["touch executed"]',
        'setup: ["a\\u2028b"]',
        'environment: {"A B; touch executed": 1}',
        'environment: {A: "x\\u2028"}',
        'nanompi: "a\\nb"',
    ],
)
def test_a_site_file_cannot_add_lines(job, capsys, line):
    (job / "s.yaml").write_text(line + "\n")
    assert main(["submit", "--dry", "--site", "s.yaml", "job.yaml"]) == 2
    assert "s.yaml:1:" in capsys.readouterr().err


def test_a_site_file_that_everybody_can_write_must_be_named(job, capsys):
    (job / "slurm").mkdir(mode=0o755)
    (job / "slurm" / "site.yaml").write_text("account: mine\n")
    assert main(["submit", "--dry", "job.yaml"]) == 0
    out = capsys.readouterr().out
    assert f"with {job}/slurm/site.yaml" in out.splitlines()[1] and "--account=mine" in out
    for path in ("slurm", "slurm/site.yaml"):
        (job / path).chmod((job / path).stat().st_mode | 0o002)
        assert main(["submit", "--dry", "job.yaml"]) == 2
        assert f"{path} can be written by everybody" in capsys.readouterr().err
        assert main(["submit", "--dry", "--site", "slurm/site.yaml", "job.yaml"]) == 0
        (job / path).chmod((job / path).stat().st_mode & ~0o002)


def test_a_site_file_of_another_user_must_be_named(job, capsys, monkeypatch):
    from nanompi.cluster import site as module

    (job / "slurm").mkdir()
    (job / "slurm" / "site.yaml").write_text("account: theirs\n")
    monkeypatch.setattr(module.os, "getuid", lambda: (job / "slurm").stat().st_uid + 1)
    if (job / "slurm").stat().st_uid == 0:
        monkeypatch.setattr(module, "MAY", ())  # the tests run as root, whose files are believed
    assert main(["submit", "--dry", "job.yaml"]) == 2
    assert "belongs to another user" in capsys.readouterr().err


# ---- site.yaml ---------------------------------------------------------------------------------------------


def test_the_site_file_in_the_repository_shows_every_key_with_its_default(monkeypatch):
    from dataclasses import fields
    from pathlib import Path

    path = Path(__file__).parents[2] / "slurm" / "site.yaml"
    assert site(str(path))[0] == Site()
    lines = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ") and "  # " in line]
    (shown := path.parent / "shown.yaml")
    assert [line.split(":")[0] for line in lines] == [f.name for f in fields(Site)]
    from nanompi.cluster import site as module
    from nanompi.job.faults import Faults

    given, _ = module.yaml12.read("\n".join(lines), str(shown), Faults())
    assert Site(**given) == Site()


def test_faults_of_a_site_file_are_told_with_line_and_nearest_name(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("partion: gpu\nranks: 0\nlauncher: srun\nlaunch: x\n")
    with pytest.raises(JobError) as e:
        site(str(path))
    said = str(e.value)
    assert f"{path}:1:1: partion: unknown parameter" in said and 'did you mean "partition"?' in said
    assert f"{path}:2:8: ranks: 0 does not fit here" in said and f"{path}:4:1" in said
    path.write_text("time: soon\n")
    with pytest.raises(JobError, match="'soon' is not a quantity"):
        site(str(path))
    path.write_text("- a\n")
    with pytest.raises(JobError, match="a site file is a mapping of partition"):
        site(str(path))
    with pytest.raises(JobError, match=r't.yaml: there is no such file \(did you mean "s.yaml"'):
        site(str(tmp_path / "t.yaml"))


def test_the_site_file_is_looked_for_here_then_at_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert site() == (Site(), "")
    for folder, name in (("home/.config/nanompi", "home"), ("slurm", "here")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "site.yaml").write_text(f"account: {name}\n")
        assert site()[0].account == name
    (tmp_path / "slurm" / "site.yaml").write_text("")
    assert site() == (Site(), "slurm/site.yaml")


# ---- submit ------------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path, monkeypatch):
    """The current folder with job.yaml, no site file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "job.yaml").write_text("nanompi: 1\ninput: {simulate: {frames: 9}}\nsteps: [ptycho]\n")
    return tmp_path


def test_dry_prints_the_script_and_makes_nothing(job, capsys):
    assert main(["submit", "job.yaml", "--dry", "-n", "6", "--time", "2h"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("#!/bin/bash\n# nanompi submit: the job of ") and "#SBATCH --ntasks=6\n" in out
    assert "#SBATCH --time=2:00:00\n" in out and "#SBATCH --job-name=job\n" in out
    assert not (job / "runs").exists()


def test_submit_writes_the_folder_and_tells_where(job, tool, capsys):
    tool("sbatch", "cp $2 /dev/stderr; [ $1 = --parsable ] && echo '77;cluster'")
    assert main(["submit", "job.yaml"]) == 0
    out = capsys.readouterr().out
    assert "job     77: job, 4 ranks for 1:00:00\nfolder  runs/job/run-0001 " in out
    assert "nanompi watch runs/job/run-0001   or   squeue --job=77" in out
    folder = job / "runs" / "job" / "run-0001"
    script = (folder / "run.sbatch").read_text()
    assert f"run={folder}\n" in script and 'words=(run "$run/job.resolved.yaml" --folder "$run")' in script
    assert main(["check", str(folder / "job.resolved.yaml")]) == 0
    tool("squeue", "echo '77|PENDING|Priority'")
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "job/run-0001" in out and "waiting" in out and out.endswith("77 PENDING (Priority)\n")


def test_errors_of_submit(job, tool, capsys, monkeypatch):
    assert main(["submit", "job.yaml", "--set", "run.threads=0"]) == 2  # as check
    assert main(["submit", "job.yaml", "-n", "0"]) == 2
    assert main(["submit", "job.yaml", "--time", "soon"]) == 2
    assert "--time soon: 'soon' is not a quantity" in capsys.readouterr().err
    with monkeypatch.context() as m:
        m.setenv("PATH", "/nowhere")
        assert main(["submit", "job.yaml"]) == 4
    assert "there is no sbatch in PATH: submit on a login node" in capsys.readouterr().err
    tool("sbatch", "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1")
    assert main(["submit", "job.yaml"]) == 4
    said = capsys.readouterr().err
    assert "sbatch refuses the job: Batch job submission failed: Invalid account (script " in said
    assert not list((job / "runs" / "job").iterdir())


def test_the_queue(tool):
    tool("squeue", "printf '7|RUNNING|None\\n8_1|PENDING|Resources\\n'")
    assert slurm.queue() == {"7": ("RUNNING", ""), "8_1": ("PENDING (Resources)", "")}
    tool("squeue", "exit 1")
    assert slurm.queue() is None


def test_without_sbatch_the_way_out_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ResourceError, match="with --dry, or run the job here with `nanompi run`"):
        slurm.need_sbatch()
    assert slurm.queue() is None
