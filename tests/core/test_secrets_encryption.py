"""Stored secrets: keys from the settings or the key file, rotation, and what is said when a key is missing."""

from __future__ import annotations

import multiprocessing
import stat

import pytest

from tradewind import secrets
from tradewind.errors import SecretsError

pytestmark = pytest.mark.usefixtures("fresh_secrets")


def test_the_key_file_is_made_by_the_first_encrypt_and_only_its_owner_reads_it(home):
    with pytest.raises(SecretsError, match="there is no key"):
        secrets.decrypt("gAAAAA")
    assert not home.exists()
    token = secrets.encrypt("hünter2")
    assert "hünter2" not in token
    assert secrets.decrypt(token) == "hünter2"
    assert stat.S_IMODE((home / "fernet.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["fernet.key"]


def test_keys_of_the_settings_make_no_file(home, monkeypatch):
    monkeypatch.setenv("TRADEWIND_FERNET_KEYS", secrets.generate_key())
    assert secrets.decrypt(secrets.encrypt("x")) == "x"
    assert not home.exists()
    with pytest.raises(SecretsError, match="come from the setting fernet_keys"):
        secrets.add_key()


def test_airflows_key_is_taken(monkeypatch):
    key = secrets.generate_key()
    monkeypatch.setenv("TRADEWIND_FERNET_KEYS", key)
    token = secrets.encrypt("x")
    monkeypatch.delenv("TRADEWIND_FERNET_KEYS")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{secrets.generate_key()},{key}")
    assert secrets.decrypt(token) == "x"


def test_rotation(home):
    old = secrets.encrypt("x")
    secrets.add_key()
    assert secrets.decrypt(old) == "x"
    new = secrets.rotate(old)
    assert secrets.drop_old_keys() == 1
    assert secrets.decrypt(new) == "x"
    with pytest.raises(SecretsError, match="Bring back the key that it was stored with"):
        secrets.decrypt(old)
    assert secrets.drop_old_keys() == 0
    assert stat.S_IMODE((home / "fernet.key").stat().st_mode) == 0o600


def test_a_key_that_is_none_is_an_error_that_does_not_show_it(home, monkeypatch):
    monkeypatch.setenv("TRADEWIND_FERNET_KEYS", "hunter2")
    with pytest.raises(SecretsError) as caught:
        secrets.encrypt("x")
    assert "A key in the setting fernet_keys is not a Fernet key" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"), [("", "is empty"), ("hunter2\n", "is not a Fernet key"), ("ü", "text of")]
)
def test_a_damaged_key_file_is_an_error_that_names_it_and_is_not_replaced(home, content, problem):
    home.mkdir(parents=True)
    (home / "fernet.key").write_text(content, encoding="utf-8")
    for call in (secrets.encrypt, secrets.decrypt):
        with pytest.raises(SecretsError, match=problem):
            call("x")
    assert (home / "fernet.key").read_text(encoding="utf-8") == content


@pytest.mark.parametrize("token", ["", "x", "ü", "gAAAAA\ud800"])
def test_what_was_never_encrypted_cannot_be_decrypted(token):
    secrets.encrypt("x")
    with pytest.raises(SecretsError, match="cannot be decrypted with the keys of"):
        secrets.decrypt(token)


def test_a_key_file_that_cannot_be_written_is_an_error(home, monkeypatch):
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(SecretsError, match=r"The key file .*fernet.key cannot be written"):
        secrets.encrypt("x")


def _encrypt(number):
    return secrets.encrypt(str(number))


def test_processes_that_start_together_end_up_with_one_key():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        tokens = pool.map(_encrypt, range(6), chunksize=1)
    assert [secrets.decrypt(token) for token in tokens] == list("012345")
