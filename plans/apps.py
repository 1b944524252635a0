from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from core.wording import Wording, let_word
from plans.line_words import detail, title


class PlansConfig(AppConfig):
    name = "plans"
    verbose_name = gettext_lazy("Plans")

    def ready(self) -> None:
        let_word(Wording(title, detail))
