"""Checks: their registration, running and counting.

Owns the list of checks and the tally. Invariant: a check that raises has failed, one that raises
`Skipped` is named with its reason, and one failure never keeps the others from running. Cost: none
beyond the checks'.
"""

import sys
import time
import traceback

CHECKS = []


class Skipped(Exception):
    """A check that this machine cannot do, with the reason."""


class Check:
    """One function with the server it wants."""

    def __init__(self, function, needs, protocols):
        self.function = function
        self.needs = needs
        self.protocols = protocols
        module = function.__module__.rsplit(".", 1)[-1]
        self.name = f"{module}.{function.__name__}"

    def variants(self):
        """Name and arguments of each way to run it."""
        if not self.protocols:
            return [(self.name, ())]
        return [(f"{self.name} RESP{protocol}", (protocol,)) for protocol in (2, 3)]


def check(function=None, *, needs="plain", protocols=False):
    """Registers a check.

    `needs` is "plain", "cluster", "password" or "own" (a server that it may stop). With
    `protocols` it runs twice and is handed 2, then 3.
    """
    if function is None:
        return lambda function: check(function, needs=needs, protocols=protocols)
    CHECKS.append(Check(function, needs, protocols))
    return function


class Tally:
    """What has passed and failed so far."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def run(self, name, function, *args):
        started = time.monotonic()
        try:
            function(*args)
        except Skipped as reason:
            self.skips.append(name)
            print(f"skipped: {name}: {reason}", flush=True)
        except Exception:
            self.failures.append(name)
            text = traceback.format_exc(limit=-6)
            print(f"FAILED {name}\n{indent(text)}", flush=True)
        else:
            self.passed += 1
            took_s = time.monotonic() - started
            if took_s > 2:
                print(f"  {name} took {took_s:.1f} s", flush=True)

    def close(self):
        for name in self.failures:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failures)} failed", flush=True)
        sys.exit(1 if self.failures else 0)


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def equal(found, expected, what=""):
    """Asserts equality, showing both sides cut to a readable length."""
    if found != expected:
        raise AssertionError(f"{what}: found {show(found)}, expected {show(expected)}")


def show(value):
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:300]}…{text[-300:]} ({len(text)} characters)"


def raises(kind, pattern, function, *args, **options):
    """Asserts that a call is refused with a text that contains `pattern`."""
    try:
        found = function(*args, **options)
    except kind as error:
        assert pattern in str(error), f"refused with {error!s}, expected {pattern!r}"
        return error
    raise AssertionError(f"found {show(found)}, expected a refusal with {pattern!r}")


def eventually(condition, wait_max_s, what):
    """Polls until `condition` holds and returns its value; fails after `wait_max_s`."""
    deadline = time.monotonic() + wait_max_s
    pause_s = 0.0005
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {wait_max_s} s: {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.02)
