"""What went wrong inside a forward pass, reduced to what has to be done about it.

Only words leave the except block: an exception holds its traceback, the traceback holds the frames, and the frames hold
the tensors that did not fit, so that whatever is tried next must begin after the exception is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch


class Kind(Enum):
    OUT_OF_MEMORY = "out of memory"
    LOST = "device lost"
    FAILED = "failed"


@dataclass(frozen=True)
class Fault:
    kind: Kind
    message: str


def attempt(action: Callable[[], None], device_answers: Callable[[], bool]) -> Fault | None:
    """Run `action`. device_answers: does the device still work? Asked after an error that memory does not explain.

    A CUDA error is sticky: the context is broken and every later call fails, so a device that no longer answers can
    only be had back by a new process.
    """
    try:
        action()
    except torch.OutOfMemoryError as error:
        return Fault(Kind.OUT_OF_MEMORY, str(error))
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        if "DefaultCPUAllocator" in message:
            return Fault(Kind.OUT_OF_MEMORY, message)
    else:
        return None
    return Fault(Kind.FAILED if device_answers() else Kind.LOST, message)
