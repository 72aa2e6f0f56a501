"""What a stage needs of those before it: a share of their items with a result."""

from nanompi.errors import shown
from nanompi.report.workflow import enough
from nanompi.workflow.stages.folder import StageFolder, WorkflowFolder
from nanompi.workflow.task import Task

SAID = 10  # items that are named


def unmet(folder: WorkflowFolder, stage: StageFolder, why: bool = True) -> list[str]:
    """Why a stage cannot begin, a line for each stage that has too few results; [] when it can.

    why : also say of each item why it has none
    """
    lines = []
    for name, share in stage.needs.items():
        other = folder.stage(name)
        missing = other.missing()
        here = len(other.tasks) - len(missing)
        if not enough(here, len(other.tasks), share):
            lines.append(
                f"{stage.name} needs {share:.6g} of {name}: {here} of {len(other.tasks)} items are there; "
                f"missing: {named(missing, why)}"
            )
    return lines


def without(folder: WorkflowFolder, stage: StageFolder) -> list[str]:
    """What a stage that can begin goes on without, a line for each stage before it."""
    found = {name: folder.stage(name).missing() for name in stage.needs}
    return [
        f"{stage.name} goes on without {named(missing)} of {name}"
        for name, missing in found.items()
        if missing
    ]


def named(tasks: list[Task], why: bool = True) -> str:
    """Items by the names of their folders; why : also say why they have no result, where that is known."""
    text = ", ".join(_named(task) if why else task.path.name for task in tasks[:SAID])
    return text + (f" and {len(tasks) - SAID} more" if len(tasks) > SAID else "")


def _named(task: Task) -> str:
    found = task.outcome()
    why = f" (exit code {found['code']}: {shown(found.get('message', ''), 120)})" if found.get("code") else ""
    return task.path.name + why
