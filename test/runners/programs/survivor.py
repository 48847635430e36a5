"""The same as survivor.ts, but that it never gives the processor away."""

import os
import subprocess

from backline_worker import serve


def work(payload, ctx):
    if payload == "end":
        return os.getpid()
    other = subprocess.Popen(["sleep", "300"])
    ctx.progress(done=1, total=100, message=f"pids {os.getpid()} {other.pid}")
    while True:
        pass


serve(work)
