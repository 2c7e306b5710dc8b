"""Where connections and variables come from, in which order; how stored ones are encrypted, and how all are masked.

Raw text only: what a connection means is the business of `tradewind.connection`.
"""

from __future__ import annotations

from tradewind.secrets.chain import asked, forget_sources, iterate_sources, source_named, sources
from tradewind.secrets.encryption import add_key, decrypt, drop_old_keys, encrypt, generate_key, key_file, rotate
from tradewind.secrets.environment import EnvironmentSource, variable_name, variable_names
from tradewind.secrets.files import (
    LocalFileSource,
    parse_connections_file,
    parse_variables_file,
)
from tradewind.secrets.lookup import CONNECTIONS, VARIABLES, Found, Listed, check_name, find, survey, unlisted_sources
from tradewind.secrets.masking import (
    MASK,
    forget_secrets,
    is_secret_name,
    mask_credentials,
    mask_secret,
    redact,
    redact_exception,
)
from tradewind.secrets.masking_output import MaskingFilter, MaskingStream, install_masking_filter
from tradewind.secrets.source import SecretsSource

__all__ = [
    "CONNECTIONS",
    "MASK",
    "VARIABLES",
    "EnvironmentSource",
    "Found",
    "Listed",
    "LocalFileSource",
    "MaskingFilter",
    "MaskingStream",
    "SecretsSource",
    "add_key",
    "asked",
    "check_name",
    "decrypt",
    "drop_old_keys",
    "encrypt",
    "find",
    "forget_secrets",
    "forget_sources",
    "generate_key",
    "install_masking_filter",
    "is_secret_name",
    "iterate_sources",
    "key_file",
    "mask_credentials",
    "mask_secret",
    "parse_connections_file",
    "parse_variables_file",
    "redact",
    "redact_exception",
    "rotate",
    "source_named",
    "sources",
    "survey",
    "unlisted_sources",
    "variable_name",
    "variable_names",
]
