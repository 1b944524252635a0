"""Forms that change what is kept: two people who have one open at the same time do not undo each other unawares."""

from typing import TYPE_CHECKING, Any

from django.forms import BaseForm, Field
from django.utils.translation import gettext

from core.seen import fingerprint

if TYPE_CHECKING:
    Base = BaseForm
else:
    Base = object


class KeptForm(Base):
    """Mixed into a form whose `initial` is what is kept now. Its page carries `seen` as a hidden field of that name;
    where that moved, the form is refused with both values, and carries what is kept then. What differs in nothing –
    sent twice – is taken. `beside`: what else the page shows of the same thing."""

    beside: object = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = dict(self.initial)

    @property
    def seen(self) -> str:
        return fingerprint(self.kept, self.beside)

    @property
    def is_stale(self) -> bool:
        seen = self.data.get("seen") if self.is_bound else None
        return bool(seen and seen != self.seen and (self.beside or self._differing()))

    @property
    def status(self) -> int:
        """Of the page that shows it."""
        if not self.errors:
            return 200
        return 409 if self.is_stale else 422

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_stale:
            return
        said = gettext("%(label)s: “%(kept)s” is kept now, “%(typed)s” stands here.")
        told = [
            said % {"label": self.fields[name].label, "kept": kept, "typed": typed}
            for name, kept, typed in self._differing()
        ]
        first = gettext("Somebody changed this meanwhile, so nothing was saved. Compare the values, then save again.")
        for sentence in (first, *told):
            self.add_error(None, sentence)

    def _differing(self) -> list[tuple[str, str, str]]:
        """The fields that say something else than what is kept: name, kept and typed in words."""
        found = []
        for name, field in self.fields.items():
            if name not in self.kept or field.disabled:
                continue
            kept, typed = field.prepare_value(self.kept[name]), self[name].data
            if field.has_changed(field.to_python(kept), typed):
                found.append((name, _words(field, kept), _words(field, typed)))
        return found


def _words(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    labels = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    values = value if isinstance(value, list | tuple) else str("" if value is None else value).splitlines()
    return ", ".join(labels.get(str(each), str(each)) for each in values) or "–"
