"""`nanompi init`: a first job of each template, with what the scan file says, in two levels."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.job.stages import read_workflow
from nanompi.job.templates import templates
from nanompi.methods import discover
from nanompi.run.foreign import BROKEN
from tests.methods.maps.read.mda_file import write_mda

discover()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, a cache and no templates but those of the program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NANOMPI_TEMPLATES", raising=False)
    return tmp_path


@pytest.mark.parametrize("level", ["basic", "expert"])
@pytest.mark.parametrize("name", templates())
def test_a_first_job_of_each_template_has_no_faults(name, level, here, capsys):
    assert main(["init", name, "--level", level]) == 0
    assert f"nanompi run -n 2 {name}.yaml" in capsys.readouterr().out
    assert main(["check", f"{name}.yaml"]) == 0
    said = capsys.readouterr().out
    one = templates()[name]
    told = "no faults, each item checked" if one.workflow else f"input by {one.reader}"
    assert told in said and all(step in said for step in one.steps)


def test_what_a_template_sets_stands_without_its_comment(here):
    assert main(["init", "modes"]) == 0
    text = (here / "modes.yaml").read_text()
    assert re.search(r"^    probe: ", text, re.M) and re.search(r"^      modes: 2 ", text, re.M)
    assert re.search(r"^    # engines: DM\*100 ML\*100 ", text, re.M) and "simulate: {modes: 2}" in text


def test_a_workflow_takes_the_scans_of_a_folder(here, capsys):
    """In the order of their numbers, an angle for each; not what lies beside them"""
    (here / "raw").mkdir()
    assert main(["init", "one.yaml"]) == 0
    small = ["--set", "input.simulate.frames=16", "--set", "input.simulate.size=32"]
    for scan in (1, 2, 10):
        assert main(["simulate", "one.yaml", "-o", f"raw/s-{scan}.cxi", *small]) == 0
    for note in ("a.txt", "b.txt", "c.txt", "d.txt", ".hidden.cxi"):
        (here / "raw" / note).write_text("the beam was lost at noon")
    for name in ("series", "volume"):
        assert main(["init", f"my {name}.yaml", "--template", name, "--from", "raw"]) == 0
        assert main(["check", f"my {name}.yaml"]) == 0
        assert "scans: 3 items" in capsys.readouterr().out
        items = read_workflow(f"my {name}.yaml").stages[0].items
        assert [Path(one.values["scan"]).name for one in items] == ["s-1.cxi", "s-2.cxi", "s-10.cxi"]
    assert [one.values["angle"] for one in items] == [0, 60, 120]
    for wrong, why in (("one.yaml", "begins with the folder"), (".", "no scan in it")):
        assert main(["init", "series", "--from", wrong]) == 3 and why in capsys.readouterr().err
        assert not (here / "series.yaml").exists()


def test_scans_of_a_folder_with_an_odd_name_and_one_alone(here, capsys):
    """What a pattern of files reads as a sign is a letter here; of one scan there is no volume"""
    odd = "odd{a} b#'é,[c]"
    (here / odd).mkdir()
    small = ["--set", "input.simulate.frames=16", "--set", "input.simulate.size=32"]
    assert main(["init", "one.yaml"]) == 0
    assert main(["simulate", "one.yaml", "-o", "s.cxi", *small]) == 0
    (here / "s.cxi").rename(here / odd / "s{1} [2].cxi")
    assert main(["init", "series", "--from", odd]) == 0
    items = read_workflow("series.yaml").stages[0].items
    assert [one.values["scan"] for one in items] == [str(here / odd / "s{1} [2].cxi")]
    assert main(["init", "volume", "--from", odd]) == 3 and not (here / "volume.yaml").exists()
    assert "a volume needs one at each angle" in capsys.readouterr().err


def test_it_says_what_must_be_filled_in(here, capsys):
    with h5py.File("own.h5", "w") as file:
        file["frames"], file["E_keV"] = np.ones((4, 8, 8), "u2"), 8.0
        file["samx_um"] = file["samy_um"] = np.arange(4.0)
    assert main(["init", "--from", "own.h5"]) == 0
    assert "fill in distance:, pixel: in `input` of job.yaml" in capsys.readouterr().err
    assert main(["check", "job.yaml"]) == 3
    assert "no distance and no pixel; write for example `distance: 2.1 m` and" in capsys.readouterr().err
    file = here / "job.yaml"
    file.write_text(file.read_text().replace("# distance: 2.1 m", "distance: 2.1 m"))
    assert main(["check", "job.yaml"]) == 3 and "no pixel" in capsys.readouterr().err


ENERGY = "energy wavelength incident_beam_energy incident_wavelength"
PIXEL = "x_pixel_size y_pixel_size basis_vectors"


@pytest.mark.parametrize("name, key", [("distance", "distance"), (PIXEL, "pixel"), (ENERGY, "energy")])
def test_a_scan_of_a_known_format_that_does_not_say_all_is_told_of(here, capsys, name, key):
    small = ["--set", "input.simulate.frames=16", "--set", "input.simulate.size=32"]
    assert main(["init", "one.yaml"]) == 0 and main(["simulate", "one.yaml", "-o", "s.cxi", *small]) == 0
    assert main(["init", "whole.yaml", "--from", "s.cxi"]) == 0
    assert "fill in" not in capsys.readouterr().err
    with h5py.File("s.cxi", "a") as file:
        found: list[str] = []
        file.visit(lambda place: found.append(place) if place.rpartition("/")[2] in name.split() else None)
        for place in found:
            del file[place]
    assert main(["init", "--from", "s.cxi"]) == 0
    assert f"fill in {key}: in `input` of job.yaml" in capsys.readouterr().err


def test_all_that_a_file_does_not_say_is_told_at_once(here, capsys):
    """Also where no positions are found; what the user wrote is no longer missing"""
    with h5py.File("own.h5", "w") as file:
        file["frames"] = np.ones((4, 8, 8), "u2")
    assert main(["init", "--from", "own.h5"]) == 0
    assert "fill in x:, y:, energy:, distance:, pixel: in `input`" in capsys.readouterr().err
    assert main(["check", "job.yaml", "--set", "input.energy=8 keV"]) == 2
    told = capsys.readouterr().err
    assert "give `x` and `y`" in told and "`distance: 2.1 m`, `pixel: 55 um`" in told and "energy" not in told


def test_the_basic_level_is_a_part_of_all(here):
    for level in ("basic", "expert"):
        assert main(["init", f"{level}.yaml", "--level", level]) == 0
    basic, expert = ((here / f"{level}.yaml").read_text() for level in ("basic", "expert"))
    names = [{m[0] for m in re.findall(r"^[ #]*(\w+):", text, re.M)} for text in (basic, expert)]
    assert "engines" in basic and "atomics" not in basic and "atomics" in expert
    assert names[0] <= names[1] and basic.count("\n") < 0.5 * expert.count("\n")


def test_what_is_no_template_is_the_name_of_the_job(here):
    assert main(["init", "xyz.yaml"]) == 0
    assert "simulate: {}" in (here / "xyz.yaml").read_text()
    assert main(["init", "--template", "modez"]) == 2


def test_a_template_that_is_misspelt_makes_no_file(here, capsys):
    assert main(["init", "modez"]) == 2 and not (here / "modez").exists()
    said = capsys.readouterr().err
    assert 'did you mean "modes"?' in said and "ends with .yaml" in said


def test_a_scan_that_no_reader_knows_is_told_when_the_job_is_written(here, capsys):
    (here / "notes.txt").write_text("the beam was lost at noon")
    assert main(["init", "--from", "notes.txt"]) == 0
    assert "no reader knows notes.txt" in capsys.readouterr().err


def test_the_list_shows_every_template_with_its_sentence(here, capsys):
    assert main(["init", "--list"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (
        set(lines) == set(templates()) >= {"far-field", "near-field", "modes", "tomo", "xrf", "xanes", "xrd"}
    )
    assert all(len(about) > 20 for about in lines.values())


def test_a_folder_of_templates_wins_and_a_scan_stands_in_them(here, monkeypatch, capsys):
    folder = here / "ours"
    folder.mkdir()
    job = "# Our station, with its mask. More words.\nnanompi: 1\n"
    job += "input: {simulate: {frames: 30}}\nsteps: [ptycho]\n"
    (folder / "station.yaml").write_text(job)
    monkeypatch.setenv("NANOMPI_TEMPLATES", str(folder))
    assert main(["init", "--list"]) == 0
    assert (
        f"station        Our station, with its mask  ({folder / 'station.yaml'})" in capsys.readouterr().out
    )
    assert main(["init", "station"]) == 0 and (here / "station.yaml").read_text() == job
    assert main(["simulate", "station.yaml", "-o", "scan.cxi"]) == 0
    assert main(["init", "mine.yaml", "--template", "station", "--from", "scan.cxi"]) == 0
    assert main(["check", "mine.yaml", "--resolved"]) == 0
    assert str(here / "scan.cxi") in capsys.readouterr().out


def test_a_plug_in_brings_templates_and_one_that_cannot_is_named(here, monkeypatch, capsys):
    from tests.readmes import lay_entry_points

    (here / "site_jobs.py").write_text("")
    (here / "beamline.yaml").write_text("# Of a package.\nnanompi: 1\n")
    points = {"nanompi.templates": {"site": "site_jobs", "gone": "no_such_module"}}
    project = {"name": "site", "version": "1", "entry-points": points}
    modules = {"setuptools": {"py-modules": ["site_jobs", "no_such_module"]}}
    lay_entry_points(here, {"project": project, "tool": modules})
    monkeypatch.syspath_prepend(str(here))
    (here / "site_jobs_2").mkdir()
    (here / "site_jobs_2/__init__.py").write_text("raise ValueError('not on this machine')\n")
    points["nanompi.templates"] |= {"broken": "site_jobs_2.jobs"}
    modules["setuptools"]["py-modules"].append("site_jobs_2.jobs")
    lay_entry_points(here, {"project": project, "tool": modules})
    monkeypatch.setenv("NANOMPI_TEMPLATES", str(here / "nowhere"))
    assert templates()["beamline"].about == "Of a package."
    assert main(["init", "--list"]) == 0
    said = capsys.readouterr().err
    assert (
        'the templates "gone" (no_such_module) cannot be found: ' in said and "nowhere is no folder" in said
    )
    assert 'the templates "broken" (site_jobs_2.jobs) cannot be found: ' in said
    assert f"{here}/site_jobs_2/__init__.py, line 1: ValueError: not on this machine; it is left out" in said
    BROKEN.clear()


def test_what_the_file_says_stands_in_the_comments(here, capsys):
    assert main(["init", "small.yaml"]) == 0
    sets = ["--set", "input.simulate.frames=30", "--set", "input.simulate.energy=7 keV"]
    assert main(["simulate", "small.yaml", "-o", "scan.cxi", *sets]) == 0
    assert main(["init", "--from", "scan.cxi"]) == 0
    text = (here / "job.yaml").read_text()
    assert re.search(r"# energy: 7 keV .*that of the file", text)
    assert re.search(r"# pixel: 5\.5e-05 m|# pixel: 55 um", text) and "# distance: 2 m " in text
    assert main(["check", "job.yaml"]) == 0


def test_editors_find_the_schema_without_a_network(here):
    assert main(["init"]) == 0
    first = (here / "job.yaml").read_text().splitlines()[0]
    file = Path(first.removeprefix("# yaml-language-server: $schema="))
    before = file.stat().st_mtime_ns
    assert '"x-level"' in file.read_text() and file.is_relative_to(here / "cache")
    assert main(["init", "other.yaml"]) == 0 and file.stat().st_mtime_ns == before
    file.write_text('{"$comment": "0.0.1"}\n')
    assert main(["init", "third.yaml"]) == 0 and '"x-level"' in file.read_text()


def test_without_a_place_for_the_schema_the_job_has_no_such_line(here, monkeypatch):
    (here / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "file"))
    assert main(["init"]) == 0
    assert (here / "job.yaml").read_text().startswith("# A nanompi job.")


def test_a_map_without_the_energy_of_its_beam_is_told_of(here, capsys):
    """EPICS MDA does not say it; what the warning asks for makes the job run"""
    counts = np.random.default_rng(1).poisson(3.0, (3, 4, 2, 64)).astype(np.float32)
    write_mda(Path("map.mda"), counts, [0, 1, 2], [0, 1, 2, 3], [("2x:us_ic", np.full((3, 4), 1e5))])
    assert main(["init", "--from", "map.mda"]) == 0
    told = capsys.readouterr().err
    assert "needs the energy of the beam, which the file does not tell: give `energy: 10 keV`" in told
    assert "xrf.fit" in Path("job.yaml").read_text()
    assert main(["check", "job.yaml", "--set", "input.energy=10 keV"]) == 0


def test_diffraction_frames_without_a_poni_file_are_told_of(here, capsys):
    with h5py.File("frames.h5", "w") as file:
        file["imageseries/images"] = np.ones((4, 64, 48), "u2")
    assert main(["init", "xrd", "--from", "frames.h5"]) == 0
    told = capsys.readouterr().err
    assert "warning:" in told and "poni" in told.lower(), told
