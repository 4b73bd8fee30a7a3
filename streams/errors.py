"""The errors of Vigie, one meaning each.

`ConfigError` and `InputError` end a command with exit code 2 and one clear line; `StateError` ends a
worker, because going on would count wrongly.
"""

from __future__ import annotations


class VigieError(Exception):
    """Base of every error that Vigie raises on purpose."""


class ConfigError(VigieError):
    """A setting is missing or out of range; the text names the setting."""


class InputError(VigieError):
    """A file, an option or a server given by the user cannot be used; the text names which."""


class SchemaError(VigieError):
    """A schema file is malformed or incompatible; the text names the record and the field."""


class StateError(VigieError):
    """Recovered or running state contradicts itself; the worker must stop."""


class TransientError(VigieError):
    """A server that is needed does not answer; stop or try again, and lose nothing."""


class EncodeError(VigieError):
    """A value does not fit its schema; the text names the record and the field, never the value."""
