"""Where half the precision is twice the speed: bfloat16 autocast on hardware that computes it natively."""

import torch


def native_bfloat16(device: torch.device) -> bool:
    """True on GPUs from Ampere on and on x86-64 with AVX512-BF16; elsewhere it is emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def autocast(device: torch.device) -> torch.autocast:
    """A context that computes convolutions and matrix products in bfloat16 where that is native, else as ever."""
    return torch.autocast(device.type, torch.bfloat16, enabled=native_bfloat16(device))
