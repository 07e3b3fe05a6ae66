"""Waiting for a condition that gives no event of its own, with a bound and a growing interval."""

import time


def wait_until(condition, timeout_s, what):
    """Returns the first true value of `condition()`, or fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    interval = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(interval)
        interval = min(interval * 1.5, 0.1)
