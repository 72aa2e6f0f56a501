"""A sweep as a Slurm array, one task for each setting, and a job behind it that collects."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanompi.cluster import slurm
from nanompi.io.atomic import write_text


def write(
    folder: Path, name: str, settings: int, site: Any, notify: str, *, program: str, source: str
) -> list[Path]:
    """Write both scripts into the folder of the sweep; their paths.

    site : nanompi.cluster.site.Site; notify : command for the end of all, or ""
    program : path of nanompi; source : which site file it was, for the head
    """
    where = Path(folder).resolve()
    run = slurm.Batch(
        name=name,
        program=shlex.quote(program),
        start='sweep --resume "$run" --only "$SLURM_ARRAY_TASK_ID"',
        resume='sweep --resume "$run" --only "$SLURM_ARRAY_TASK_ID"',
        output=slurm.log_file(where, "slurm-%a.log"),
        head=(
            f"the sweep in {where} {source}: one setting a task",
            f"what failed runs again by: sbatch --array=NUMBERS {shlex.quote(f'{where}/sweep.sbatch')}",
        ),
        before=(f"run={shlex.quote(str(where))}",),
    )
    words = 'sweep --collect "$run"' + (f" --notify {shlex.quote(notify)}" if notify else "")
    last = replace(
        run,
        name=f"{name}-collect",
        start=words,
        resume=words,
        output=slurm.log_file(where, "collect.log"),
        head=(f"the sweep in {where} {source}: table and pictures",),
    )
    texts = {
        "sweep.sbatch": slurm.script(
            run, replace(site, options=[f"--array=0-{settings - 1}", *site.options])
        ),
        "collect.sbatch": slurm.script(last, replace(site, ranks=1, nodes=None, gpus=0)),
    }
    for file, text in texts.items():
        write_text(folder / file, text)
    return [folder / file for file in texts]


def submit(array: Path, collector: Path) -> tuple[str, str]:
    """Hand both to sbatch; their numbers. Errors: ResourceError with what sbatch says."""
    first = slurm.sbatch(str(array))
    # afterany: also when settings failed; a dependency that can never be met must not wait for ever.
    return first, slurm.sbatch(str(collector), f"--dependency=afterany:{first}", "--kill-on-invalid-dep=yes")
