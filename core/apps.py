from django.apps import AppConfig


class CoreConfig(AppConfig):
    """No models: only template tags, so that pages of every room format money and dates the same way."""

    name = "core"
