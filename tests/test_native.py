"""Memory stays with a process that embeds, and linear algebra leaves the cores to the workers."""

import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from icicore.native import one_blas_thread, tune_allocator

FAULTS = """
import resource, threading
import numpy as np
from icicore.native import tune_allocator

def work(times):
    for _ in range(times):
        for block in [np.empty(2**20) for _ in range(4)]:
            block[::512] = 1.0

def in_threads(times):
    workers = [threading.Thread(target=work, args=(times,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

tune = {tune}
if tune and not tune_allocator():
    raise SystemExit("not glibc")
in_threads(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
in_threads(20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_tuning_the_allocator_can_be_repeated():
    assert tune_allocator() == tune_allocator()


@pytest.mark.skipif(not tune_allocator(), reason="not glibc")
def test_memory_of_threads_is_used_again():
    """Twenty rounds of 2 x 32 MB: mapped anew they fault for every page, kept they do not."""
    plain, tuned = (
        int(subprocess.run([sys.executable, "-c", FAULTS.format(tune=tune)], check=True, capture_output=True).stdout)
        for tune in (False, True)
    )
    assert tuned * 20 < plain


def test_linear_algebra_is_kept_to_one_thread_for_a_block():
    def threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    assert np.eye(2).sum() == 2
    before = threads()
    assert before, "no linear algebra was found"
    with pytest.raises(ValueError, match="stop"), one_blas_thread():
        assert threads() == {1}
        raise ValueError("stop")
    assert threads() == before
