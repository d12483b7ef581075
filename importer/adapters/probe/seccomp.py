"""System calls that the guarded process can do without, refused by the kernel: also to code that is not Python's.

A filter for seccomp (`man 2 seccomp`) is a list of instructions of the classic Berkeley Packet Filter over the number
of the call. It takes no privilege and no library, and cannot be taken off again.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Collection

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW = 0x7FFF_0000
_REFUSE = 0x0005_0000 | errno.EPERM
_FOREIGN_NUMBERS = 0x4000_0000
"""From here on, x86-64 has its calls a second time (x32)."""

# fmt: off
_REFUSED = {
    "x86_64": (0xC000_003E, {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "io_uring_setup": 425,
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62, "ptrace": 101, "bpf": 321,
        "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438,
        "truncate": 76, "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88,
        "symlinkat": 266, "unlink": 87, "unlinkat": 263, "mkdir": 83, "mkdirat": 258, "rmdir": 84,
    }),
    "aarch64": (0xC000_00B7, {
        "socket": 198, "connect": 203, "bind": 200, "listen": 201, "socketpair": 199, "io_uring_setup": 425,
        "execve": 221, "execveat": 281, "kill": 129, "ptrace": 117, "bpf": 280,
        "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438,
        "truncate": 45, "renameat": 38, "renameat2": 276, "linkat": 37, "symlinkat": 36, "unlinkat": 35, "mkdirat": 34,
    }),
}
# fmt: on
"""By machine: its AUDIT_ARCH, and the numbers of the calls (the kernel's `unistd.h`)."""


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_system_calls(libc: ctypes.CDLL) -> None:
    """For good, for this process; nothing happens on other machines, and where the kernel has no filters."""
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if platform.machine() in _REFUSED:
        architecture, calls = _REFUSED[platform.machine()]
        instructions = _filter(architecture, calls.values())
        program = _Program(len(instructions) // 8, instructions)
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _filter(architecture: int, numbers: Collection[int]) -> bytes:
    """Each instruction: what to do, how many to leap if so and if not, and the operand."""
    left = len(numbers)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 0, left + 3, architecture),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, left + 1, 0, _FOREIGN_NUMBERS),
        *((_IF_EQUAL, left - index, 0, number) for index, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
