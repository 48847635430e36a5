"""A worker that speaks the protocol by itself, and breaks it as the payload says."""

import json
import os
import signal
import subprocess
import sys
import time

START = sys.argv[1] if len(sys.argv) > 1 else ""


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def raw(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def complain(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def grandchildren():
    return [subprocess.Popen(["sleep", "300"]).pid for _ in range(20)]


def at_start():
    if START == "silent":
        time.sleep(300)
    elif START == "slow":
        time.sleep(1.2)
    elif START == "exit":
        complain("no licence found")
        sys.exit(4)
    elif START == "version":
        say(kind="ready", protocol=2)
        time.sleep(300)
    elif START == "garbage":
        raw("Welcome to my program!\n")
        time.sleep(300)
    elif START.startswith("unless:") and not os.path.exists(START[7:]):
        say(kind="unready", error={"name": "ImportError", "message": "no module named x", "stack": "line 1 of x.py"})
        sys.exit(1)
    elif START.startswith("count:"):
        with open(START[6:], "a") as file:
            file.write("start\n")
        sys.exit(3)
    elif START == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    say(kind="ready", protocol=1)
    if START == "brief":
        sys.exit(5)


def work(run, what):
    complain("stderr of " + str(what))
    if what == "garbage":
        raw("Traceback (most recent call last): not for here\n")
        time.sleep(300)
    elif what == "array":
        raw("[1,2]\n")
        time.sleep(300)
    elif what == "giant":
        block = "x" * 1000000
        for _ in range(50):
            raw(block)
        raw("\n")
        time.sleep(300)
    elif what == "silent":
        time.sleep(300)
    elif what == "exit":
        sys.exit(3)
    elif what == "exit 0":
        sys.exit(0)
    elif what == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "stranger":
        say(kind="result", run=run + 5, result=1)
        time.sleep(300)
    elif what == "bad retry":
        say(kind="error", run=run, error={"message": "x"}, retry="sometimes")
    elif what == "bare error":
        say(kind="error", run=run, error="just text")
    elif what == "twice":
        raw(json.dumps({"kind": "result", "run": run, "result": 1}) + "\n")
        time.sleep(0.2)
        say(kind="result", run=run, result=2)
    elif what == "late words":
        say(kind="result", run=run, result=os.getpid())
        say(kind="progress", run=run, progress=99)
        say(kind="log", run=run, message="late")
        say(kind="heartbeat", run=run)
    elif what == "result, then exit":
        say(kind="result", run=run, result=os.getpid())
        sys.exit(6)
    elif what == "no newline":
        raw(json.dumps({"kind": "result", "run": run, "result": "whole"}))
        sys.exit(0)
    elif what == "half a line":
        raw('{"kind":"resu')
        sys.exit(2)
    elif what == "family":
        pids = grandchildren()
        say(kind="progress", run=run, progress={"done": 1, "total": 100, "message": json.dumps([os.getpid(), *pids])})
        time.sleep(300)
    elif what == "family, then exit":
        complain(json.dumps(grandchildren()))
        sys.exit(8)
    elif what == "hog":
        held = b"x" * (400 * 1024 * 1024)
        say(kind="heartbeat", run=len(held) and run)
        time.sleep(300)
    elif what == "keep":
        global kept
        kept = b"x" * (400 * 1024 * 1024)
        say(kind="result", run=run, result=os.getpid())
    elif what == "look":
        seen = {"cwd": os.getcwd(), "nice": os.nice(0), "env": dict(os.environ), "argv": sys.argv[1:]}
        say(kind="result", run=run, result=seen)
    elif what == "stderr":
        complain("x" * 100000 + " the very end")
        sys.exit(3)
    elif isinstance(what, dict) and what.get("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        say(kind="result", run=run, result=os.getpid())


at_start()
for line in sys.stdin:
    message = json.loads(line)
    if message["kind"] == "job":
        work(message["run"], message["payload"])
        if START == "once":
            sys.exit(0)
    elif message["kind"] == "exit":
        sys.exit(0)
