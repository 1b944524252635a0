"""A ZIP of documents on its pages, staff's and customers': how far it is, and the file."""

from typing import Any

from django.http import StreamingHttpResponse

from invoices.models_archives import Archive, ArchiveStatus

SOON, LATER, EAGER_LOOKS = 2, 10, 15  # seconds between two looks at the progress, and how many of the first kind


def progress(archive: Archive, looks: str) -> dict[str, Any]:
    """`wait` seconds to the next look, 0 where there will be none; `looks` with it; `in_zip`, the files in it.

    `looks` is what the address says: how often the page has looked.
    """
    number = int(looks) if looks.isdecimal() and len(looks) < 6 else 0
    is_building = archive.status == ArchiveStatus.BUILDING
    return {
        "wait": (SOON if number < EAGER_LOOKS else LATER) if is_building else 0,
        "looks": number + 1,
        "in_zip": 0 if is_building else archive.files(),
    }


def as_download(archive: Archive) -> StreamingHttpResponse:
    """The file, sent part by part."""
    response = StreamingHttpResponse(archive.content(), content_type="application/zip")
    response["Content-Length"] = str(archive.size)
    response["Content-Disposition"] = f'attachment; filename="{archive.filename}"'
    return response
