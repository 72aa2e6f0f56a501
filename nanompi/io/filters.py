"""HDF5's compression plug-ins called directly: threads decompress chunks side by side, without HDF5's lock.

A plug-in is a shared library with one function (HDF5's `H5Z_func_t`),
`filter(flags, cd_nelmts, cd_values, nbytes, &size, &buffer)`, which frees the buffer it is given and puts a
new one in its place. ctypes lets go of Python's lock while it runs.
"""

import ctypes
import os
from functools import cache

import numpy as np

PLUGINS = {32004: "lz4", 32008: "bshuf", 32015: "zstd", 32026: "blosc2"}  # those without a state of their own
REVERSE = 0x0100
KEPT = 31 << 20  # bytes; just below the largest block that glibc keeps for itself

_Filter = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_uint),
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_void_p),
)


class _Class2(ctypes.Structure):
    """HDF5's `H5Z_class2_t`: how a plug-in describes itself."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("id", ctypes.c_int),
        ("encoder", ctypes.c_uint),
        ("decoder", ctypes.c_uint),
        ("name", ctypes.c_char_p),
        ("can_apply", ctypes.c_void_p),
        ("set_local", ctypes.c_void_p),
        ("filter", ctypes.c_void_p),
    ]


@cache
def _libc():
    """malloc, free and memmove, which keep Python's lock: to let go of it for so short a time costs more."""
    libc = ctypes.PyDLL(None)
    libc.memmove.restype, libc.memmove.argtypes = None, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    spare()
    return libc


@cache
def spare() -> None:
    """glibc learns to keep freed blocks of up to 31 MB.

    Else it takes the pages of each buffer from the system anew, which makes a chunk of 2 MB in Blosc2 3.5
    times slower.
    """
    libc = ctypes.PyDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    libc.free(libc.malloc(KEPT))


@cache
def library(name: str | None):
    """A plug-in's library, or None.

    It is taken from a copy of the library in memory. The one that HDF5 has loaded reports its errors to HDF5,
    which must not happen in two threads at once; the copy knows no HDF5 and reports to nobody.
    """
    if name is None or not hasattr(os, "memfd_create"):
        return None
    import hdf5plugin

    try:
        with open(os.path.join(hdf5plugin.PLUGIN_PATH, f"libh5{name}.so"), "rb") as file:
            copy = os.memfd_create(name)  # stays open: the loader knows a library by its name, this number
            os.sendfile(copy, file.fileno(), 0, os.fstat(file.fileno()).st_size)
        return ctypes.CDLL(f"/proc/self/fd/{copy}")
    except OSError:
        return None


@cache
def plugin(number: int):
    """The function of the plug-in for a filter, or None where HDF5 itself has to read."""
    held = library(PLUGINS.get(number))
    try:
        held.H5PLget_plugin_info.restype = ctypes.POINTER(_Class2)
        found = held.H5PLget_plugin_info().contents
    except AttributeError:
        return None
    return _Filter(found.filter) if found.id == number and found.version == 1 and found.decoder else None


class Held:
    """Memory from malloc as a NumPy array (`np.asarray(held)`, uint8), freed with the last array on it."""

    def __init__(self, pointer: int, size: int):
        self._pointer = pointer
        self.__array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (pointer, False),
            "version": 3,
        }

    def __del__(self):
        _libc().free(self._pointer)


def undo(number: int, values: tuple[int, ...], raw, size: int = 0) -> np.ndarray:
    """Decompressed bytes (uint8) of a chunk's bytes. Errors: ValueError when the plug-in refuses them."""
    libc, work = _libc(), plugin(number)
    raw = raw if isinstance(raw, bytes) else bytes(raw)
    room, buffer = ctypes.c_size_t(len(raw)), ctypes.c_void_p(libc.malloc(max(1, len(raw))))
    libc.memmove(buffer, raw, len(raw))
    given = (ctypes.c_uint * max(1, len(values)))(*values)
    got = work(REVERSE, len(values), given, len(raw), ctypes.byref(room), ctypes.byref(buffer))
    held = Held(buffer.value, got)
    if not got:
        raise ValueError(f"the plug-in {PLUGINS[number]} cannot decompress it")
    return np.asarray(held)
