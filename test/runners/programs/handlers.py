"""The same handlers as in handlers.ts."""

import os
import sys
import time

from backline_worker import NoRetry, RetryAfter, serve


class Coded(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def echo(payload, ctx):
    return {"payload": payload, "attempt": ctx.attempt, "type": ctx.job["type"]}


def nothing(payload, ctx):
    pass


def fail(payload, ctx):
    try:
        raise Coded("the cause below", "BELOW")
    except Coded as below:
        raise Coded("it fails", "IT_FAILS") from below


def fail_once(payload, ctx):
    if ctx.attempt == 1:
        raise TypeError("the first time")
    return ctx.attempt


def never(payload, ctx):
    raise NoRetry("no use")


def later(payload, ctx):
    if ctx.attempt == 1:
        raise RetryAfter("not now", 0.12)
    return "later"


def tell(payload, ctx):
    ctx.progress(25)
    ctx.log("at work", "warn", n=1)
    ctx.progress(done=3, total=4, message="three of four")
    ctx.log("nearly done")
    return "told"


def cancelled(payload, ctx):
    try:
        ctx.cancel("enough")
    except Exception:
        return "a handler cannot swallow it by accident"


def snooze(file, ctx):
    if os.path.exists(file):
        return ctx.attempt
    open(file, "w").close()
    ctx.snooze(200)


def polite(payload, ctx):
    ctx.progress(1)
    ctx.wait(60)
    raise Coded("stopped as asked", ctx.reason["code"])


def deaf(payload, ctx):
    ctx.progress(1)
    while True:
        time.sleep(0.1)


def busy(payload, ctx):
    ctx.progress(1)
    while True:
        pass


def alive(ms, ctx):
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        ctx.heartbeat()
        time.sleep(0.01)
    return "alive"


def unstorable(payload, ctx):
    return {"a": [1, float("nan")]}


def exit_with(code, ctx):
    sys.stderr.write("these are my last words\n")
    sys.stderr.flush()
    os._exit(code)


def print_all(payload, ctx):
    print('{"kind":"result","run":1,"result":"not this"}')
    os.system("echo from a program of mine")
    return "this"


async def asynchronous(payload, ctx):
    return payload


serve(
    {
        "echo": echo,
        "nothing": nothing,
        "fail": fail,
        "failOnce": fail_once,
        "never": never,
        "later": later,
        "tell": tell,
        "cancelled": cancelled,
        "snooze": snooze,
        "polite": polite,
        "deaf": deaf,
        "busy": busy,
        "alive": alive,
        "unstorable": unstorable,
        "exit": exit_with,
        "print": print_all,
        "asynchronous": asynchronous,
    }
)
