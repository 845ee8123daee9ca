"""Background work: queue, worker process and handlers."""
