"""Takes one guard of the page out after the other; a test must notice each.

    python tests/web/guards.py [WORD ...]       all, or those whose name holds a word

A copy of the program has one line changed; the test of that guard runs against the copy and must fail.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 400  # longer than any test of a guard takes


@dataclass(frozen=True)
class Guard:
    """name; file of nanompi/; what stands there and what takes its place; the test that must notice."""

    name: str
    file: str
    text: str
    instead: str
    test: str


HOSTILE, LOGIN, WORK = "tests/web/test_hostile.py", "tests/web/test_login.py", "tests/web/test_work.py"
JOBS, SLOW, SERVE = "tests/web/test_jobs.py", "tests/web/test_slow.py", "tests/web/test_serve.py"
GUARDS = [
    Guard("host", "web/gate.py", "if name in rules.hosts", "if True", f"{HOSTILE}::test_other_names"),
    Guard("origin", "web/gate.py", 'origin.split("://")[-1] != request.get("host")', "False",
          f"{HOSTILE}::test_pages_of_others"),
    Guard("fetch site", "web/gate.py", 'site != "same-origin"', "False", f"{HOSTILE}::test_pages_of_others"),
    Guard("method", "web/gate.py", "return 405", "return None, 405", f"{HOSTILE}::test_forms_of_others"),
    Guard("JSON only", "web/gate.py", 'if request.get("content-type") == "application/json"', "if True",
          f"{HOSTILE}::test_forms_of_others"),
    Guard("body", "web/gate.py", "int(length) > LONGEST_BODY", "False", f"{HOSTILE}::test_large_requests"),
    Guard("chunks", "web/gate.py", ' or "transfer-encoding" in request.headers', "",
          f"{HOSTILE}::test_large_requests"),
    Guard("headers", "web/gate.py", "request.size > LONGEST_HEAD", "False",
          f"{HOSTILE}::test_large_requests"),
    Guard("path size", "web/gate.py", "request.path_size > LONGEST_PATH", "False",
          f"{HOSTILE}::test_large_requests"),
    Guard("login", "web/gate.py", "if rules.login.knows(cookie, key)", "if True",
          f"{HOSTILE}::test_nothing_is_shown"),
    Guard("open paths", "web/gate.py", "if request.path in rules.open",
          'if request.path in rules.open or request.path.endswith("/api/login")',
          f"{HOSTILE}::test_nothing_is_shown"),
    Guard("key", "web/login.py", " & same(key, one.key)", "", f"{HOSTILE}::test_cookie_alone"),
    Guard("cookie", "web/login.py", "same(cookie, one.cookie) & ", "", f"{LOGIN}::test_halves"),
    Guard("end of a session", "web/login.py", " or one.end <= self.clock()", "",
          f"{LOGIN}::test_a_session_ends"),
    Guard("token once", "web/login.py", "            self._renew()\n        return", "        return",
          f"{LOGIN}::test_a_token"),
    Guard("grace", "web/login.py", " & (self.clock() < self._until)", "", f"{LOGIN}::test_a_token"),
    Guard("tries", "web/login.py", "return ahead > QUEUE", "return False", f"{HOSTILE}::test_wrong_tokens"),
    Guard("sessions", "web/login.py", ">= MOST", ">= 10**9", f"{LOGIN}::test_the_number"),
    Guard("httponly", "web/server.py", "httponly=True", "httponly=False", f"{HOSTILE}::test_the_cookie"),
    Guard("samesite", "web/server.py", 'samesite="strict"', 'samesite="lax"', f"{HOSTILE}::test_the_cookie"),
    Guard("policy", "web/gate.py", "script-src 'self'", "script-src 'self' 'unsafe-inline'",
          f"{HOSTILE}::test_headers_that"),
    Guard("frames", "web/gate.py", "\"frame-ancestors 'none'\"", '""', f"{HOSTILE}::test_headers_that"),
    Guard("types of files", "web/gate.py", '    "x-content-type-options": "nosniff",\n', "",
          f"{HOSTILE}::test_headers_that"),
    Guard("referrer", "web/gate.py", '    "referrer-policy": "no-referrer",\n', "",
          f"{HOSTILE}::test_headers_that"),
    Guard("log of requests", "web/listen.py", 'log_level="warning", access_log=False',
          'log_level="info", access_log=True', f"{HOSTILE}::test_no_secret"),
    Guard("headers of refusals", "web/gate.py", "await refuse(sealed", "await refuse(send",
          f"{HOSTILE}::test_headers_that"),
    Guard("runs that are links", "web/runs.py", 'folder.name != "latest" and self._inside(folder)',
          'folder.name != "latest"', f"{HOSTILE}::test_links_out"),
    Guard("files that are links", "web/show.py",
          "return (folder / name).resolve().is_relative_to(folder.resolve())", "return True",
          f"{HOSTILE}::test_links_out"),
    Guard("size of a file", "web/show.py", "LARGEST = 16 << 20", "LARGEST = 1 << 25",
          f"{HOSTILE}::test_large_files"),
    Guard("attachment", "web/server.py", '"attachment"', '"inline"', f"{HOSTILE}::test_files_to_take"),
    Guard("words of a run", "web/server.py", "if what not in ASKS", "if False",
          f"{HOSTILE}::test_a_body_that"),
    Guard("jobs", "web/steering.py", "if not self.site.jobs", "if False", f"{HOSTILE}::test_a_page_without"),
    Guard("socket", "web/listen.py", "os.umask(0o177)", "os.umask(0)", f"{HOSTILE}::test_another_user"),
    Guard("time to ask", "web/connection.py", "ASK, TAKE, REST = 5.0,", "ASK, TAKE, REST = 5000.0,",
          f"{HOSTILE}::test_those_who_never"),
    Guard("time of a body", "web/answers.py", "ASK = 5.0", "ASK = 5000.0",
          f"{HOSTILE}::test_those_who_never"),
    Guard("connections", "web/connection.py", "self.loop.call_later(ASK, self.transport.abort)",
          "self.loop.call_later(1e6, self.transport.abort)", f"{HOSTILE}::test_many_connections"),
    Guard("end with the page", "web/work.py", 'bound(python("-m", "nanompi.web.child"), signal.SIGKILL)',
          'python("-m", "nanompi.web.child")', f"{WORK}::test_a_process_ends_with_a_page_that_was_killed"),
    Guard("killing", "web/work.py", "os.killpg(self.process.pid, signal.SIGKILL)",
          "os.kill(self.process.pid, signal.SIGKILL)", f"{WORK}::test_one_that_takes"),
    Guard("time of a task", "web/work.py", "asyncio.timeout(seconds)", "asyncio.timeout(None)",
          f"{WORK}::test_one_that_takes"),
    Guard("memory of a task", "web/child.py", "resource.RLIMIT_AS, (MEMORY, MEMORY)",
          "resource.RLIMIT_AS, (-1, -1)", f"{WORK}::test_one_that_breaks"),
    Guard("processor time", "web/child.py", "            allow_cpu()\n", "", f"{WORK}::test_processor_time"),
    Guard("renewal", "web/work.py", " or self.done >= TASKS", "", f"{WORK}::test_a_process_is_renewed"),
    Guard("waiting tasks", "web/work.py", "if self.waiting >= WAITING", "if False",
          f"{WORK}::test_those_who_wait"),
    Guard("umask", "web/child.py", "os.umask(0o077)", "os.umask(0o022)", f"{WORK}::test_files_are"),
    Guard("output of steps", "web/child.py", "os.dup2(2, 1)", "pass", f"{WORK}::test_tasks_answer"),
    Guard("folders that are read", "web/scans.py", "if not any(real.is_relative_to(top) for top in reads)",
          "if False", f"{JOBS}::test_folders_outside"),
    Guard("links of folders", "web/scans.py", "os.path.realpath(os.path.expanduser(path))",
          "os.path.abspath(path)", f"{JOBS}::test_files_outside"),
    Guard("scans that are read", "web/scans.py", "path = str(allowed(file, reads))", "path = str(file)",
          f"{JOBS}::test_files_outside"),
    Guard("ranks", "web/answers.py", "if type(value) is not int or not 1 <= value <= most", "if False",
          f"{JOBS}::test_ranks"),
    Guard("edits", "web/steering.py", "if not isinstance(edits, dict) or not all(", "if False and not all(",
          f"{JOBS}::test_odd_edits"),
    Guard("umask of runs", "cli/serve.py", "os.umask(0o077)", "os.umask(0o022)",
          f"{JOBS}::test_a_job_starts"),
    Guard("time to take", "web/connection.py", "REST = 5.0, 10.0,", "REST = 5.0, 1e6,",
          f"{SLOW}::test_readers_that"),
    Guard("images at once", "web/answers.py", "AT_ONCE = 4", "AT_ONCE = 400", f"{SLOW}::test_readers_that"),
    Guard("idle", "web/listen.py", "server.should_exit = True", "pass", f"{SERVE}::test_it_ends"),
    Guard("given token", "cli/serve.py", "len(token) >= 24 and ", "", f"{SERVE}::test_a_token_that"),
    Guard("page of a report", "web/server.py", '"application/octet-stream")\n        answer.headers',
          '"text/html")\n        answer.headers', f"{HOSTILE}::test_files_to_take"),
]  # fmt: skip


def noticed(one: Guard, tree: Path) -> bool:
    """Does the guard's test fail in a copy of the program without it?"""
    file = tree / "nanompi" / one.file
    text = file.read_text()
    if text.count(one.text) != 1:
        raise SystemExit(f"{one.name}: {one.file} holds {one.text!r} {text.count(one.text)} times, not once")
    file.write_text(text.replace(one.text, one.instead))
    path, _, name = one.test.partition("::")
    own = {"PYTHONPATH": str(tree), "NANOMPI_PATIENCE": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += ["-m", "slow or not slow", "-k", name, path]
    try:
        done = _run(command, tree, os.environ | own)
    finally:
        file.write_text(text)
    if done is None:
        return True
    if done.returncode not in (0, 1):
        raise SystemExit(f"{one.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def _run(command: list[str], tree: Path, environment: dict) -> subprocess.CompletedProcess | None:
    """The tests; None where they do not end, which no test run overlooks."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, env=environment, cwd=tree, **pipes) as tests:
        try:
            out, said = tests.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(tests.pid, signal.SIGKILL)
            tests.communicate()
            return None
    return subprocess.CompletedProcess(command, tests.returncode, out, said)


def without_guards(chosen: list[Guard]):
    """(guard, was it noticed?) of each, in one copy of the program."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "runs", "benchmarks")
        shutil.copytree(ROOT, tree, ignore=left_out)
        for one in chosen:
            yield one, noticed(one, tree)


def main(words: list[str]) -> int:
    """Print a line for each guard; 1 where one is not noticed."""
    chosen = [one for one in GUARDS if not words or any(word in one.name for word in words)]
    lost = 0
    for one, good in without_guards(chosen):
        lost += not good
        print(f"{'noticed' if good else 'NOT NOTICED':12} {one.name:24} {one.test}", flush=True)
    print(f"{lost} of {len(chosen)} guards can go and no test notices")
    return min(lost, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
