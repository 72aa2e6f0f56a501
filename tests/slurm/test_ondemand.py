"""The example for Open OnDemand: its files can be read, name each other's values, and call what there is."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from nanompi.cli.parser import parsers, whole

FOLDER = Path(__file__).parents[2] / "slurm" / "ondemand"
VALUES = {"context.runs": "/data/my-runs", "host": "n1", "port": "7000", "nanompi_token": "abc"}


def rendered(name: str) -> str:
    """A template with VALUES; KeyError where it asks for another."""
    return re.sub(r"<%=\s*([\w.]+)\s*%>", lambda m: VALUES[m[1]], (FOLDER / name).read_text())


def test_each_field_of_the_form_is_described_or_of_ondemand_itself():
    form = yaml.safe_load(rendered("form.yml"))
    own = [name for name in form["form"] if not name.startswith("bc_")]
    assert own == ["runs"] and set(own) <= set(form["attributes"]) <= set(form["form"])
    assert form["cluster"] and not re.search(r"<%(?!=)", rendered("form.yml"))


def test_what_the_link_needs_is_handed_on_by_the_job():
    """conn_params and what the program of the site gives by itself (host, port)"""
    job = yaml.safe_load(rendered("submit.yml.erb"))
    assert job["batch_connect"]["template"] == "basic"
    named = set(re.findall(r"<%=\s*(\w+)\s*%>", (FOLDER / "view.html.erb").read_text()))
    assert named == {"host", "port", *job["batch_connect"]["conn_params"]}
    assert all(re.fullmatch(r"--[\w-]+=\w+", word) for word in job["script"]["native"])
    begin = rendered("template/before.sh.erb")
    assert all(re.search(rf"^{name}=", begin, re.M) for name in named - {"host"})
    assert named <= {*re.search(r"^export (host .*)$", begin, re.M)[1].split()}
    assert 'href="/rnode/n1/7000/#token=abc"' in rendered("view.html.erb")


@pytest.mark.parametrize("name", ["before.sh.erb", "script.sh.erb"])
def test_scripts_are_shell(name):
    done = subprocess.run(["bash", "-n"], input=rendered(f"template/{name}"), text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_is_begun_by_words_that_the_program_knows():
    (line,) = re.findall(r"^nanompi (.*)$", rendered("template/script.sh.erb"), re.M)
    verb, *words = line.replace('"', "").split()
    given = parsers(whole())[verb].parse_args(words)
    assert (verb, str(given.runs), given.host) == ("serve", "/data/my-runs", ["ondemand.example.org"])
