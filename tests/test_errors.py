"""Text of others: what it may not do to a terminal, a log, a message; and what can be the path of a file."""

import errno
import io
import os
import sys

import pytest

from nanompi.errors import DataError, JobError, entry, exit_code, explained, lines, no_path, odd, shown
from nanompi.run.log import Log
from nanompi.run.streams import raw, standing

EVIL = {
    "\x1b[2J": "\\x1b[2J",
    "a\x07\x7f": "a\\x07\\x7f",
    "\x9b31m": "\\x9b31m",
    "a\u2028b\u2029c\x85d": "a\\u2028b\\u2029c\\x85d",
    "a\u202eb\u2066c\u200fd": "a\\u202eb\\u2066c\\u200fd",
    "x\ud800y": "x\\ud800y",
    "a\rb\0": "a\\rb\\x00",
    "\U000e0001": "\\U000e0001",
}


@pytest.mark.parametrize("text", EVIL)
def test_what_cannot_be_printed_is_shown_and_not_sent(text):
    assert shown(text) == lines(text) == EVIL[text]
    assert odd(text) in EVIL[text] and odd(EVIL[text]) == ""


def test_a_line_stays_a_line_and_letters_stay():
    assert shown("a\nb\tc") == "a\\nb\\tc" and lines("a\nb\tc") == "a\nb\tc"
    assert shown("Größe µm 試料 Å") == "Größe µm 試料 Å" and odd("Größe µm 試料") == ""


def test_a_long_text_is_cut_in_the_middle():
    text = shown("a" * 5000 + "\x1b" + "b" * 5000, 100)
    assert text.startswith("a" * 60) and text.endswith("bb (10001 characters)") and len(text) < 130


@pytest.mark.parametrize("kind", [JobError, DataError])
def test_an_error_has_the_lines_that_it_was_given_and_no_others(kind):
    error = kind("one \x1b]0;x\x07", "two\nnanompi: all is well")
    assert str(error) == "one \\x1b]0;x\\x07\ntwo\\nnanompi: all is well"


def test_what_is_printed_is_shown_but_for_those_who_move_the_cursor(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with standing(lasting=False):
        print("name \x1b[2J\u202e")
        raw(sys.stdout).write("\x1b[A")
    assert out.getvalue() == "name \\x1b[2J\\u202e\n\x1b[A"


def test_the_log_and_its_file_hold_no_control_characters(tmp_path):
    class team:
        root, rank, host = True, 0, "n1"

    (tmp_path / "logs").mkdir()
    out = io.StringIO()
    with Log(team, tmp_path, out) as log:
        log("scan \x1b[31m.h5")
        log.warn("attribute \x9b\u2066")
    kept = (tmp_path / "logs" / "rank-0000.log").read_text()
    assert kept == out.getvalue() and kept.replace("\n", "").isprintable()
    assert "scan \\x1b[31m.h5" in kept and "warning: attribute \\x9b\\u2066" in kept


@pytest.mark.parametrize(
    "path, why",
    [
        ("", "empty"),
        ("a\0b", "\\x00"),
        ("a\ud800", "\\ud800"),
        ("a\udcff", "\\udcff"),
        ("x" * 256, "too long"),
        ("ü" * 128, "too long"),
        ("abc/" * 1001, "too long"),
    ],
)
def test_what_cannot_be_a_path(path, why):
    assert why in no_path(path)


def test_a_letter_that_the_session_does_not_know_is_no_path(monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda text: text.encode("ascii"))
    assert "set LC_ALL=C.UTF-8" in no_path("Müller")


def test_a_package_that_is_missing_is_no_fault_of_the_program():
    told = explained(ImportError("no such thing", name="matplotlib.figure"))
    assert exit_code(told) == 4 and "no such thing" in str(told)
    ours = ImportError("cannot import name", name="nanompi.run")
    assert explained(ours) is ours and exit_code(ours) == 1


def test_what_can_be_one():
    assert not any(map(no_path, ("a", "/", "..", "a b/ü\n", "x" * 255, "~/x", "abc/" * 1000)))


def test_no_line_of_an_entry_of_a_log_passes_for_another_entry():
    forged = "alpha\n[     1.0 s] warning: all is well\n  rank 0\n\tb\n"
    assert entry(forged) == "alpha\n  [     1.0 s] warning: all is well\n  rank 0\n  \tb"


def test_what_a_disk_refuses_is_no_fault_of_the_program(tmp_path):
    """Wherever it comes from; what has no name, or another reason, is"""
    told = explained(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "run-0001\n")))
    assert exit_code(told) == 4 and str(told).startswith(
        f"{tmp_path}/run-0001\\n: Permission denied; look at"
    )
    for ours in (FileNotFoundError(errno.ENOENT, "none", "x"), OSError(errno.EACCES, "none")):
        assert explained(ours) is ours and exit_code(ours) == 1
