"""The PDFs of a simulation: a sample is typeset, all others are a line that says so. The rest of their way is real."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from billing_portal.simulation.kill_points import replace_everywhere
from billing_portal.simulation.shared import share as drawn

# Of invoices.pdf; each makes the one of its row.
MAKERS: Final = ("invoice_pdf", "void_pdf", "receipt_pdf", "statement_pdf")


def sample_pdfs(*, share: float, seed: str) -> None:
    """In this process. Whatever is typeset in one process is in all of them."""
    module = sys.modules["invoices.pdf"]
    originals = [getattr(module, name) for name in MAKERS]
    replace_everywhere({id(original): _sampled(original, share, seed) for original in originals})


def is_typeset(name: str, key: object, *, share: float, seed: str) -> bool:
    return drawn(seed, name, key) < share


def _sampled(original: Callable[[Any], bytes], share: float, seed: str) -> Callable[[Any], bytes]:
    @wraps(original)
    def make(row: Any) -> bytes:
        if is_typeset(original.__name__, row.pk, share=share, seed=seed):
            return original(row)
        return f"%PDF-0 {original.__name__} {row.pk} is not of the sample".encode()

    return make
