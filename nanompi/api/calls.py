"""`reconstruct`, `run_job` (nanompi.run) and `load`: what programs of users call."""

import json
import secrets
from contextlib import contextmanager
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.api.result import Result
from nanompi.errors import DataError, JobError


def reconstruct(
    frames,
    *,
    x=None,
    y=None,
    energy=None,
    distance=None,
    pixel=None,
    engines=None,
    name: str = "reconstruct",
    folder: str | PathLike | None = None,
    log: bool = False,
    **parameters,
) -> Result:
    """Object and probe of a ptychographic scan that stands in memory (collective under mpirun).

    frames : (n, rows, columns) array of counts, or anything with shape, dtype and slices such as a dataset of
        h5py, of which each rank reads its own. Under mpirun every rank gives the same ones, or rank 0 alone
        (None elsewhere), which sends them
    x, y   : (n,) place of the probe on the sample, columns to the right and rows down, in m; or with a unit:
        (x, "um"), a quantity of astropy or pint, `units={"x": "um", "y": "um"}`. `positions` is (n, 2) as
        (row, column) in their place
    energy, distance, pixel : of the photons (a bare number is keV), from sample to detector (m), of a pixel
        of the detector (m); numbers, texts such as "8 keV", quantities; `wavelength` and `focus` likewise
    engines : as in a job file: "DM*50 ML*50"
    mask, dark, monitor : (rows, columns) True = good, (rows, columns), (n,)
    parameters : all others of `input` and of the step `ptycho` by their names (`select`, `heldout`,
        `probe={"modes": 2}`, `probe=array`, `object=array`), and `prepare`, `finish`, `run`, `output` as
        mappings
    name   : of the job; folder : of the run, as of `nanompi run --folder`; without one nothing is written
    log    : the log on stdout, too; it stands in the result

    Errors: JobError, DataError ... (`nanompi.errors`) with all faults at once, in `faults`.
    """
    keywords = {"x": x, "y": y, "energy": energy, "distance": distance, "pixel": pixel, "engines": engines}
    frames = frames if frames is None or hasattr(frames, "dtype") else np.asarray(frames)
    return _performed(partial(_from_arrays, frames, keywords | parameters, name), frames, folder, log)


def run_job(job, *, folder: str | PathLike | None = None, log: bool = False, settings: dict | None = None):
    """The result of a job: of a file, or of the same as a dict (collective under mpirun). All methods.

    settings : {"steps.ptycho.probe.modes": 2}, as `--set` of the command line. folder, log, errors : as for
    `reconstruct`. What the section `output` says of a folder is not followed: nothing is written without one.
    """
    if not isinstance(job, str | PathLike | dict):
        raise JobError(f"{type(job).__name__} is no job; give the name of a file, or a dict")
    return _performed(partial(_from_job, job, settings or {}), None, folder, log)


def load(run: str | PathLike) -> Result:
    """The result of a run: of its folder, or of a result.h5. Arrays are read when they are asked for.

    Errors: DataError where there is none.
    """
    from nanompi.api.sources import Going, Stored
    from nanompi.report.record import record

    path = run_of(run)
    if path.is_file():
        return _loaded(Stored(path), path.stem, None)
    there, job = (path / "result.h5").is_file(), record(path).resolved
    name = str(job.get("name", path.name))
    return _loaded(Stored(path / "result.h5") if there else Going(record(path)), name, path)


def run_of(name: str | PathLike) -> Path:
    """The result file, or the run folder, that a name means: itself, or the latest run of a job of this name.

    Errors: DataError.
    """
    path = Path(name)
    tries = [path, path / "latest", Path("runs") / path / "latest"]
    kept = ("job.resolved.yaml", "result.h5")  # the first from the start of a run on, the second in a copy
    found = next((one for one in tries if any((one / file).is_file() for file in kept)), None)
    if found is None:
        _no_workflow(name, tries)
    if found is None and not path.is_file():
        raise DataError(f"{name}: there is no result and no run. Looked at {', '.join(map(str, tries))}")
    return found or path


def _no_workflow(name, tries: list[Path]):
    """Errors: DataError naming a result, where a workflow is named in place of one of its items."""
    flow = next((one for one in tries if (one / "workflow.json").is_file()), None)
    if flow:
        some = next(iter(sorted(flow.glob("*/*/result.h5"))), None)
        text = f"for example {some.parent}" if some else "it has none yet"
        raise DataError(f"{name} is a workflow; its results are those of its items, STAGE/ITEM: {text}")


def result_of(name: str | PathLike) -> Path:
    """The result file that a name means. Errors: DataError."""
    from nanompi.run.result import result_file

    return result_file(run_of(name))


def _loaded(source, name: str, folder: Path | None) -> Result:
    """The result, by the name of its job; with the end of the log where there is one."""
    from nanompi.report.record import record

    log = record(folder).log_tail(1 << 20) if folder else ""
    return Result(source.notes.get("job", {}).get("name", name), source, folder=folder, log=log)


def _performed(job_of, frames, folder, log: bool) -> Result:
    """Perform the job that `job_of(key)` gives on rank 0, in this process and its ranks."""
    from nanompi.api.lines import Lines
    from nanompi.data.memory import held
    from nanompi.methods import discover
    from nanompi.run.life import attended, live

    lines = Lines(log)
    with attended(discover, lines) as ranks:
        key = ranks.team.bcast(secrets.token_hex(8))
        with held(key, {"frames": frames}):
            run = live(ranks, partial(_begun, partial(job_of, key), folder))
        return Result.of(run, str(lines))


@contextmanager
def _begun(job_of, folder, vendor: str, hosts: list[str]):
    """(job, folder, marks, files) as `live` wants them (rank 0)."""
    from nanompi.job.folder import held, named

    job = job_of()
    if folder is None:
        _without_folder(job)
        yield job, None, {}, []
        return
    with held(job, named(fspath(folder)), vendor, hosts) as begun:
        yield begun


def _without_folder(job):
    """Errors: JobError for what is written into a folder alone."""
    from nanompi.job.faults import Faults, Place
    from nanompi.job.job import Output

    faults, usual = Faults(), Output()
    for name in ("type", "tiff", "zarr"):
        if getattr(job.output, name) != getattr(usual, name):
            faults.add(Place(), f"output.{name}", "this is written into the folder of a run; give `folder=`")
    faults.stop()


def _from_arrays(frames, keywords: dict[str, Any], name: str, key: str):
    """The checked job of `reconstruct`, whose reader knows the arrays (rank 0)."""
    from nanompi.api.keywords import split
    from nanompi.api.values import quantity
    from nanompi.data.memory import HELD
    from nanompi.job.faults import Faults, Place
    from nanompi.job.job import job_of
    from nanompi.job.tree import of_values

    faults = Faults()
    if frames is None:
        faults.add(Place(), "frames", "an array (n, rows, columns) is needed, on rank 0 at least")
    values, arrays = split(keywords, faults)
    job = job_of(of_values(values | {"name": name}, [], faults), name, faults)
    HELD[key].update({each: quantity(one) for each, one in arrays.items()})
    job.reader.key = key
    return job


def _from_job(job, settings: dict[str, Any], key: str):
    """The checked job of a file or of a dict (rank 0)."""
    from nanompi.api.values import written
    from nanompi.job.faults import Faults
    from nanompi.job.job import job_of, read_job
    from nanompi.job.tree import of_values

    sets = [f"{path}={json.dumps(written(one), ensure_ascii=False)}" for path, one in settings.items()]
    if not isinstance(job, dict):
        return read_job(fspath(job), sets)
    faults = Faults()
    return job_of(of_values(written(job), sets, faults), "job", faults)
