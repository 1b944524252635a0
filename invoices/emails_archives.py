"""E23, the message about a ZIP of a year's documents. Every figure is frozen when the message is made."""

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.notices import NoticeDraft
from invoices.models_archives import Archive, ArchiveStatus


def archive_ended(archive: Archive) -> NoticeDraft:
    """E23: the ZIP is ready, and until when; or it could not be made. To who asked, as long as they can log in."""
    asker = archive.created_by
    is_ready = archive.status == ArchiveStatus.READY
    return NoticeDraft(
        key=f"archive:{archive.pk}:{archive.status}",
        customer_id=archive.customer_id,
        template="archive_ended",
        to=[asker.email] if asker and asker.is_active else [],
        context={
            "customer": archive.customer.name if archive.customer else "",
            "year": archive.year,
            "ready": is_ready,
            "files": archive.files() if is_ready else 0,
            "size": archive.size if is_ready else 0,
            "missing": archive.missing,
            "until": figures.instant(archive.expires_at) if archive.expires_at else "",
            "url": settings.PORTAL_URL + reverse("export", args=[archive.public_id]),
            "portal_url": settings.PORTAL_URL + reverse("portal"),
        },
    )
