from pathlib import Path

from cryptography.fernet import Fernet

from chatproxy import keys


def test_a_kept_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    made = keys.kept_in(path)
    assert len(made) >= 50
    assert keys.kept_in(path) == made
    assert path.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_the_derived_key_is_a_fernet_key_and_always_the_same() -> None:
    key = keys.fernet_key_from("secret")
    assert Fernet(key).decrypt(Fernet(keys.fernet_key_from("secret")).encrypt(b"x")) == b"x"
    assert key != keys.fernet_key_from("other")
