"""What a result keeps of its origin, read with plain h5py; and what is said at the end of a run."""

import hashlib
import json

import h5py
import pytest

from nanompi.cli import main
from nanompi.run import provenance

JOB = """nanompi: 1
name: x
input: {file: scan.cxi}
steps: [{use: ptycho, engines: DM*1 ML*1}]
about: {proposal: MA-1234}
"""
SIMULATED = "nanompi: 1\nname: y\ninput: {simulate: {frames: 9, size: 16}}\nsteps: [{use: ptycho}]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a run of 9 frames in a file that names its sample; scan.cxi and job.yaml lie above."""
    top = tmp_path_factory.mktemp("kept")
    (top / "y.yaml").write_text(SIMULATED)
    (top / "job.yaml").write_text(JOB)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        assert main(["simulate", "y.yaml", "-o", "scan.cxi"]) == 0
        with h5py.File("scan.cxi", "a") as f:
            entry = f["entry_1"]
            entry["title"][()] = "wings at noon"
            entry.require_group("sample_1")["name"] = "butterfly"
            entry["start_time"] = "2026-11-01T12:00:00"
        assert main(["run", "job.yaml", "--notify", "sh -c 'env > told.txt'"]) == 0
    return top / "runs" / "x" / "run-0001"


def note(entry, name: str):
    """A note of the result."""
    return json.loads(entry[f"process_1/{name}/data"].asstr()[()])


def test_title_sample_and_proposal_come_from_file_and_job(folder):
    with h5py.File(folder / "result.h5") as f:
        entry = f["entry_1"]
        texts = {k: entry[k].asstr()[()] for k in ("title", "sample_1/name", "experiment_identifier")}
        assert texts == {
            "title": "wings at noon",
            "sample_1/name": "butterfly",
            "experiment_identifier": "MA-1234",
        }
        assert entry["sample_1"].attrs["NX_class"] == "NXsample"
        assert entry["start_time"].asstr()[()] <= entry["end_time"].asstr()[()]
        assert note(entry, "about")["measured"] == "2026-11-01T12:00:00"


def test_each_file_that_was_read_is_known_by_its_fingerprint(folder):
    scan = folder.parents[2] / "scan.cxi"
    with h5py.File(folder / "result.h5") as f:
        files = {one["path"]: one for one in note(f["entry_1"], "inputs")["files"]}
    own = files[str(scan)]
    assert own["size"] == scan.stat().st_size and own["time"]
    size, piece, digest = own["size"], provenance.fingerprint.PIECE, hashlib.sha256()
    with open(scan, "rb") as file:
        for k in range(own["pieces"]):
            file.seek(max(0, size - piece) * k // (own["pieces"] - 1))
            digest.update(file.read(piece))
    assert own["sha256"] == digest.hexdigest()


def test_log_environment_papers_and_verdict_are_inside(folder):
    log = (folder / "logs" / "rank-0000.log").read_text()
    with h5py.File(folder / "result.h5") as f:
        entry = f["entry_1"]
        kept = entry["process_1/log/data"].asstr()[()]
        assert len(kept) > 200 and log.startswith(kept)
        assert note(entry, "environment") == json.loads((folder / "environment.json").read_text())
        assert note(entry, "papers")[0]["doi"] == "10.1016/j.ultramic.2008.12.011"
        assert note(entry, "verdict")["grade"] in ("good", "doubtful", "wrong")
        for warning in note(entry, "warnings"):
            assert warning[:60] in log
    assert "papers: Thibault et al. 2009; Thibault & Guizar-Sicairos 2012" in log


def test_the_history_has_units_and_the_phase_a_sign(folder):
    with h5py.File(folder / "result.h5") as f:
        for name, column in f["entry_1/history"].items():
            assert column.attrs["long_name"] and "units" in column.attrs, name
        assert f["entry_1/history/photons"].attrs["units"] == "counts"
        assert "lowers the phase" in f["entry_1/phase/data"].attrs["description"]


def test_cite_prints_the_papers_of_a_run_and_of_its_job_alike(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parents[2])
    said = []
    for what in (str(folder), str(folder / "result.h5"), "x", "job.yaml"):
        assert main(["cite", what]) == 0
        said.append(capsys.readouterr().out)
    assert len(set(said)) == 1 and said[0].count("https://doi.org/") == 2
    assert main(["cite", str(folder), "--bibtex"]) == 0
    assert capsys.readouterr().out.count("@article{Thibault") == 2
    assert main(["cite", "scan.cxi"]) == 3


def test_compare_knows_a_run_by_the_name_of_its_job(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parents[2])
    assert main(["compare", "x", str(folder)]) == 3
    assert "runs/x/latest and" in capsys.readouterr().err, "and these nine frames are too few for more"


def test_a_report_stands_in_the_file_that_was_asked_for(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parents[2])
    assert main(["report", "x", "--out", "page.html"]) == 0
    assert capsys.readouterr().out == "page.html\n"
    assert "run-0001" in (folder.parents[2] / "page.html").read_text()


def test_a_folder_with_a_copied_result_alone_is_a_run(folder, tmp_path, capsys):
    (tmp_path / "result.h5").write_bytes((folder / "result.h5").read_bytes())
    for verb in (["cite", str(tmp_path)], ["convert", str(tmp_path), str(tmp_path / "phase.npz")]):
        assert main(verb) == 0
    assert (tmp_path / "phase.npz").is_file()


def test_no_scan_and_no_job_is_overwritten(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(folder.parents[2])
    with h5py.File(tmp_path / "measured.cxi", "w") as file:
        file["entry_1/data_1/data"] = [1]
    (tmp_path / "job.yaml").write_text(JOB)
    assert main(["simulate", "y.yaml", "-o", str(tmp_path / "measured.cxi")]) == 2
    written = str(tmp_path / "job.yaml")
    for words in (["schema", written], ["manual", "-o", written], ["report", str(folder), "--out", written]):
        assert main(words) == 2
    assert (tmp_path / "job.yaml").read_text() == JOB
    with h5py.File(tmp_path / "measured.cxi") as file:
        assert file["entry_1/data_1/data"][()] == [1]
    for _ in range(2):
        assert main(["simulate", "y.yaml", "-o", str(tmp_path / "simulated.cxi")]) == 0
    assert capsys.readouterr().err.count("choose another name") == 1


def test_what_is_kept_stays_small(tmp_path):
    (tmp_path / "logs").mkdir()
    lines = [f"[{n:8.1f} s] warning: number {n}\n  and a second line\n" for n in range(5000)]
    (tmp_path / "logs" / "rank-0000.log").write_text("".join(lines))
    stamps = {f"/data/scan-{n:05}.h5": [n, 0, 2, "0" * 64] for n in range(3000)}
    kept = provenance.inputs(stamps)
    log = provenance._log(tmp_path)
    assert len(json.dumps(kept)) + len(log) < 90_000
    assert len(kept["files"]) == 100 and kept["others"]["number"] == 2900
    assert log.startswith(lines[0]) and log.endswith(lines[-1]) and "\n...\n" in log
    assert provenance.WARNING.findall(log)[0].split("\n") == ["number 0", "  and a second line"]


def test_about_changes_no_answer(folder, monkeypatch):
    from nanompi.job.identity import identity
    from nanompi.job.job import read_job

    monkeypatch.chdir(folder.parents[2])
    one, two = (read_job("job.yaml", sets) for sets in ([], ["about.sample=another"]))
    assert one.resolved["about"] != two.resolved["about"] and identity(one) == identity(two)


def test_the_end_of_a_run_is_told(folder):
    heard = (folder.parents[2] / "told.txt").read_text().splitlines()
    assert {f"NANOMPI_FOLDER={folder}", "NANOMPI_STATE=done", "NANOMPI_CODE=0"} < set(heard)
    with h5py.File(folder / "result.h5") as f:
        assert f"NANOMPI_VERDICT={note(f['entry_1'], 'verdict')['grade']}" in heard
