"""What shells complete, and the man page: from the arguments of the verbs."""

import shutil
import subprocess

import pytest

from nanompi.cli import VERBS, main
from nanompi.cli.parser import parsers, whole
from tests.patience import patience


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_every_verb_and_option_is_completed(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    options = {o for one in parsers(whole()).values() for a in one._actions for o in a.option_strings}
    assert [verb for verb in VERBS if verb not in text] == []
    assert [o for o in options if o.startswith("--") and o.lstrip("-") not in text] == []


def test_bash_completes_verbs_options_and_files(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    (tmp_path / "c.sh").write_text(capsys.readouterr().out)
    (tmp_path / "my-job.yaml").touch()

    def completed(*words):
        state = f"COMP_WORDS=(nanompi {' '.join(words)}); COMP_CWORD={len(words)}"
        script = f"source c.sh; {state}; _shtab_nanompi; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=patience(60)
        )
        return done.stdout.split()

    assert completed("ini") == ["init"]
    assert completed("init", "--le") == ["--level"]
    assert "my-job.yaml" in completed("check", "my")


def test_the_man_page_holds_every_verb_option_and_exit_code(capsys):
    assert main(["manual", "--man"]) == 0
    text = capsys.readouterr().out
    heads = [
        line.removeprefix(".SS nanompi ").replace("\\-", "-")
        for line in text.splitlines()
        if line[:3] == ".SS"
    ]
    assert heads == list(VERBS)
    assert r"\fB\-\-level {basic,expert}\fR" in text and r"\fB75\fR" in text
    requests = {line.split()[0] for line in text.splitlines() if line[:1] == "."}
    assert requests <= {".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".B", ".br", "."}


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_has_nothing_to_say_about_it(capsys):
    assert main(["manual", "--man"]) == 0
    page = capsys.readouterr().out
    command = ["groff", "-man", "-Tutf8", "-ww"]
    done = subprocess.run(command, input=page, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 0 and done.stderr == "" and "nanompi init" in done.stdout
