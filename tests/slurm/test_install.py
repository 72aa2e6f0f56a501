"""Examples of an installation for a site: names and versions are those of pyproject.toml, commands exist."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import nanompi
from nanompi.cli import VERBS

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "slurm" / "install"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = {"python-blosc2": "blosc2", "matplotlib-base": "matplotlib"}  # as conda-forge calls them
FILES = ("Dockerfile", "nanompi.def", "meta.yaml", "nanompi.lua")


@pytest.mark.parametrize("name", FILES)
def test_commands_and_extras_exist(name):
    text = (INSTALL / name).read_text()
    commands = re.findall(r"(?:^|[\s;.(]|exec )nanompi(?:\.sif)? (\w[\w-]*)(?=\s|$)", text, re.M)
    words = {*VERBS, "in", "run"}
    assert {c for c in commands if c.islower()} - words - {"is"} == set()
    extras = {extra for group in re.findall(r"\[([a-z0-9,]+)\]\"", text) for extra in group.split(",")}
    assert extras <= set(PROJECT["optional-dependencies"])
    assert name in ("meta.yaml",) or extras


def test_the_recipe_asks_for_what_pip_would():
    recipe = yaml.safe_load((INSTALL / "meta.yaml").read_text())
    run = {CONDA.get(name, name): version for name, version in map(str.split, recipe["requirements"]["run"])}
    asked = dict(re.match(r"([\w-]+)(.*)", one).groups() for one in PROJECT["dependencies"])
    assert run.pop("python") == PROJECT["requires-python"]
    assert run == asked
    assert recipe["build"]["entry_points"] == [f"nanompi = {PROJECT['scripts']['nanompi']}"]
    assert recipe["about"]["license"] == PROJECT["license"]["text"]


def test_versions_are_those_of_the_program():
    recipe, module = ((INSTALL / name).read_text() for name in ("meta.yaml", "nanompi.lua"))
    assert yaml.safe_load(recipe)["package"]["version"] == nanompi.__version__
    versions = set(re.findall(r"\b\d+\.\d+\.\d+\b", module))
    assert versions == {nanompi.__version__}


@pytest.mark.parametrize("name", ["Dockerfile", "nanompi.def"])
def test_the_python_of_an_image_is_one_that_is_supported(name):
    major, minor = re.search(
        r"(?i)^from:? python:(\d+)\.(\d+)-slim$", (INSTALL / name).read_text(), re.M
    ).groups()
    assert (int(major), int(minor)) >= tuple(
        map(int, PROJECT["requires-python"].removeprefix(">=").split("."))
    )
