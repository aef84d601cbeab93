"""Settings: the file, then the environment; each knows where it came from, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import InputWrong, NotFound
from governance.home import init, locked, root_key
from governance.settings import FILE_NAME, from_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home."""
    return init(tmp_path / "home", origin="https://data.example.org", listen="127.0.0.1:8484").home


def test_a_home_is_made_whole(home: Path) -> None:
    """Keys of mode 0600 in folders of mode 0700, and the root of trust outside the database."""
    settings = from_home(home, {})
    assert "data.example.org/log" == settings.log_origin
    assert settings.administrator == root_key(settings).fingerprint
    for key in ("administrator.pem", "log.key", "bundle.key", "sources.key", "pseudonym.key"):
        assert 0o600 == (settings.keys / key).stat().st_mode & 0o777
    assert 0o700 == home.stat().st_mode & 0o777


def test_a_home_that_is_there_is_not_overwritten(home: Path) -> None:
    """`init` twice."""
    with pytest.raises(InputWrong) as caught:
        init(home, origin="https://data.example.org", listen="127.0.0.1:8484")
    assert "home-exists" == caught.value.reason


def test_the_environment_wins_and_says_so(home: Path) -> None:
    """And the file wins over the default."""
    settings = from_home(home, {"ACCORDANT_LISTEN": "0.0.0.0:9000", "ACCORDANT_MAX_ROWS": "5"})
    places = settings.provenance()
    assert ("0.0.0.0:9000", 5) == (settings.listen, settings.max_rows)
    assert ("ACCORDANT_LISTEN", "ACCORDANT_MAX_ROWS", FILE_NAME, "default") == (
        places["listen"], places["max_rows"], places["origin"], places["threads"],
    )  # fmt: skip


def test_a_databases_password_is_hidden(home: Path) -> None:
    """`accordant settings` may be shown to anybody."""
    url = "postgresql+psycopg://accordant:secret@localhost/accordant"
    assert "secret" not in from_home(home, {"ACCORDANT_DATABASE_URL": url}).shown()["database_url"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_ROWS", "many"), ("MAX_ROWS", "-1"), ("QUERY_SECONDS", "soon"), ("ORIGIN", "data.example.org"),
        ("ORIGIN", "https://data.example.org/path"), ("LISTEN", "8484"), ("DATABASE_URL", "nonsense"),
        ("OPA_URL", "ftp://opa"), ("THREADS", "0"), ("SEND_SECONDS", "0"), ("BODY_SECONDS", "inf"),
        ("MAX_ROWS", str(2**63)), ("UPLOADS_IN_FLIGHT", "0"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_setting(home: Path, name: str, value: str) -> None:
    """Before anything starts."""
    with pytest.raises(InputWrong) as caught:
        from_home(home, {f"ACCORDANT_{name}": value})
    assert name.lower() == caught.value.field


def test_an_unknown_setting_is_an_error(home: Path) -> None:
    """A typing mistake must not leave a default in force."""
    path = home / FILE_NAME
    path.write_text(path.read_text() + "max_rowz = 5\n")
    with pytest.raises(InputWrong) as caught:
        from_home(home, {})
    assert "max_rowz" == caught.value.field


def test_no_home(tmp_path: Path) -> None:
    """Says how to make one."""
    with pytest.raises(NotFound) as caught:
        from_home(tmp_path / "nowhere", {})
    assert "accordant init" in caught.value.detail


def test_another_root_than_the_settings_name_is_refused(home: Path, tmp_path: Path) -> None:
    """Whoever exchanges the public key's file changes nothing but that nothing works."""
    other = init(tmp_path / "other", origin="https://data.example.org", listen="127.0.0.1:8485")
    (home / "keys" / "administrator.pub").write_bytes((other.keys / "administrator.pub").read_bytes())
    with pytest.raises(InputWrong) as caught:
        root_key(from_home(home, {}))
    assert "administrator" == caught.value.field


def test_one_process_serves_a_home(home: Path) -> None:
    """The second is told so at once."""
    settings = from_home(home, {})
    with locked(settings), pytest.raises(Exception, match="another process"), locked(settings):
        pass
