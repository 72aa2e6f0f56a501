"""Entry points of other packages are found, and importlib.metadata is not asked where nobody has any."""

import subprocess
import sys

import pytest

from nanompi.run.plugins import offered

GROUP = "nanompi.of_a_test"


@pytest.mark.parametrize("about", ["other-1.0.dist-info", "other.egg-info"])
def test_a_package_that_offers_something_is_found(about, tmp_path, monkeypatch):
    (tmp_path / about).mkdir()
    (tmp_path / about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (tmp_path / about / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (tmp_path / about / "entry_points.txt").write_text(f"[{GROUP}]\nmine = other.steps\n")
    assert offered(GROUP) == []
    monkeypatch.syspath_prepend(tmp_path)
    assert [(point.name, point.value) for point in offered(GROUP)] == [("mine", "other.steps")]


def test_a_folder_that_is_none_or_an_archive_is_no_hindrance(tmp_path, monkeypatch):
    (tmp_path / "archive.zip").write_bytes(b"")
    for folder in (tmp_path / "none", tmp_path / "archive.zip"):
        monkeypatch.syspath_prepend(folder)
    assert offered(GROUP) == []


def test_the_packages_of_a_finder_of_ones_own_are_asked_for(monkeypatch):
    class Finder:
        def find_spec(self, *_):
            return None

        def find_distributions(self, context):
            asked.append(context)
            return iter(())

    asked = []
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert offered(GROUP) == [] and asked


def test_a_glance_does_without_importlib_metadata():
    code = f"import sys, nanompi.run.plugins as p; assert p.offered('{GROUP}') == []; " \
           "sys.exit('importlib.metadata' in sys.modules)"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
