"""PURE: a ZIP written in parts, each by itself and in the memory of one part; joined in order they are one file.

The files are stored as they are – a PDF is compressed already –, with their sizes before them, so that every program
reads the ZIP, also as it streams in. The same files give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

UNIX = 3
READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class File:
    """What goes in: its path, its date, its bytes."""

    name: str
    on: date
    content: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """What the directory at the end says of a file: checksum, bytes, and where it begins in the whole."""

    name: str
    on: date
    crc: int
    size: int
    offset: int


class _Part(BytesIO):
    """A file that begins at `start`: what is before it was written elsewhere."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start

    def tell(self) -> int:
        return self.start + super().tell()

    def seek(self, position: int, whence: int = 0, /) -> int:
        return self.start + super().seek(position - self.start, whence)


def write_files(files: Iterable[File], start: int) -> tuple[bytes, list[Member]]:
    """The part that holds these files and begins at byte `start` of the whole."""
    part = _Part(start)
    with ZipFile(part, "w", ZIP_STORED) as archive:
        members = [_store(archive, file) for file in files]
        written = part.getvalue()  # what closing adds is a directory of this part alone
    return written, members


def write_end(members: Sequence[Member], index: File, start: int) -> bytes:
    """The last part: the index, then the directory of everything, `members` in the order they were written."""
    part = _Part(start)
    with ZipFile(part, "w", ZIP_STORED) as archive:
        archive.filelist.extend(_known(member) for member in members)
        _store(archive, index)
    return part.getvalue()


def _store(archive: ZipFile, file: File) -> Member:
    info = _info(file.name, file.on)
    archive.writestr(info, file.content)
    return Member(file.name, file.on, info.CRC, info.file_size, info.header_offset)


def _known(member: Member) -> ZipInfo:
    info = _info(member.name, member.on)
    info.CRC, info.header_offset = member.crc, member.offset
    info.file_size = info.compress_size = member.size
    return info


def _info(name: str, on: date) -> ZipInfo:
    info = ZipInfo(name, (on.year, on.month, on.day, 0, 0, 0))
    info.create_system, info.external_attr = UNIX, READABLE
    return info
