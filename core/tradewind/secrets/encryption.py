"""Encrypts what is stored, with Fernet keys from the setting `fernet_keys` or from a key file in the home folder.

The key file is made on the first `encrypt` and by nothing else. It holds one key per line, newest first: the first
one encrypts, all of them decrypt. To change keys: `add_key`, `rotate` every stored text, `drop_old_keys`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind import atomic
from tradewind import settings as settings_module
from tradewind.errors import SecretsError
from tradewind.settings import Settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

#: Name of the key file in the home folder.
KEY_FILE = "fernet.key"


def encrypt(text: str, settings: Settings | None = None) -> str:
    """`text` encrypted with the newest key. The first call ever makes the key file, unless keys are set."""
    settings = settings or settings_module.read()
    if not settings.fernet_keys and not _read_keys(settings):
        _make_key_file(key_file(settings))
    return _fernet(settings).encrypt(text.encode()).decode()


def decrypt(token: str, settings: Settings | None = None) -> str:
    """The text that was encrypted. Raises SecretsError if none of the keys fits."""
    return _with_token(token, settings, lambda keys, data: keys.decrypt(data))


def rotate(token: str, settings: Settings | None = None) -> str:
    """The same secret, encrypted with the newest key."""
    return _with_token(token, settings, lambda keys, data: keys.rotate(data))


def generate_key() -> str:
    """A fresh key, for the setting `fernet_keys`."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def key_file(settings: Settings | None = None) -> Path:
    return Path((settings or settings_module.read()).home) / KEY_FILE


def add_key(settings: Settings | None = None) -> None:
    """Put a fresh key at the top of the key file: it encrypts from now on, the older ones still decrypt."""
    settings = _with_key_file(settings)
    _write(key_file(settings), (generate_key(), *_read_keys(settings)))


def drop_old_keys(settings: Settings | None = None) -> int:
    """Keep only the newest key of the key file. What was not rotated cannot be read after this."""
    settings = _with_key_file(settings)
    keys = _read_keys(settings)
    if len(keys) > 1:
        _write(key_file(settings), keys[:1])
    return max(len(keys) - 1, 0)


def _with_key_file(settings: Settings | None) -> Settings:
    settings = settings or settings_module.read()
    if settings.fernet_keys:
        raise SecretsError(
            "The keys come from the setting fernet_keys, so they are changed there: put a new key in front of the old "
            "ones, rotate, then remove the old ones."
        )
    return settings


def _with_token(token: str, settings: Settings | None, action: Callable[[MultiFernet, bytes], bytes]) -> str:
    from cryptography.fernet import InvalidToken

    settings = settings or settings_module.read()
    fernet = _fernet(settings)
    try:
        done = action(fernet, token.encode())
    except (InvalidToken, UnicodeEncodeError):
        raise SecretsError(
            f"A stored secret cannot be decrypted with the keys of {_origin(settings)}. Bring back the key that it was "
            f"stored with (older keys go behind the newest one), or store the secret again."
        ) from None
    return done.decode()


def _origin(settings: Settings) -> str:
    return "the setting fernet_keys" if settings.fernet_keys else str(key_file(settings))


def _fernet(settings: Settings) -> MultiFernet:
    keys = settings.fernet_keys or _read_keys(settings)
    if not keys:
        raise SecretsError(
            f"A stored secret cannot be decrypted: there is no key. The setting fernet_keys is empty and "
            f"{key_file(settings)} does not exist. Bring back the key file, or set TRADEWIND_FERNET_KEYS."
        )
    try:
        return _cached_fernet(tuple(keys))
    except ValueError:
        raise SecretsError(
            f"A key in {_origin(settings)} is not a Fernet key (32 bytes, url-safe base64, 44 characters). "
            f"`tradewind.secrets.generate_key()` makes one."
        ) from None


@lru_cache(maxsize=8)
def _cached_fernet(keys: tuple[str, ...]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key) for key in keys])


def _read_keys(settings: Settings) -> tuple[str, ...]:
    path = key_file(settings)
    try:
        lines = path.read_text(encoding="ascii").split()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretsError(f"The key file {path} cannot be read: {_reason(error)}") from None
    if not lines:
        raise SecretsError(f"The key file {path} is empty. Bring back its content, or remove it to start afresh.")
    return tuple(lines)


def _make_key_file(path: Path) -> None:
    """Make the key file; if another process makes it at the same moment, its file stands."""
    _write(path, (generate_key(),), new=True)


def _write(path: Path, keys: tuple[str, ...], *, new: bool = False) -> None:
    """Write the key file, unless it is to be `new` and is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(key + "\n" for key in keys)
        atomic.write(path, text.encode(), private=True, durable=True, new=new)
    except OSError as error:
        if not (new and path.is_file()):
            raise SecretsError(f"The key file {path} cannot be written: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not a text of keys"
