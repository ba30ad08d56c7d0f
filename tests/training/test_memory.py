"""Pages that were freed are used again: after a few blocks of a size the next cost no page faults."""

import platform
import subprocess
import sys

import pytest

BLOCKS = """
import resource
import torch
from training.memory import keep_freed_memory

def faults(blocks: int) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print(faults(10), faults(10))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library has no such setting")
def test_freed_memory_is_kept() -> None:
    found = subprocess.run([sys.executable, "-c", BLOCKS], capture_output=True, text=True, check=True)
    first, later = map(int, found.stdout.split())
    assert later < first / 10
