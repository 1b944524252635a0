"""A seller's logo and colour: what is accepted, and how PDFs wear them."""

import base64
import io
import re
from typing import Final

from django.utils.translation import gettext
from lxml import etree
from PIL import Image

from core import formats

PNG: Final = b"\x89PNG\r\n\x1a\n"
LARGEST: Final = 64 * 1024  # bytes: every PDF carries a copy, and has 150 KB in all
MOST_PIXELS: Final = 2_000_000  # 64 KB can unfold into gigabytes
LEAST_CONTRAST: Final = 4.5  # of text on white, by WCAG 2.2
ACTIVE: Final = {"script", "foreignObject", "image", "use", "style"}  # code, and what could ask for another file


class UnfitLogoError(ValueError):
    """Its text says what is wrong with the file."""


def logo_address(content: bytes) -> str:
    """A PNG or SVG as a data: address. Raises UnfitLogoError."""
    if len(content) > LARGEST:
        raise UnfitLogoError(gettext("The file may have %(size)s KB.") % {"size": LARGEST // 1024})
    if content.startswith(PNG):
        check_picture(content)
        return "data:image/png;base64," + base64.b64encode(content).decode()
    check_drawing(content)
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode()


def check_picture(content: bytes) -> None:
    """Raises UnfitLogoError where the PNG can't be opened, or every document would unfold too much."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.verify()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = formats.quantity(MOST_PIXELS)
        raise UnfitLogoError(
            gettext("The PNG is damaged or has more than %(most)s pixels.") % {"most": most}
        ) from error


def check_drawing(content: bytes) -> None:
    """Raises UnfitLogoError where it is no SVG, or more than shapes and text."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnfitLogoError(gettext("The file is neither a PNG nor an SVG.")) from error
    if etree.QName(root).localname != "svg":
        raise UnfitLogoError(gettext("The file is neither a PNG nor an SVG."))
    for element in root.iter(etree.Element):
        names = {etree.QName(name).localname for name in element.attrib}
        if etree.QName(element).localname in ACTIVE or "href" in names or any(one.startswith("on") for one in names):
            raise UnfitLogoError(
                gettext("The SVG has more than shapes and text: remove scripts, styles, images and links.")
            )


def luminance(colour: str) -> float:
    """Of #rrggbb, from 0 (black) to 1 (white), by WCAG 2.2; a measure of pictures, not of money."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def is_readable(accent: str) -> bool:
    """Whether text of that colour, #rrggbb, can be read on white."""
    return 1.05 / (luminance(accent) + 0.05) >= LEAST_CONTRAST


def is_colour(accent: str) -> bool:
    return re.fullmatch("#[0-9a-f]{6}", accent) is not None
