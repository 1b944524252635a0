"""What this room refuses, each rule by its name."""

from core.exceptions import RuleError
from core.language import gettext_noop


class UsageError(RuleError):
    """Base of every refusal of this room."""


class MeterExistsError(UsageError):
    """A meter of this key measures something else."""

    message = gettext_noop("A meter with this key exists already and measures something else.")


class FeatureExistsError(UsageError):
    """A feature of this key selects something else."""

    message = gettext_noop("A feature with this key exists already and selects something else.")


class InvalidMeterError(UsageError):
    """Aggregation, value path or dimensions do not fit together."""

    status = 422
    message = gettext_noop("This meter can't be measured.")


class InvalidFeatureError(UsageError):
    """A filter names no dimension of the meter, or allows nothing."""

    status = 422
    message = gettext_noop("This feature can't be selected.")


class UnknownCustomerError(UsageError):
    """No customer has this key, and no usage subject is called so."""

    status = 404
    message = gettext_noop("There is no customer with this key or usage subject.")


class ImportFileError(UsageError):
    """The file is not what its format says."""

    status = 422
    message = gettext_noop("This file can't be imported.")
