"""A job on the page: checked, edited, planned, made ready. Tasks of nanompi.web.child.

The text of the job is the one truth: an edit of the form changes one value in it, and what the form shows is
read from it again.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, NanompiError
from nanompi.methods import discover

JOB = "job.yaml"


def schema() -> dict[str, Any]:
    """The JSON schema of jobs, from which the form is made."""
    from nanompi.job.schema import schema

    discover()
    return schema()


def templates() -> list[dict[str, str]]:
    """[{name, about, of}] of what a first job can begin with; of : the method, "ptycho", "xrf" ...; of a
    workflow "stages"; or ""."""
    from nanompi.job.templates import templates

    discover()
    return [{"name": name, "about": one.about, "of": _about(one)} for name, one in templates().items()]


def _about(one) -> str:
    return "stages" if one.workflow else "".join(one.steps[-1:]).partition(".")[0]


def template(name: str, scan: str = "") -> str:
    """A first job; name : of a template, or "" for what the reader of the scan proposes."""
    from nanompi.job.starter import starter
    from nanompi.job.templates import find

    discover()
    chosen = find(name) if name else None
    if chosen is not None and chosen.file:
        return chosen.file.read_text(encoding="utf-8")
    file = os.path.abspath(f"{Path(scan).stem or name or 'job'}.yaml")
    text = starter(file, scan, chosen, "basic")
    return text.replace(os.path.relpath(scan, os.path.dirname(file)), scan) if scan else text


def check(yaml: str, edits: dict[str, str | None], data: bool) -> dict[str, Any]:
    """{yaml, values, code, faults, notes}: the text with edits, what it says, and what is wrong with it.

    edits : {dotted path: value as YAML, None = take it out}
    data  : is the input opened, too?
    """
    from nanompi.job.answer import answer

    discover()
    values = _values(yaml)
    if edits and isinstance(values, dict):
        yaml = _edited(values, edits)
        values = _values(yaml)
    with _file(yaml) as file:
        found = answer(file, data=data)
    own = {name: found[name] for name in ("code", "notes", "input", "settings") if name in found}
    faults = [{**one, "text": one["text"].replace(file, JOB), "file": JOB} for one in found["faults"]]
    return {"yaml": yaml, "values": values, "faults": faults, **own}


def plan(yaml: str, ranks: int) -> str:
    """What `nanompi plan` says of the job."""
    from nanompi.cluster.plan import seer, unknown
    from nanompi.job.job import read_job
    from nanompi.mpi.link import Link

    if workflow := _workflow(yaml):
        from nanompi.workflow.stages.plan import plan

        return "\n".join(plan(workflow, ranks, 1, Link(10e9, 5e-6)))
    with _file(yaml) as file:
        job = read_job(file)
    report = seer(job).foresee(job, 1).report(ranks, Link(10e9, 5e-6), None, 1, None)
    return "\n".join([report, *unknown(job)])


def script(yaml: str, ranks: int, runs: str) -> str:
    """The script that Slurm would get: `nanompi submit --dry`."""
    from nanompi.cluster import slurm
    from nanompi.cluster.submit import batch

    if workflow := _workflow(yaml):
        return _scripts(workflow, ranks, runs)
    job, here, source = _for_slurm(yaml, ranks)
    return slurm.script(batch(job.name, Path(runs).absolute() / job.name / "run-NNNN", here, source), here)


def submit(yaml: str, ranks: int, runs: str) -> str:
    """Hand the job to Slurm; its run folder."""
    from nanompi.cluster import slurm
    from nanompi.cluster.submit import submit

    slurm.need_sbatch()
    if workflow := _workflow(yaml):
        return _submitted(workflow, ranks, runs)
    job, here, source = _for_slurm(yaml, ranks)
    return str(submit(job, here, source, runs)[0].absolute())


def claim(yaml: str, ranks: int, runs: str) -> str:
    """The folder of a checked job or workflow that is to run here; it waits."""
    from nanompi.cluster.submit import waiting
    from nanompi.job.folder import claim

    if workflow := _workflow(yaml):
        from nanompi.workflow.stages.folder import create

        return str(create(workflow, runs).absolute())
    job = _runnable(yaml)
    folder = claim(job, runs)
    waiting(folder, job.name, ranks)
    return str(folder.absolute())


def _scripts(workflow, ranks: int, runs: str) -> str:
    """Of each stage the command and the script"""
    from nanompi.workflow.stages import script
    from nanompi.workflow.stages.folder import foreseen

    flow = foreseen(workflow, Path(runs).absolute() / workflow.name / "workflow-NNNN")
    here = script.Here(*_site(ranks))
    return "\n".join(f"# {words}\n{script.text(flow, one, here)}" for one, words in script.commands(flow))


def _submitted(workflow, ranks: int, runs: str) -> str:
    """Hand a workflow to Slurm; its folder"""
    from nanompi.workflow.stages import script

    return str(script.begin(workflow, script.Here(*_site(ranks)), runs)[0].path)


def _workflow(yaml: str):
    """The checked workflow of a text; None where it is a job"""
    from nanompi.job.kind import is_workflow
    from nanompi.job.stages import read_workflow

    discover()
    with _file(yaml) as file:
        return _plainly(read_workflow, file) if is_workflow(file) else None


def _for_slurm(yaml: str, ranks: int):
    return _runnable(yaml), *_site(ranks)


def _site(ranks: int):
    """The site with so many ranks, and its file"""
    from dataclasses import replace

    from nanompi.cluster.site import site

    here, source = site()
    return replace(here, ranks=ranks), source


def _runnable(yaml: str):
    """The checked job of a text. Errors: JobError of one that `nanompi run` would refuse."""
    from nanompi.job.job import read_job

    discover()
    with _file(yaml) as file:
        return _plainly(read_job, file)


def _plainly(read, file: str):
    """What `read` makes of a file; its faults name no file of ours"""
    try:
        return read(file)
    except NanompiError as e:
        raise type(e)(*(line.replace(file, JOB) for line in e.args)) from None


@contextlib.contextmanager
def _file(yaml: str) -> Iterator[str]:
    """A file with the text of a job, in a folder that only we can open"""
    with tempfile.TemporaryDirectory(prefix="nanompi-") as folder:
        path = Path(folder, JOB)
        path.write_text(yaml, encoding="utf-8")
        yield str(path)


def _values(yaml: str) -> Any:
    """What a text says, as plain values; None where it is no YAML"""
    from nanompi.job.faults import Faults
    from nanompi.job.yaml12 import plain, read

    faults = Faults()
    values = plain(read(yaml, JOB, faults)[0])
    return None if len(faults) else values


def _edited(values: dict[str, Any], edits: dict[str, str | None]) -> str:
    """The job with some values changed, as text"""
    from nanompi.job.yaml12 import write

    for path, text in edits.items():
        _put(values, path.split("."), text)
    return write(values)


def _put(tree: Any, path: list[str], text: str | None):
    """Set one value, or take it out with the sections that are empty then"""
    key = _key(tree, path[0])
    if len(path) == 1:
        if text is None:
            tree.pop(key, None) if isinstance(tree, dict) else None
        else:
            tree[key] = _scalar(text)
        return
    inner = tree.get(key) if isinstance(tree, dict) else tree[key]
    if isinstance(tree, list) and isinstance(inner, str):
        inner = {"use": inner}  # the short form of a step
    inner = inner if isinstance(inner, dict | list) else {}
    _put(inner, path[1:], text)
    if inner or key == "input":
        tree[key] = inner
    elif isinstance(tree, dict):
        tree.pop(key, None)


def _key(tree: Any, word: str):
    if isinstance(tree, dict):
        return word
    if isinstance(tree, list) and word.isascii() and word.isdigit() and int(word) < len(tree):
        return int(word)
    raise JobError(f"there is no place {word} to change")


def _scalar(text: str) -> Any:
    """A value as YAML; a text where it is none"""
    value = _values(text)
    return text if value is None and text.strip() not in ("null", "~") else value
