"""What a worker does once it holds the lock of its home."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial

from icicore.jobs.handlers import run_job_task, warm_up
from icicore.jobs.heartbeat import BEATS, keep_beating, runner_prefix
from icicore.jobs.kinds import LONG
from icicore.jobs.outcome import close_finished
from icicore.jobs.queue import enqueue, open_queue
from icicore.jobs.supervisor import COMMAND, Supervisor
from icicore.settings import Settings
from icicore.workflows.services import Services, build_services

log = logging.getLogger(__name__)


def serve(settings: Settings, *, command: Sequence[str] = COMMAND) -> None:
    """Take up what a crash interrupted, then serve until told to stop; give back what is under way then."""
    services = build_services(settings)
    runner = BEATS.name_runner(settings.home)
    queue = open_queue(settings.queue_url)
    run_job_task(queue)  # the consumer knows it from here on

    def carry(job_id: str) -> None:
        job = services.jobs.get(job_id)
        if job is not None and job.kind not in LONG:
            enqueue(services, job_id)

    settle = partial(close_finished, services.jobs, settings.home)
    settle(runner_prefix(settings.home))
    # The rows are the truth and the queue only carries ids; an id that is queued twice starts only once.
    for job in services.jobs.requeue_lost(runner_prefix(settings.home)):
        carry(job.job_id)
    stop, supervisor = threading.Event(), Supervisor(services, runner, command=command)
    helpers = [
        threading.Thread(
            target=keep_beating, args=(services.jobs, carry, stop), kwargs={"settle": settle}, daemon=True
        ),
        threading.Thread(target=supervisor.watch, args=(stop,), daemon=True),
    ]
    for helper in helpers:
        helper.start()
    told: list[int] = []

    def leave(number: int, _frame: object) -> None:
        told.append(number)
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)  # until the consumer listens itself
    try:
        warm_up()
        if told:  # a library that is being imported may turn the exit into an error of its own
            return
        consumer = queue.create_consumer(workers=1, worker_type="thread", initial_delay=0.1, max_delay=0.2)
        consumer.run()
    finally:
        stop.set()
        helpers[1].join(5)
        supervisor.close()
        _give_back(services, runner)


def _give_back(services: Services, runner: str) -> None:
    """Short jobs that an orderly stop interrupted: they wait again, and the try does not count."""
    for job_id in BEATS.running:
        services.jobs.release(job_id, runner)
