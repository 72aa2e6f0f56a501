"""What a PNG is made of (W3C, PNG 3rd edition)."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # the filter of a row: what is stored is its difference from the row above
GRAY, RGB = 0, 2  # kinds of colour


def head(height: int, width: int, colour: int) -> bytes:
    """Signature and first chunk, of 8 bits a value."""
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """One part of the file."""
    check = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
