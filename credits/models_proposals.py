"""A grant that staff are still writing: part of the room's tables (credits/models.py)."""

from functools import partial

from django.db import models

from core.ids import public_id


class GrantProposal(models.Model):
    """«New credit grant» between «Next» and «Grant credits». Its id is the grant's key: granting it twice is once."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "grp"), editable=False)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(help_text="What was filled in, as the form takes it")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    granted = models.ForeignKey("credits.CreditGrant", null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.public_id
