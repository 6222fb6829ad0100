"""Celery over Redis: a producer that takes orders on stdin, or a worker (prefork, late acknowledgement).

The README of the benchmark says what every peer answers to.
"""

import json
import os
import sys
import time

from celery import Celery

SIZE = 200

app = Celery("bench", broker=os.environ["BENCH_URL"])
app.conf.update(task_acks_late=True, task_ignore_result=True, broker_connection_retry_on_startup=True)
journal = None


def record(event, job):
    """Adds a line to the journal, where one is asked for; appending is atomic over processes."""
    global journal
    if "BENCH_JOURNAL" not in os.environ:
        return
    if journal is None:
        journal = os.open(os.environ["BENCH_JOURNAL"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(journal, f"{event} {job['id']} {job['sent']} {time.monotonic_ns()}\n".encode())


@app.task(name="noop")
def noop(job):
    """Does nothing, or sleeps."""
    record("s", job)
    if job["sleep"]:
        time.sleep(job["sleep"] / 1000)
    record("e", job)


def make(number, sleep=0):
    """A job of now, filled up to its size."""
    job = {"id": number, "sleep": sleep, "sent": time.monotonic_ns(), "pad": ""}
    job["pad"] = "x" * (SIZE - len(json.dumps(job, separators=(",", ":"))))
    return job


def produce():
    """Celery has no call for many jobs: each is one `delay`."""
    print("ready", flush=True)
    number = 0
    for order in sys.stdin:
        kind, count, extra = order.split()
        start = time.monotonic()
        for index in range(int(count)):
            if kind == "pace":
                time.sleep(max(0.0, start + index / int(extra) - time.monotonic()))
                noop.delay(make(number))
            else:
                noop.delay(make(number, int(extra)))
            number += 1
        print("done", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "producer":
        produce()
    else:
        concurrency = os.environ["BENCH_CONCURRENCY"]
        app.worker_main(["worker", "--pool=prefork", f"--concurrency={concurrency}", "--loglevel=WARNING"])
