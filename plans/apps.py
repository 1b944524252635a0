from django.apps import AppConfig

from core.wording import Wording, let_word
from plans.line_words import detail, title


class PlansConfig(AppConfig):
    name = "plans"

    def ready(self) -> None:
        let_word(Wording(title, detail))
