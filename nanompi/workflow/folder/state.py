"""What a watcher knows of the files of its folder, on disk: RUNS/NAME/watch-HASH/state.json.

It is written before anything is begun and after it has ended, each time under a new name that is flushed and
renamed: whoever is killed in between finds either, and goes on.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from nanompi.errors import DataError, nearest, shown
from nanompi.io.atomic import new_file, own, write_text

FILE, ASKED = "state.json", "again-*.json"
STATES = ("left", "waiting", "running", "submitting", "submitted", "live", "done", "failed", "same")
BEGUN = ("running", "submitting", "live")  # to be gone on with by the next watcher
BUSY = (*BEGUN, "submitted")
LARGEST = 1 << 30  # bytes


@dataclass
class Entry:
    """What is known of one file.

    size, changed : as they were; stamp : its fingerprint, [] = not taken
    state  : left (it was there before), waiting (it, or the job, is not ready), running, submitting,
        submitted, live (it grows, and a round of it is at work), done, failed, same (as another file)
    run    : its run folder; slurm_job : number; code, reason : of the last failure
    tries  : how often it was begun, or found wanting; lacks : how often for want of means
    since, asked : s of the clock, when first, when last
    frames : of the last round of a file that grows; round : the run folder with the image so far
    again  : somebody wants it, whatever is known of it
    """

    size: int
    changed: int
    state: str
    stamp: list = field(default_factory=list)
    run: str = ""
    slurm_job: str = ""
    code: int = 0
    reason: str = ""
    tries: int = 0
    lacks: int = 0
    since: float = 0.0
    asked: float = 0.0
    frames: int = 0
    round: str = ""
    again: bool = False


class State:
    """The entries of a folder by name, and the file that holds them.

    new : nothing was known before
    """

    def __init__(self, folder: Path, watched: str, job: str):
        self.path, self.head = Path(folder) / FILE, {"nanompi": 1, "folder": watched, "job": job}
        found = _read(self.path)
        self.new = found is None
        self.entries: dict[str, Entry] = found or {}
        self.stamps = {str(e.stamp): name for name, e in self.entries.items() if e.stamp}

    def put(self, name: str, entry: Entry):
        """Keep an entry. Errors: ResourceError; then nothing has changed."""
        before = self.entries.get(name)
        self.entries[name] = entry
        try:
            self.write()
        except Exception:
            self.entries.pop(name)
            if before:
                self.entries[name] = before
            raise
        if entry.stamp:
            self.stamps.setdefault(str(entry.stamp), name)

    def write(self):
        """All of it to the disk. Errors: ResourceError."""
        files = {name: _short(entry) for name, entry in self.entries.items()}
        with new_file(self.path) as file:
            file.write(json.dumps(self.head | {"files": files}, separators=(",", ":")).encode())

    def twin(self, name: str, stamp: list) -> str:
        """The other file with the same fingerprint that was taken, or left, before; "" for none."""
        other = self.stamps.get(str(stamp), "")
        return other if other != name and other in self.entries else ""

    def want(self, names: list[str]) -> list[str]:
        """These are to be tried again; those of them that are not at work. Errors: ResourceError."""
        own = [n for n in names if n in self.entries and self.entries[n].state not in BUSY]
        for name in own:
            old = self.entries[name]
            if self.stamps.get(str(old.stamp)) == name:
                del self.stamps[str(old.stamp)]
            self.entries[name] = Entry(old.size, old.changed, "waiting", run=old.run, again=True)
        self.write()
        return own


def place(runs: Path, watched: str) -> Path:
    """The folder of the state: one for each pair of a folder of runs and a watched folder."""
    return runs / f"watch-{sha256(watched.encode(errors='surrogateescape')).hexdigest()[:8]}"


def _short(entry: Entry) -> dict:
    """Without what is not known."""
    return {key: value for key, value in asdict(entry).items() if value not in ("", 0, [], 0.0)}


def _read(path: Path) -> dict[str, Entry] | None:
    """The entries in a file; None where there is none. Errors: DataError."""
    try:
        with open(path, "rb", opener=own) as file:
            files = json.loads(file.read(LARGEST))["files"]
        return {name: _entry(facts) for name, facts in files.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path} does not hold what a watcher knows of its files ({shown(error, 200)}): mend it, or move "
            "it away; the files that are there are then taken for old ones"
        ) from None


def _entry(facts: dict) -> Entry:
    one = Entry(**{"size": 0, "changed": 0, **facts})
    if one.state not in STATES or not isinstance(one.run, str):
        raise ValueError(f"no state of a file: {shown(one.state, 40)}")
    return one


# ---- what is asked of a watcher ------------------------------------------------------------------------


def ask_again(folder: Path, names: list[str]):
    """Leave word for the watcher that has the folder now, or will have it next. Errors: OSError."""
    write_text(folder / ASKED.replace("*", secrets.token_hex(8)), json.dumps(names))


def wanted_again(folder: Path) -> list[tuple[Path, list[str]]]:
    """[(file, names)] of what was asked; what is no list of names is none."""
    out = []
    for path in sorted(folder.glob(ASKED)):
        with suppress(OSError, ValueError, RecursionError), open(path, "rb", opener=own) as file:
            names = json.loads(file.read(LARGEST))
            out.append((path, [n for n in names if isinstance(n, str)] if isinstance(names, list) else []))
    return out


def known(state: State, words: list[str]) -> list[str]:
    """Names of entries that are meant: themselves, or `failed` for all that have failed.

    Errors: DataError with the nearest name.
    """
    failed = [name for name, e in state.entries.items() if e.state in ("failed", "waiting")]
    out = []
    for word in words:
        if word not in state.entries and word != "failed":
            near = nearest(word, state.entries)
            raise DataError(f"{shown(word, 200)}: no file of that name is known to the watcher{near}")
        out += [word] if word in state.entries else failed
    return list(dict.fromkeys(out))
