"""What this room refuses, each rule by its name."""

from core.exceptions import RuleError


class UsageError(RuleError):
    """Base of every refusal of this room."""


class MeterExistsError(UsageError):
    """A meter of this key measures something else."""

    message = "A meter with this key exists already and measures something else."


class FeatureExistsError(UsageError):
    """A feature of this key selects something else."""

    message = "A feature with this key exists already and selects something else."


class InvalidMeterError(UsageError):
    """Aggregation, value path or dimensions do not fit together."""

    status = 422
    message = "This meter can't be measured."


class InvalidFeatureError(UsageError):
    """A filter names no dimension of the meter, or allows nothing."""

    status = 422
    message = "This feature can't be selected."


class UnknownCustomerError(UsageError):
    """No customer has this key, and no usage subject is called so."""

    status = 404
    message = "There is no customer with this key or usage subject."


class ImportFileError(UsageError):
    """The file is not what its format says."""

    status = 422
    message = "This file can't be imported."
