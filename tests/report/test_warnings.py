"""Each warning and verdict that the program can say stands in the manual, with what to do."""

import re

from nanompi.report import manual
from nanompi.report.manual.warned import advice, rows
from tests.spoken import JUDGES, TOP, Module, has_words, spoken

SPOKEN = spoken()
PASSED_ON = {  # words that others made: `spoken` finds them where they are made
    *("cli/compare.py", "cli/init.py", "cli/report.py", "cli/rerun.py", "device/checks/__init__.py"),
    *("methods/maps/stxm.py", "methods/maps/xrf/calibrate.py", "methods/maps/xrf/calibration.py"),
    *("methods/maps/xrf/prepare.py", "methods/ptycho/doctor/finding.py", "methods/ptycho/judge/__init__.py"),
    *("methods/ptycho/judge/rules.py", "methods/tomo/align/step.py", "methods/tomo/centre/verdict.py"),
    *("methods/tomo/flat.py", "methods/tomo/judge.py", "methods/tomo/recon/history.py"),
    *("methods/tomo/reproject.py", "methods/tomo/step.py", "methods/tomo/stripes/step.py"),
    *("report/contact.py", "report/live.py", "report/report.py", "report/watch.py", "run/notify.py"),
    *("run/log.py", "workflow/folder/watcher.py", "workflow/selftest.py"),
}


def test_each_warning_and_verdict_stands_in_the_manual():
    lost = {
        (place, words)
        for place, every in SPOKEN.items()
        for words in every
        if has_words(words) and not advice(words)
    }
    assert lost == set()


def test_words_that_are_made_elsewhere_are_known_to_be():
    """A place where the source does not show the words is looked at by a person, once"""
    hidden = {place.partition(":")[0] for place, every in SPOKEN.items() if not any(map(has_words, every))}
    assert hidden == PASSED_ON and len(SPOKEN) > 100


def test_each_row_is_of_something_that_the_program_says():
    said = [words for every in SPOKEN.values() for words in every]
    for path in TOP.rglob("*.py"):
        said += [words for _, words in Module.of(path).sentences()]
    assert [row.says for row in rows() if not any(map(row.fits, said))] == []


def test_advice_is_found_by_the_words_of_a_log():
    said = "warning: the result is wrong: ptycho: unseen frames are foretold hardly better than by their mean"
    assert [row.of for row in rows() if row.fits(said)] == ["Any run", "Ptychography: the verdict"]
    flashes = advice("tomo.stripes: 3 of 100 values are single and brighter than the beam (zingers): name it")
    assert flashes.of == "Tomography" and "tomo.zingers" in flashes.do
    assert advice("something that nothing says") is None


def test_every_row_says_what_to_do_and_stands_on_the_page():
    text = re.sub(r"\s+", " ", manual.page())
    assert text.count("<dt>") > len(rows()) > 100
    assert all(len(row.do) > 10 and row.do.endswith(".") for row in rows())
    assert JUDGES  # files whose sentences are all looked at
