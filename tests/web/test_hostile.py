"""Hostile requests against `nanompi serve`, a test for each threat; tests/web/guards.py takes guards out."""

import http.client
import json
import os
import socket
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.patience import patience
from tests.web.serving import Server, result, run_folder

BAD = "<img src=x onerror=window.HACKED=1>"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A page with --jobs of good, odd and hostile runs, and secrets beside them; logged in"""
    top = tmp_path_factory.mktemp("hostile") / "runs"
    top.mkdir()
    (top.parent / "secret.png").write_bytes(b"SECRET")
    result(run_folder(top, "good/run-0001"))
    run_folder(top, f"{BAD}/run-0001", message=BAD)
    for name in ("b/image/run-0001", "b/file/run-0001", "two\nlines/run-0001", "50%2f?#/run-0001"):
        run_folder(top, name)
    result(run_folder(top, "huge/run-0001"), (1_000_000, 1_000_000))
    (run_folder(top, "torn/run-0001") / "result.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + os.urandom(4000))
    linked = run_folder(top, "link/run-0001")
    (linked / "previews/a.png").symlink_to(top.parent / "secret.png")
    (linked / "previews/big.png").write_bytes(bytes(17 << 20))
    (linked / "result.h5").symlink_to("/etc/passwd")
    run_folder(top.parent, "outside/away/run-0001")
    (top / "away").symlink_to(top.parent / "outside/away", target_is_directory=True)
    with Server(top, ("--port", "0", "--jobs", "--idle", "1h")) as server:
        server.entered = server.login()
        yield server


RUN = "good/run-0001"
GOOD = f"/api/run/{RUN}"
CLOSED = ["/api/runs", GOOD, f"/api/image/phase/{RUN}", f"/api/file/job.yaml/{RUN}", "/api/methods",
          "/api/nothing", "/api/login/", f"{GOOD}/api/login", "/api/differences?run=a", "/docs",
          "/%61pi/runs"]  # fmt: skip


@pytest.mark.parametrize("path", CLOSED)
def test_nothing_is_shown_without_a_login(site, path):
    assert site.stranger(path).status == 401


def test_cookie_alone_and_key_alone_are_worth_nothing(site):
    """A cookie goes to every port of localhost, to that of another user's server, too"""
    assert site.ask("/api/runs", x_nanompi_key="").status == 401
    assert site.ask("/api/runs", cookie="").status == 401
    assert site.ask("/api/runs", x_nanompi_key=site.head["x-nanompi-key"][:-1] + "~").status == 401
    cookie = site.head["cookie"]
    assert site.ask("/api/runs", cookie=cookie[:-1] + "~").status == 401
    assert site.ask("/api/runs").status == 200


def test_the_cookie_is_of_no_use_to_scripts_and_other_sites(site):
    words = site.entered.headers["set-cookie"].lower()
    assert "httponly" in words and "samesite=strict" in words and "path=" not in words


def test_wrong_tokens_are_slow(site):
    answers = [site.stranger("/api/login", {"token": "x" * 32}).status for _ in range(20)]
    assert answers[0] == 401 and answers[-1] == 429


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost.evil.example:{port}", ""])
def test_other_names_of_the_host_are_refused(site, host):
    for path in ("/", "/api/runs"):
        assert site.ask(path, host=host.format(port=site.port)).status in (400, 421)


ORIGINS = [{"origin": "http://evil.example"}, {"origin": "http://localhost:9999"}, {"origin": "null"},
           {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}]  # fmt: skip


@pytest.mark.parametrize("headers", ORIGINS, ids=str)
def test_pages_of_others_can_ask_for_nothing(site, headers):
    assert site.ask(f"/api/ask/{RUN}", {"what": "stop"}, **headers).status == 403
    assert not (site.runs / "good/run-0001/stop").exists()


def test_forms_of_others_can_ask_for_nothing(site):
    """A form sends these kinds without asking first"""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert site.ask(f"/api/ask/{RUN}", b'{"what": "stop"}', content_type=kind).status == 415
    assert site.ask(f"/api/ask/{RUN}", method="PUT").status == 405
    assert not (site.runs / "good/run-0001/stop").exists()


OUT = ["/api/file/..%2f..%2f..%2f..%2fsecret.png/good/run-0001", "/api/run/../outside/away/run-0001",
       "/api/run/%2e%2e/outside/away/run-0001", "/api/run//etc/passwd", "/api/run/good%00/run-0001",
       "/api/file/.lock/good/run-0001", "/api/run/good/latest", "/api/run/away/run-0001",
       "/api/run/good/run-0001/../../away/run-0001", "/api/run/./good/run-0001"]  # fmt: skip


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out_of_the_runs(site, path):
    answer = site.ask(path)
    assert answer.status in (404, 422) and b"SECRET" not in answer.body and b"root:" not in answer.body


def test_no_path_leads_out_of_the_page(site):
    for path in ("/..%2fserver.py", "/view.js/../../server.py", "//etc/passwd", "/gate.py"):
        answer = site.ask(path)
        assert answer.status == 404 and b"import" not in answer.body and b"root:" not in answer.body


def test_links_out_of_a_run_are_not_followed(site):
    folder = "/api/run/link/run-0001"
    assert site.ask("/api/file/a.png/link/run-0001").status == 422
    image = site.ask("/api/image/phase/link/run-0001")
    assert image.status == 422 and "no such signal" in image.tree()["fault"]
    listed = site.ask("/api/runs").body
    assert b"good/run-0001" in listed and b"away" not in listed
    run = site.ask(folder).tree()
    assert run["files"] == ["job.yaml", "big.png"] and run["signals"] == [] and run["curves"] == []


def test_large_files_are_not_sent(site):
    answer = site.ask("/api/file/big.png/link/run-0001")
    assert answer.status == 422 and len(answer.body) < 1000


def test_large_requests_are_refused(site):
    path = f"/api/ask/{RUN}"
    assert site.ask(path, b"x", content_length="300000").status == 413
    assert site.ask(path, b"x", content_length="9" * 40).status in (400, 413)
    assert site.ask(path, method="POST", content_type="application/json").status == 411
    chunked = site.ask(path, b"0\r\n\r\n", transfer_encoding="chunked").status
    assert chunked == 411
    assert site.ask("/", x_long="a" * 20_000).status == 431
    assert site.ask("/?" + "a" * 3000).status == 431


def test_a_body_that_is_no_object_is_refused(site):
    for body in (b"[", b"[" * 100_000, b"[]", b"7", b"\xff", b'{"what": ["stop"]}', b'{"what": "../x"}'):
        assert site.ask(f"/api/ask/{RUN}", body).status == 400
    assert sorted(p.name for p in (site.runs / "good/run-0001").iterdir()) == [
        "job.yaml", "logs", "previews", "result.h5", "status.json"]  # fmt: skip


def test_a_huge_image_costs_a_message(site):
    answer = site.ask("/api/image/phase/huge/run-0001")
    assert answer.status == 422 and "values, more than" in answer.tree()["fault"]


def test_a_torn_file_costs_a_message(site):
    assert site.ask("/api/image/phase/torn/run-0001").status == 422
    run = site.ask("/api/run/torn/run-0001").tree()
    assert "damaged" in run["faults"][0] and run["log"] == "ok\n"
    assert site.ask(f"/api/image/phase/{RUN}").status == 200


def test_a_run_is_asked_by_an_empty_file(site):
    assert site.ask(f"/api/ask/{RUN}", {"what": "checkpoint"}).status == 200
    file = site.runs / "good/run-0001/checkpoint"
    assert file.read_bytes() == b"" and oct(file.stat().st_mode & 0o777) == "0o600"
    file.unlink()


def test_headers_that_browsers_heed_stand_on_every_answer(site):
    for answer in (site.ask("/"), site.ask("/api/runs"), site.stranger("/api/runs"), site.ask("/api/run/x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers and "access-control-allow-origin" not in answer.headers


def test_files_to_take_away_are_never_opened_as_pages(site):
    answer = site.ask(f"/api/file/job.yaml/{RUN}")
    assert answer.body == b"nanompi: 1\n" and answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_no_secret_is_in_the_log_or_in_ps(site):
    site.ask("/?token=" + "SENT" * 5)
    site.stranger("/api/login", {"token": "SENT" * 5})
    secrets = ["SENT", site.head["x-nanompi-key"], site.head["cookie"].split("=")[1]]
    words = Path(f"/proc/{site.process.pid}/cmdline").read_bytes().decode()
    words += Path(f"/proc/{site.process.pid}/environ").read_bytes().decode()
    assert not [secret for secret in secrets if secret in site.said()]
    assert not [secret for secret in [*secrets, site.token()] if secret in words]


def test_websockets_are_not_opened(site):
    """Neither for strangers nor for those who are logged in: no 101"""
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    headers["sec_websocket_key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert site.stranger("/api/runs", **headers).status == 401
    answer = site.ask("/api/runs", **headers)
    assert answer.status == 200 and json.loads(answer.body) is not None


@pytest.mark.slow
def test_the_tag_of_an_answer_outlives_the_server(site, tmp_path_factory):
    tag = site.ask("/api/run/torn/run-0001").status, site.ask(GOOD).headers["etag"]
    assert site.ask(GOOD, if_none_match=tag[1]).status == 304
    with Server(site.runs, ("--port", "0", "--jobs")) as other:
        other.login()
        assert other.ask(GOOD, if_none_match=tag[1]).status == 304


def test_another_user_cannot_open_the_socket(tmp_path):
    """The folder is closed to others; so is the socket, from its first moment on, in any folder"""
    top = tmp_path / "runs"
    top.mkdir()
    path = tmp_path / "page.sock"
    with Server(top, ("--socket", str(path))) as server:
        assert oct(path.stat().st_mode & 0o777) == "0o600"
        assert by_socket(path) == b"HTTP/1.1 200 OK"
        if os.getuid() == 0:
            assert foreigner(tmp_path, path) == "PermissionError"
        assert f"ssh -N -L 8000:{path}" in server.said()
    assert not path.exists()


def by_socket(path: Path) -> bytes:
    """The first words of the page"""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(path))
        one.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return one.recv(15)


def foreigner(folder: Path, path: Path) -> str:
    """What user "nobody" gets where every folder above is open"""
    above = [p for p in (folder, *folder.parents) if p.stat().st_mode & 0o055 != 0o055]
    modes = [(p, p.stat().st_mode & 0o7777) for p in above]
    for p, mode in modes:
        p.chmod(mode | 0o055)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(str(path))
            except PermissionError:
                os._exit(13)
            except OSError:
                os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for p, mode in modes:
        p.chmod(mode)
    return {13: "PermissionError", 0: "in"}.get(code, "other")


def test_the_folder_of_the_socket_is_closed_to_others(tmp_path):
    top = tmp_path / "runs"
    top.mkdir()
    with tempfile.TemporaryDirectory() as short, Server(top, (), {"XDG_RUNTIME_DIR": short}) as server:
        path = Path(server.said().split("8000:")[1].split()[0])
        assert path.parent.parent == Path(short) and path.is_socket()
        assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
        assert by_socket(path) == b"HTTP/1.1 200 OK"
        server.__exit__()
        assert not path.parent.exists()


def test_a_page_without_jobs_changes_nothing(tmp_path):
    top = tmp_path / "runs"
    run_folder(top, "a/run-0001")
    with Server(top) as server:
        server.login()
        for path, body in POSTS:
            assert server.ask(path, body).status == 403, path
        assert not (top / "a/run-0001/stop").exists()


YAML = {"yaml": "nanompi: 1"}
POSTS = [("/api/ask/a/run-0001", {"what": "stop"}), ("/api/check", YAML), ("/api/plan", YAML),
         ("/api/start", {**YAML, "ranks": 1, "where": "here"}), ("/api/preview", {"file": "/etc/passwd"}),
         ("/api/template", {"name": "", "scan": ""}), ("/api/browse?in=/", None), ("/api/schema", None),
         ("/api/templates", None)]  # fmt: skip


def half(server: Server) -> socket.socket:
    """A connection with half a request"""
    one = socket.create_connection(("127.0.0.1", server.port))
    one.send(b"GET / HTTP/1.1\r\nHost: loc")
    return one


@pytest.mark.slow
def test_those_who_never_end_a_request_are_cut_off(site):
    held = [half(site) for _ in range(60)]
    assert site.ask("/api/runs").status == 200
    body = socket.create_connection(("127.0.0.1", site.port))
    head = f"POST /api/login HTTP/1.1\r\nHost: localhost:{site.port}\r\nContent-Type: application/json\r\n"
    body.send(head.encode() + b"Content-Length: 100\r\n\r\n{")
    for one in held:
        one.settimeout(patience(10))
        assert one.recv(100) == b""  # closed, with no word
        one.close()
    body.settimeout(patience(10))
    assert body.recv(100).startswith(b"HTTP/1.1 408")
    body.close()


@pytest.mark.slow
def test_many_connections_are_refused_and_the_page_recovers(site):
    held = [half(site) for _ in range(300)]
    assert site.ask("/api/runs").status in (503, 200)
    end = time.monotonic() + patience(12)
    while site.ask("/api/runs").status != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    for one in held:
        one.close()


def test_http_that_is_none_is_refused(site):
    with socket.create_connection(("127.0.0.1", site.port)) as one:
        one.send(b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n")
        one.settimeout(patience(10))
        assert one.recv(12) in (b"HTTP/1.1 400", b"")
    assert site.ask("/api/runs").status == 200


@pytest.mark.slow
def test_a_host_that_was_named_is_served(tmp_path):
    top = tmp_path / "runs"
    top.mkdir()
    with Server(top, ("--port", "0", "--host", "hub.example.org")) as server:
        assert server.ask("/", host="hub.example.org").status == 200
        assert server.ask("/", host="hub.example.com").status == 421


def test_each_run_that_is_listed_can_be_opened(site):
    names = [one["run"] for one in json.loads(site.ask("/api/runs").body)["runs"]]
    assert {"b/image/run-0001", "b/file/run-0001", "two\\nlines/run-0001", "50%2f?#/run-0001"} <= set(names)
    for name in names:
        assert site.ask(f"/api/run/{quote(name)}").tree()["status"]["run"] == name


def test_names_are_text_in_json(site):
    found = json.loads(site.ask("/api/runs").body)["runs"]
    assert {one["message"] for one in found if one["run"].startswith("<img")} == {BAD}
    assert http.client.responses[421] == "Misdirected Request"
