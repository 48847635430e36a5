"""Makes a Python program a worker of a Backline WorkerPool. Python 3.9 or newer, nothing to install.

    from backline_worker import serve

    def analyze(track, ctx):
        ctx.progress(50)
        return {"bpm": 120}

    serve({"analyze": analyze})

What the program prints goes to standard error: standard output belongs to the protocol (docs/worker-protocol.md).
"""

import asyncio
import inspect
import json
import os
import queue
import signal
import sys
import threading
import traceback

__all__ = ["Context", "NoRetry", "RetryAfter", "serve"]

PROTOCOL = 1
MAX_CAUSES = 10


class NoRetry(Exception):
    """Raise it when trying again cannot help."""


class RetryAfter(Exception):
    """Raise it when the other side said how long to wait."""

    def __init__(self, message, seconds):
        super().__init__(message)
        self.seconds = seconds


class _Stop(BaseException):
    """Ends a handler with a verdict of its own. No Exception, so that no handler catches it by accident."""

    def __init__(self, verdict):
        super().__init__(verdict["kind"])
        self.verdict = verdict


class Context:
    """What a handler gets beside its payload."""

    def __init__(self, channel, order):
        self._channel = channel
        self._run = order["run"]
        self._asked = None
        self._over = False
        self._cancelled = threading.Event()
        self.reason = None
        """Why the job is to stop: {"code": …, "reason": …}, or None."""
        self.job = order["job"]
        """What is known of the job: id, type, queue, priority, startedAt …"""
        self.attempt = order["attempt"]
        """This attempt's number, from 1."""
        self.timeout_ms = order.get("timeoutMs")

    @property
    def cancelled(self):
        """Whether the job is to stop: it is cancelled, its time is over, or the worker closes."""
        return self._cancelled.is_set()

    def wait(self, seconds):
        """Waits, or until the job is to stop. Returns whether it is."""
        return self._cancelled.wait(seconds)

    def progress(self, percent=None, *, done=None, total=None, message=None):
        """How far the job is: progress(50), or progress(done=3, total=10, message="…")."""
        if done is None:
            self._say({"kind": "progress", "progress": float(percent)})
            return
        counted = {"done": done, "total": total}
        if message is not None:
            counted["message"] = str(message)
        self._say({"kind": "progress", "progress": counted})

    def log(self, message, level="info", **fields):
        """Writes a line into the log of the attempt; level is debug, info, warn or error."""
        if level not in ("debug", "info", "warn", "error"):
            raise ValueError(f"level is {level!r}; allowed: debug, info, warn, error")
        told = {name: _readable(value) for name, value in fields.items()}
        self._say({"kind": "log", "level": level, "message": str(message), "fields": told})

    def heartbeat(self):
        """Says that the work goes on."""
        self._say({"kind": "heartbeat"})

    def cancel(self, reason="cancelled by its handler"):
        """Ends the job as cancelled. Does not return."""
        self._ask({"kind": "cancelled", "reason": str(reason)})

    def snooze(self, delay):
        """Puts the job back to run later: milliseconds, or text such as "5m". Does not return."""
        self._ask({"kind": "snooze", "delay": delay})

    def _ask(self, verdict):
        self._asked = verdict
        raise _Stop(verdict)

    def _say(self, message):
        if not self._over:
            self._channel.send({**message, "run": self._run})


def serve(handlers, name="python"):
    """Says that the program is ready, and works until it is told to end. handlers: functions by job type, or one for all."""
    channel = _Channel()
    orders = queue.Queue()
    threading.Thread(target=channel.listen, args=(orders,), daemon=True).start()
    channel.send({"kind": "ready", "protocol": PROTOCOL, "name": name})
    while True:
        order = orders.get()
        if order is None:
            return
        context = channel.begin(order)
        verdict = _work(handlers, order, context)
        channel.finish(context, verdict)


def _work(handlers, order, context):
    try:
        result = _handler_of(handlers, order["type"])(order["payload"], context)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        return context._asked or {"kind": "result", "result": result}
    except _Stop as stop:
        return stop.verdict
    except Exception as error:
        return context._asked or _error(error)


def _handler_of(handlers, kind):
    if callable(handlers):
        return handlers
    if kind not in handlers:
        raise LookupError(f'No handler is registered for "{kind}". Known types: {", ".join(handlers) or "none"}.')
    return handlers[kind]


def _error(error):
    verdict = {"kind": "error", "error": _failure(error)}
    if isinstance(error, NoRetry):
        verdict["retry"] = "never"
    elif isinstance(error, RetryAfter):
        verdict["retry"] = {"afterMs": round(error.seconds * 1000)}
    return verdict


def _failure(error, depth=0):
    failure = {
        "name": type(error).__name__,
        "message": str(error) or type(error).__name__,
        "stack": "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False)),
    }
    code = getattr(error, "code", None)
    if isinstance(code, (str, int)):
        failure["code"] = code
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < MAX_CAUSES:
        failure["cause"] = _failure(cause, depth + 1)
    return failure


def _readable(value):
    try:
        json.dumps(value, allow_nan=False)
        return value
    except (TypeError, ValueError):
        return repr(value)


class _Channel:
    """The way to the parent. It takes standard input and output for itself; what else is printed goes to standard error."""

    def __init__(self):
        sys.stdout.flush()
        self._in = os.fdopen(os.dup(0), "rb")
        self._out = os.dup(1)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True)
        self._lock = threading.Lock()
        self._current = None
        # A cancel may be read before the main thread has begun with the job it is for.
        self._early = None

    def send(self, message):
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._out, line) :]

    def begin(self, order):
        context = Context(self, order)
        with self._lock:
            self._current = context
            early, self._early = self._early, None
        if early is not None:
            self._cancel(early)
        return context

    def finish(self, context, verdict):
        # From here on, a thread that the handler left behind says nothing more about the job.
        context._over = True
        with self._lock:
            self._current = None
        try:
            self.send({**verdict, "run": context._run})
        except (TypeError, ValueError, RecursionError) as error:
            told = {"name": type(error).__name__, "message": f"The result cannot be stored: {error}"}
            told["code"] = "INVALID_RESULT"
            self.send({"kind": "error", "run": context._run, "error": told, "retry": "never"})

    def listen(self, orders):
        """Reads what the parent says, beside the work, so that a cancel is heard while a handler runs."""
        for line in self._in:
            message = json.loads(line)
            if message["kind"] == "job":
                orders.put(message)
            elif message["kind"] == "cancel":
                self._cancel(message)
            elif message["kind"] == "exit":
                orders.put(None)
                return
        # The parent is gone, whatever became of it: nobody waits for what runs here.
        _end_at_once()

    def _cancel(self, message):
        with self._lock:
            context = self._current
            if context is None:
                self._early = message
                return
        if context._run == message["run"]:
            context.reason = {"code": message.get("code"), "reason": message.get("reason")}
            context._cancelled.set()


def _end_at_once():
    """With everything this program has started, if it leads a group of its own."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
