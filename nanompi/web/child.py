"""A process of the page that reads files: `python -m nanompi.web.child`, one task a line on its input.

A task is ["NAME", {its arguments}]; the answer two sizes in 32 bytes, a JSON text, and bytes (of an image).
The process may use so much memory, and each task so much processor time; what steps of users print goes
nowhere. New files can be read by their owner alone.
"""

import fcntl
import importlib
import json
import os
import resource
import sys
from contextlib import suppress

from nanompi.mpi.mpiexec import one_thread

MEMORY = 4 << 30  # bytes
CPU = 120  # seconds of a task
PIPE = 1 << 20  # bytes that wait in the pipe of the answers, where the system allows it: 64 kB else
TASKS = {
    "ready": "nanompi.web.show:ready",
    "run": "nanompi.web.show:run",
    "image": "nanompi.web.show:image",
    "file": "nanompi.web.show:file",
    "strip": "nanompi.web.show:strip",
    "differences": "nanompi.web.show:differences",
    "methods": "nanompi.web.manual:methods",
    "method": "nanompi.web.manual:method",
    "browse": "nanompi.web.scans:browse",
    "preview": "nanompi.web.scans:preview",
    **{name: f"nanompi.web.jobs:{name}" for name in ("schema", "templates", "template", "check", "plan")},
    **{name: f"nanompi.web.jobs:{name}" for name in ("script", "submit", "claim")},
}


def answer(task: str, words: dict) -> tuple[dict, bytes]:
    """What a task gives: {"answer": ...} and bytes; or {"fault": text, "code": exit code, "detail": ...}."""
    from nanompi.errors import NanompiError, shown

    try:
        module, _, name = TASKS[task].partition(":")
        found = getattr(importlib.import_module(module), name)(**words)
        tree, body = found if isinstance(found, tuple) else (found, b"")
        json.dumps(tree, allow_nan=False)
        return {"answer": tree}, body
    except NanompiError as e:
        return {"fault": str(e), "code": e.code, "detail": getattr(e, "detail", None)}, b""
    except MemoryError:
        return {"fault": "it is larger than the memory that the page may use", "code": 4}, b""
    except Exception as e:  # files, steps of users: anything may happen
        return {"fault": f"{type(e).__name__}: {shown(e, 300)}", "code": 1}, b""


def allow_cpu():
    """So much processor time from now on; then the process ends."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + CPU
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def widen(pipe: int):
    """Let more wait in a pipe: a large image then takes fewer turns of the two processes."""
    with suppress(OSError, AttributeError):  # the user has too many such pipes; not on Linux
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def main():
    """Until the page has gone."""
    one_thread()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    widen(1)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        for line in sys.stdin.buffer:
            allow_cpu()
            tree, body = answer(*json.loads(line))
            head = json.dumps(tree).encode()
            out.write(b"%15d %15d\n" % (len(head), len(body)) + head + body)
            out.flush()


if __name__ == "__main__":
    main()
