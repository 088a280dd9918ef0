"""Seccomp: the kernel gives a thread, and all it starts, no socket that leads to a network.

A filter of a few instructions (seccomp(2), `linux/bpf_common.h`), which needs no rights and works
in containers too. It knows the system calls of x86-64, as Reelworks does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
#: Where a filter finds the number of a call, the kind of machine, and the first argument.
_NUMBER, _MACHINE, _FIRST = 0, 4, 16
_X86_64 = 0xC000003E
_SOCKET, _IO_URING_SETUP = 41, 425
#: Calls from here on are those of another kind of program (x32).
_FOREIGN = 0x40000000
#: Sockets within the machine, as drivers use them.
ALLOWED = (socket.AF_UNIX, socket.AF_NETLINK)
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
#: Load a word; jump if equal, or not below; return.
_LOAD, _IF_EQUAL, _IF_FROM, _RETURN = 0x20, 0x15, 0x35, 0x06

_libc = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


#: Jumps count the instructions to pass over. A ring of input and output (io_uring) could open
#: sockets past the filter; no tool needs one.
_FILTER = (
    (_LOAD, 0, 0, _MACHINE),
    (_IF_EQUAL, 0, 8, _X86_64),
    (_LOAD, 0, 0, _NUMBER),
    (_IF_FROM, 6, 0, _FOREIGN),
    (_IF_EQUAL, 5, 0, _IO_URING_SETUP),
    (_IF_EQUAL, 0, 3, _SOCKET),
    (_LOAD, 0, 0, _FIRST),
    (_IF_EQUAL, 1, 0, ALLOWED[0]),
    (_IF_EQUAL, 0, 1, ALLOWED[1]),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _REFUSE),
)


def known() -> bool:
    """Whether the filter fits this machine."""
    return platform.machine() == "x86_64"


def no_sockets() -> None:
    """Keep this thread, and what it starts, from opening sockets to a network, for good.

    It also gains no rights by starting programs (`no_new_privs`). Raises `OSError`.
    """
    instructions = (_Instruction * len(_FILTER))(*(_Instruction(*one) for one in _FILTER))
    program = _Program(len(_FILTER), instructions)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
