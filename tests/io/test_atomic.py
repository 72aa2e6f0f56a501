"""Files of a run: whole or not at all, and never written through a link."""

import os

import pytest

from nanompi.io import atomic
from nanompi.io.atomic import new_file, own, own_folder, remove, write_text
from nanompi.mpi.team import Team
from nanompi.run.log import Log
from nanompi.run.metrics import keep
from nanompi.run.status import event, write


@pytest.fixture
def victim(tmp_path):
    """(run folder, file elsewhere that nobody may touch)."""
    (tmp_path / "run" / "logs").mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    yield tmp_path / "run", tmp_path / "victim"
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "victim").stat().st_nlink == 1


def log(run):
    with Log(Team(alone=True), run, open(os.devnull, "w")) as say:
        say("hello")


def whole(run):
    with new_file(run / "result.h5") as file:
        file.write(b"hello")


WRITERS = {
    "status.json": lambda run: write(run, {"state": "hello"}),
    "events.jsonl": lambda run: event(run, "hello"),
    "metrics.json": lambda run: keep({"hello": 1}, run),
    "logs/rank-0000.log": log,
    "result.h5": whole,
    "text": lambda run: write_text(run / "text", "hello"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("target", ["victim", "nowhere", "fifo"])
def test_a_link_or_fifo_in_the_place_of_a_file_is_replaced(victim, name, target):
    run, precious = victim
    if target == "fifo":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to(precious.with_name(target))
    WRITERS[name](run)
    assert (run / name).is_file() and not (run / name).is_symlink() and "hello" in (run / name).read_text()
    assert not precious.with_name("nowhere").exists()
    assert sorted(p.name for p in run.iterdir()) == sorted({name.split("/")[0], "logs"})


def test_a_file_is_appended_to_and_keeps_what_it_has(victim):
    run, _ = victim
    for _ in range(2):
        log(run)
        event(run, "hello")
    assert (run / "logs/rank-0000.log").read_text().count("hello") == 2
    assert (run / "events.jsonl").read_text().count("hello") == 2


def test_who_reads_follows_no_link_and_changes_nothing(victim):
    run, precious = victim
    (run / "link").symlink_to(precious)
    os.mkfifo(run / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(OSError, match="a link, a FIFO or a device"):
            open(run / name, "rb", opener=own)
    assert (run / "link").is_symlink() and (run / "fifo").exists()


def test_a_name_that_nobody_can_guess_stands_beside_and_goes(victim, monkeypatch):
    run, precious = victim
    names = iter(["a", "b"])
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda n: next(names))
    (run / ".text.a.tmp").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write_text(run / "text", "hello")
    write_text(run / "text", "hello")
    assert sorted(os.listdir(run)) == ["logs", "text"]


def test_folders_are_made_and_removed_but_not_those_behind_links(victim):
    run, precious = victim
    (run / "previews").symlink_to(precious.parent)
    own_folder(run / "previews")
    assert not (run / "previews").is_symlink() and os.listdir(run / "previews") == []
    (run / "link").symlink_to(precious.parent)
    for name in ("link", "previews", "logs", "nothing"):
        remove(run / name)
    assert os.listdir(run) == []
