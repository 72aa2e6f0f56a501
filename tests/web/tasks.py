"""Tasks for the processes of the page that do harm; tests.web.test_work puts them in place."""

import os
import subprocess
import sys
import time


def echo(text: str):
    print("a step of a user prints this")
    return {"text": text, "pid": os.getpid()}, text.encode() * 100_000


def hang(file: str):
    """Start a child, note both, wait"""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(file, "w") as out:
        out.write(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def crash():
    os.abort()


def memory():
    return len(bytearray(6 << 30))


def nothing():
    return float("nan")


def burn():
    while True:
        pass


def mask(file: str):
    with open(file, "w") as out:
        out.write("x")
    return os.stat(file).st_mode & 0o777
