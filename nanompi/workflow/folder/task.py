"""What a watcher does with one file: the job of which it is the input, its run folder, run or submission."""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nanompi.cluster import slurm
from nanompi.errors import JobError, odd, shown
from nanompi.job import tree
from nanompi.job.faults import Faults
from nanompi.job.folder import numbered, writing
from nanompi.job.job import NAME
from nanompi.report import status, workflow
from nanompi.run.lock import holder
from nanompi.workflow.folder.child import Answer, Child

LOST = "never written"  # what notes of a reader say of values that are not there (nanompi.io.unwritten)
ASK = 30.0  # s between two questions to Slurm


@dataclass
class Template:
    """A job file into which each new file is put.

    key  : where in the job; sets : texts of --set; runs : folder of the runs, RUNS/NAME
    kind : "run" or, for a job with stages, "workflow"
    """

    file: str
    key: str
    sets: list[str]
    runs: Path
    kind: str = "run"
    last: tuple | None = None

    @classmethod
    def of(cls, file: str, key: str, sets: list[str], out: str = "") -> "Template":
        """Of a job file; name, folder of runs, names of stages are all that is read. Errors: JobError."""
        faults = Faults()
        found = tree.load(file, sets, faults)
        if len(faults):
            faults.stop()
        for one in found.sets:
            if one.path in ("name", "output.folder"):
                tree.apply(found.values, one)
        name = found.values.get("name", Path(file).stem)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise JobError(
                f"{file}: name: {shown(repr(name), 80)} does not fit here (`nanompi check` says why)"
            )
        output = found.values.get("output")
        runs = out or (output.get("folder") if isinstance(output, dict) else "") or "runs"
        kind = "workflow" if "stages" in found.values else "run"
        if kind == "workflow" and not key.startswith("stages."):
            stages = found.values["stages"]
            first = next(iter(stages), "NAME") if isinstance(stages, dict) else "NAME"
            raise JobError(
                f"{file} is a workflow, which has no place {key}: say into which stage each file goes, for "
                f"example --key stages.{first}.input.file"
            )
        return cls(file, key, sets, Path(os.path.expanduser(str(runs))) / name, kind)

    def words(self, path: str, *more: str) -> list[str]:
        """JOB and --set of a file, and of more settings."""
        own = [*self.sets, f"{self.key}={json.dumps(path)}", *more]
        return [*(word for text in own for word in ("--set", text)), "--", self.file]

    def changed(self) -> bool:
        """Is the job file another than when it was looked at last?"""
        return self._now() != self.last

    def looked_at(self):
        """It is about to be read."""
        self.last = self._now()

    def _now(self) -> tuple:
        with suppress(OSError):
            facts = os.stat(self.file)
            return facts.st_size, facts.st_mtime_ns, facts.st_ino
        return ()


@dataclass
class Task:
    """Run (on so many ranks, with more words of `nanompi run`) or submit (with words of `nanompi submit`)."""

    template: Template
    child: Child
    words: list[str] = field(default_factory=list)
    submits: bool = False

    def __post_init__(self):
        self.queue = Queue()

    @property
    def state(self) -> str:
        """Of an entry, while it is at work."""
        return "submitting" if self.submits else "running"

    def faults(self) -> str:
        """What is wrong with the job, whatever file comes; "" where nothing is seen. Errors: OSError."""
        if self.template.kind != "run":
            return ""
        answer = self.child.ask(["check", "--json", "--no-data", *self.template.words("none")])
        found = (answer.told or {}).get("faults", [])
        own = [one for one in found if not one.get("data") and not str(one.get("path")).startswith("input")]
        return shown("; ".join(map(_fault, own[:5])), 800)

    def complete(self, path: str, *more: str) -> Answer:
        """Would the job run with this file? All of what it counts must be there. more : further settings"""
        if bad := _unspeakable(path):
            return Answer(3, f"its name holds {bad}, which no job can name: rename it")
        self.template.looked_at()
        answer = self.child.ask(["check", "--json", *self.template.words(path, *more)])
        if not answer.told or "code" not in answer.told:
            return answer if answer.code else Answer(1, "`nanompi check` gave no answer")
        faults = answer.told["faults"]
        if faults:
            return Answer(answer.told["code"], shown("; ".join(map(_fault, faults[:5])), 800), answer.told)
        gaps = [note for note in answer.told.get("notes", []) if LOST in note] if not more else []
        return Answer(3, gaps[0], answer.told) if gaps else answer

    def folder(self) -> Path:
        """A new run folder. Errors: ResourceError."""
        with writing(self.template.runs):
            return numbered(self.template.runs, self.template.kind).absolute()

    def run(self, path: str, entry, *more: str) -> Answer:
        """Run a file in its folder, or go on with it there; its exit code."""
        if self.submits:
            return self._submit(path, entry)
        held = "job.resolved.yaml" if self.template.kind == "run" else "workflow.json"
        if (Path(entry.run) / held).is_file():
            return self.child.run(["resume", "--quiet", *self.words, "--", entry.run])
        own = ["run", "--quiet", *self.words, "--folder", entry.run]
        return self.child.run([*own, *self.template.words(path, *more)])

    def _submit(self, path: str, entry) -> Answer:
        """Submit it, unless a watcher that was killed has done so."""
        if number := submitted(entry.run):
            return Answer(0, told={"slurm_job": number})
        own = ["--folder", entry.run, *self.words, *self.template.words(path)]
        if workflow.is_workflow(Path(entry.run)):
            own = [*self.words, "--", entry.run]  # what is missing of one that was begun
        answer = self.child.run(["submit", *own])
        if answer.code == 0:
            answer.told = {"slurm_job": _number(entry.run)}
        return answer

    def held(self, entry) -> bool:
        """Does a process have its run folder?"""
        with suppress(OSError):
            return holder(Path(entry.run)) is not None
        return False

    def discard(self, entry):
        """Its run folder goes where it is still empty."""
        with suppress(OSError):
            os.rmdir(entry.run)

    def verdict(self, entry) -> str:
        """Of its result; "" where there is none."""
        return str(status.read(Path(entry.run)).get("verdict", ""))


def _unspeakable(path: str) -> str:
    """The character of a path that no text can hold; "" for none."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        return odd(path[error.start])
    return ""


def _fault(fault: dict) -> str:
    return f"{fault['path']}: {fault['text']}" if fault.get("path") else fault["text"]


def _number(run: str) -> str:
    """Slurm's number of the job of a run folder; "" where it has none."""
    with suppress(OSError, ValueError):
        found = json.loads((Path(run) / "status.json").read_text())
        return str(found.get("slurm_job", ""))
    return ""


class Queue:
    """What has become of jobs that were handed to Slurm; it is asked each half minute at most."""

    def __init__(self):
        self.asked, self.lost = float("-inf"), {}

    def ended(self, state) -> list:
        """[(name, entry, code, reason)] of those that were submitted and have ended."""
        now = time.monotonic()
        waiting = [(name, e) for name, e in state.entries.items() if e.state == "submitted"]
        if not waiting or now - self.asked < ASK:
            return []
        self.asked, queue = now, slurm.queue()
        ends = ((name, entry, self._end(name, entry, queue)) for name, entry in waiting)
        return [(name, entry, *end) for name, entry, end in ends if end]

    def _end(self, name: str, entry, queue) -> tuple[int, str] | None:
        """Exit code and reason of one that has ended. That it is lost, or was stopped, must be seen twice: a
        queue may be late."""
        found = workflow.standing(Path(entry.run), queue)
        gone = queue is not None and not _queued(entry.run, queue)
        if found["state"] in ("lost", "stopped") and gone:
            self.lost[name] = self.lost.get(name, 0) + 1
            if self.lost[name] < 2:
                return None
        elif found["state"] not in ("done", "failed"):
            self.lost.pop(name, None)
            return None
        self.lost.pop(name, None)
        code = 0 if found["state"] == "done" else found.get("code") or 1
        return code, str(found.get("message") or found.get("reason", ""))


def _queued(run: str, queue) -> str:
    """Number of a job in the queue whose script lies in a run folder, or below it; "" for none."""
    place = os.path.realpath(run) + os.sep
    return next((job for job, (_, file) in queue.items() if os.path.realpath(file).startswith(place)), "")


def submitted(run: str) -> str:
    """The number of a job that was submitted from a run folder, though nobody has written it down; or ""."""
    return _number(run) or _queued(run, slurm.queue() or {})
