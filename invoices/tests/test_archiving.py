"""The maths: parts that are written by themselves are one ZIP."""

import io
import zipfile
from datetime import date

import pytest

from invoices.archiving import File, write_end, write_files

ON = date(2026, 10, 20)
FILES = [File(f"2026/INV-2026-{number:06d}.pdf", ON, b"%PDF" + bytes([number]) * number) for number in range(1, 8)]
INDEX = File("index.csv", ON, "number\r\nINV – 1\r\n".encode())


def joined(*lengths: int) -> bytes:
    """The seven files in parts of these lengths."""
    whole, members, files = b"", [], list(FILES)
    for length in lengths:
        taken, files = files[:length], files[length:]
        content, written = write_files(taken, len(whole))
        whole += content
        members += written
    return whole + write_end(members, INDEX, len(whole))


def test_it_holds_every_file_as_it_is():
    archive = zipfile.ZipFile(io.BytesIO(joined(3, 1, 3)))
    assert archive.testzip() is None
    assert archive.namelist() == [*(file.name for file in FILES), "index.csv"]
    assert [archive.read(file.name) for file in (*FILES, INDEX)] == [file.content for file in (*FILES, INDEX)]


@pytest.mark.parametrize("lengths", [(1,) * 7, (2, 5), (0, 7), (3, 0, 4)])
def test_it_is_the_same_file_however_it_is_cut(lengths):
    assert joined(*lengths) == joined(7)


def test_it_is_read_by_other_programs_also_as_it_streams_in(tmp_path):
    """The sizes stand before the files, not behind them: flag 3 is off."""
    archive = zipfile.ZipFile(io.BytesIO(joined(4, 3)))
    assert {info.flag_bits & 8 for info in archive.infolist()} == {0}
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    path = tmp_path / "a.zip"
    path.write_bytes(joined(4, 3))
    assert zipfile.is_zipfile(path)


def test_it_counts_on_from_beyond_four_gigabytes():
    far = 5 * 1024**3
    content, [member] = write_files(FILES[:1], far)
    assert member.offset == far
    assert len(content) < 200
    end = write_end([member], INDEX, far + len(content))
    assert b"PK\x06\x06" in end  # the long form of the directory's end
