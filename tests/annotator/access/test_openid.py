"""Log-ins through a real OpenID Connect provider: state, nonce, PKCE, signature, roles; and only requests to the issuer."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from annotator.config import Settings
from annotator.domain.roles import Role
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.access.account import account_number
from annotator.services.access.identities import RoleRule, account_of_identity
from annotator.services.access.openid import OpenIdProvider
from annotator.services.access.passwords import hash_password
from annotator.services.access.tokens import account_of_token, add_token
from annotator.services.accounts import add_account, set_active
from tests.support.browser.openid_provider import Provider
from tests.support.commands import call
from tests.support.projects.accounts import PASSWORD
from tests.support.serving import Server

ROLES = '{"face-admins": "admin", "face-reviewers": "reviewer"}'


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, _filled: Path, provider: Provider) -> Iterator[Server]:
    """A server without accounts that asks this provider."""
    path = tmp_path_factory.mktemp("team") / "project"
    shutil.copytree(_filled, path)
    with Server(
        path,
        FACELABEL_OIDC_ISSUER=provider.url,
        FACELABEL_OIDC_CLIENT_ID="facelabel",
        FACELABEL_OIDC_CLIENT_SECRET="a secret",
        FACELABEL_OIDC_ROLE_CLAIM="realm.groups",
        FACELABEL_OIDC_ROLES=ROLES,
        FACELABEL_OIDC_UNKNOWN="refuse",
    ) as server:
        yield server


def begin(team: Server) -> tuple[requests.Session, str]:
    """A browser on its way to the provider, and the address there."""
    browser = requests.Session()
    answer = browser.get(f"{team.url}/login/oidc?next=/team", allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    return browser, answer.headers["Location"]


def log_in(team: Server, provider: Provider, sub: str) -> tuple[requests.Session, requests.Response]:
    browser, url = begin(team)
    return browser, browser.get(provider.authorize(url, sub), timeout=60)


def me(team: Server, browser: requests.Session) -> tuple[str, str] | int:
    answer = browser.get(f"{team.url}/api/v1/me", timeout=60)
    return (answer.json()["name"], answer.json()["role"]) if answer.ok else answer.status_code


def test_who_is_known_gets_an_account_and_the_role_of_today(team: Server, provider: Provider):
    assert (
        requests.get(f"{team.url}/api/v1/me", timeout=60).status_code == 401
    )  # nobody is the local user here
    provider.add_user("1", preferred_username="ada", realm={"groups": ["staff", "face-reviewers"]})
    browser, answer = log_in(team, provider, "1")
    assert 'content="0;url=/team"' in answer.text
    assert me(team, browser) == ("ada", "reviewer")
    provider.add_user("1", preferred_username="changed", realm={"groups": ["face-admins", "face-reviewers"]})
    again, _ = log_in(team, provider, "1")
    assert me(team, again) == me(team, browser) == ("ada", "admin")
    assert len(again.get(f"{team.url}/api/v1/account", timeout=60).json()["sessions"]) == 2
    log = again.get(f"{team.url}/api/v1/access-log", timeout=60).json()["entries"]
    assert log[0]["who"] == "ada"
    assert log[0]["target"].endswith(urlsplit(provider.url).netloc)


def test_who_has_no_role_is_refused_and_loses_what_was_open(team: Server, provider: Provider):
    provider.add_user("2", preferred_username="bob", realm={"groups": ["face-reviewers"]})
    browser, _ = log_in(team, provider, "2")
    project = ProjectFolder.open(team.project)
    with project.database.write() as session:
        token = add_token(session, "bob", "a script")
    provider.add_user("2", preferred_username="bob", realm={"groups": ["staff"]})
    _, answer = log_in(team, provider, "2")
    assert answer.status_code == 403
    assert me(team, browser) == 401
    with project.database.read() as session:
        assert account_of_token(session, token) is None
    project.database.close()


def test_a_login_ends_at_the_provider_too(team: Server, provider: Provider):
    provider.add_user("3", preferred_username="cleo", realm={"groups": ["face-reviewers"]})
    browser, _ = log_in(team, provider, "3")
    answer = browser.post(f"{team.url}/api/v1/logout", json={}, timeout=60)
    query = parse_qs(urlsplit(answer.json()["next"]).query)
    assert answer.json()["next"].startswith(f"{provider.url}/oauth2/end_session?")
    assert query["post_logout_redirect_uri"] == [f"{team.url}/login"]
    assert query["id_token_hint"][0].count(".") == 2
    assert me(team, browser) == 401
    assert browser.post(f"{team.url}/api/v1/logout", json={}, timeout=60).status_code == 204


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"state": "another"}, "does not belong"), ({"code": "made up"}, "invalid_grant"), ({"iss": "https://evil.example"}, "another provider")],
)  # fmt: skip
def test_a_way_back_that_was_changed_logs_nobody_in(
    team: Server, provider: Provider, changed: dict[str, str], told: str
):
    provider.add_user("1", preferred_username="ada", realm={"groups": ["face-admins"]})
    browser, url = begin(team)
    back = urlsplit(provider.authorize(url, "1"))
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
    answer = browser.get(f"{team.url}{back.path}", params=query, timeout=60)
    assert answer.status_code in {400, 401}
    assert told in answer.text
    assert me(team, browser) == 401


def test_another_browser_and_a_second_use_log_nobody_in(team: Server, provider: Provider):
    provider.add_user("1", preferred_username="ada", realm={"groups": ["face-admins"]})
    browser, url = begin(team)
    back = provider.authorize(url, "1")
    stranger, _ = begin(team)
    for other in (requests.Session(), stranger):
        assert other.get(back, timeout=60).status_code == 401
        assert me(team, other) == 401
    assert browser.get(back, timeout=60).status_code == 200
    assert browser.get(back, timeout=60).status_code == 401


def test_a_nonce_of_another_login_is_refused(team: Server, provider: Provider):
    provider.add_user("1", preferred_username="ada", realm={"groups": ["face-admins"]})
    browser, url = begin(team)
    nonce = parse_qs(urlsplit(url).query)["nonce"][0]
    answer = browser.get(provider.authorize(url.replace(nonce, "another"), "1"), timeout=60)
    assert answer.status_code == 400
    assert "nonce" in answer.text


def test_an_identifier_with_control_characters_is_refused(team: Server, provider: Provider):
    provider.add_user("a%00b", preferred_username="nul", realm={"groups": ["face-admins"]})
    _, answer = log_in(team, provider, "a\0b")
    assert answer.status_code == 401
    assert "control characters" in answer.text


def test_requests_go_to_the_issuer_only(provider: Provider):
    settings = Settings(oidc_issuer=provider.url, oidc_client_id="facelabel", oidc_client_secret="a secret")
    elsewhere = provider.url.replace("localhost", "127.0.0.1")
    try:
        for name in ("token_endpoint", "jwks_uri"):
            provider.describe_itself(**{name: f"{elsewhere}/oauth2/token"})
            one = OpenIdProvider(settings)
            url, flow = one.begin("http://127.0.0.1/login/oidc/callback")
            query = parse_qs(urlsplit(provider.authorize(url, "1")).query)
            with pytest.raises(Exception, match="not an address of the provider"):
                one.finish("http://127.0.0.1/login/oidc/callback", {k: v[0] for k, v in query.items()}, flow)
        provider.describe_itself(issuer="https://evil.example")
        with pytest.raises(Exception, match="calls itself"):
            OpenIdProvider(settings).begin("http://127.0.0.1/")
        with pytest.raises(Exception, match="did not work"):
            OpenIdProvider(Settings(oidc_issuer=f"{provider.url}/realm", oidc_client_id="a")).begin(
                "http://127.0.0.1/"
            )
    finally:
        provider.describe_itself()


def test_a_claim_gives_the_highest_role():
    rule = RoleRule("realm.groups", {"a": Role.ADMIN, "r": Role.REVIEWER}, refuse=True)
    for groups, role in (
        (["r", "a"], "admin"),
        ("r", "reviewer"),
        (["x", 3, None], None),
        ({"a": 1}, None),
        (None, None),
    ):
        assert rule.role_of({"realm": {"groups": groups}}) == role
    assert rule.role_of({"realm.groups": ["a"]}) == "admin"
    assert rule.role_of({"realm": "a"}) is None
    assert RoleRule("roles", {"a": Role.ADMIN}).role_of({}) == "labeller"


def test_an_account_is_never_found_by_a_name_that_people_can_choose(project: ProjectFolder):
    rule = RoleRule("roles", {})
    with project.database.write() as session:
        ada = add_account(session, "Ada", "admin", PASSWORD)
        claims = {"sub": "7", "preferred_username": "Ada", "email": "ada@example.org"}
        stranger = account_of_identity(session, "https://id.example", claims, "preferred_username", rule)
        assert (stranger.name, stranger.role) == ("Ada 2", "labeller")
        assert stranger.id != ada.id
        stranger.role = "reviewer"  # without a mapping, an admin gives the role
        again = account_of_identity(session, "https://id.example", claims | {"email": "x"}, "email", rule)
        assert (again.id, again.role, again.name) == (stranger.id, "reviewer", "Ada 2")
        other = account_of_identity(session, "https://other.example", claims, "email", rule)
        assert other.name == "ada@example.org"
        nameless = account_of_identity(session, "https://id.example", {"sub": "\x07"}, "name", rule)
        assert nameless.name == "somebody"
        set_active(session, "Ada 2", False)
        assert account_of_identity(session, "https://id.example", claims, "email", rule) is None


def test_a_secret_comes_from_the_environment_or_a_file_of_its_owner(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("a secret\n")
    file.chmod(0o640)
    settings = {"oidc_issuer": "https://id.example", "oidc_client_id": "facelabel"}
    with pytest.raises(WrongUse, match="Others can read"):
        OpenIdProvider(Settings(**settings, oidc_client_secret_file=file))
    file.chmod(0o600)
    assert OpenIdProvider(Settings(**settings, oidc_client_secret_file=file))._secret == "a secret"
    assert "a secret" not in repr(Settings(**settings, oidc_client_secret="a secret"))
    with pytest.raises(WrongUse, match="https"):
        OpenIdProvider(Settings(oidc_issuer="http://id.example", oidc_client_id="facelabel"))
    with pytest.raises(WrongUse, match="CLIENT_ID"):
        OpenIdProvider(Settings(oidc_issuer="https://id.example"))


def test_without_authlib_the_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "authlib", None)
    with pytest.raises(WrongUse, match="not installed") as error:
        OpenIdProvider(Settings(oidc_issuer="https://id.example", oidc_client_id="facelabel"))
    assert "pip install 'facelabel[oidc]'" in error.value.do


def with_password(team: Server, name: str) -> tuple[requests.Session, int]:
    """A browser that is logged in with a password, and the number of its account, a new reviewer."""
    project = ProjectFolder.open(team.project)
    with project.database.write() as session:
        number = add_account(session, name, "reviewer", hash_password(PASSWORD, name)).id
    project.database.close()
    browser = requests.Session()
    body = {"name": name, "password": PASSWORD}
    assert browser.post(f"{team.url}/api/v1/login", json=body, timeout=60).status_code == 200
    return browser, number


def post(team: Server, browser: requests.Session, path: str, **body: object) -> requests.Response:
    return browser.post(f"{team.url}/api/v1/{path}", json=body, timeout=60)


def test_the_owner_of_an_account_links_it_by_both_logins(team: Server, provider: Provider):
    for sub in ("20", "21"):
        provider.add_user(sub, preferred_username="Gus", realm={"groups": ["face-reviewers"]})
    browser, number = with_password(team, "Gus")
    assert post(team, browser, "account/identity", current="not it").status_code == 400
    url = post(team, browser, "account/identity", current=PASSWORD).json()["next"]
    assert parse_qs(urlsplit(url).query)["prompt"] == ["login"]
    back = provider.authorize(url, "20")
    assert requests.get(back, timeout=60).status_code == 401, "another browser links nothing"
    linked = browser.get(back, timeout=60)
    assert 'content="0;url=/account"' in linked.text
    account = browser.get(f"{team.url}/api/v1/account", timeout=60).json()
    assert (account["provider"], account["linked"]) == (urlsplit(provider.url).netloc, True)
    through_provider, _ = log_in(team, provider, "20")
    assert me(team, through_provider) == me(team, browser) == ("Gus", "reviewer")
    second = post(team, browser, "account/identity", current=PASSWORD).json()["next"]
    refused = browser.get(provider.authorize(second, "21"), timeout=60)
    assert (refused.status_code, "Unlink it first" in refused.text) == (409, True)
    assert post(team, browser, "account/identity/unlink", current="not it").status_code == 400
    assert post(team, browser, "account/identity/unlink", current=PASSWORD).status_code == 204
    assert (me(team, through_provider), me(team, browser)) == (401, ("Gus", "reviewer"))
    stranger, _ = log_in(team, provider, "20")
    assert me(team, stranger) == ("Gus 2", "reviewer")
    third = post(team, browser, "account/identity", current=PASSWORD).json()["next"]
    refused = browser.get(provider.authorize(third, "20"), timeout=60)
    assert (refused.status_code, "opens the account" in refused.text) == (409, True)
    provider.add_user("22", preferred_username="Hal", realm={"groups": ["face-admins"]})
    admin, _ = log_in(team, provider, "22")
    log = admin.get(f"{team.url}/api/v1/access-log?kind=account&account={number}", timeout=60).json()[
        "entries"
    ]
    assert [entry["event"] for entry in log][:2] == ["identity unlinked", "identity linked"]


def test_an_admin_links_and_unlinks_by_the_identifier_of_the_person(team: Server, provider: Provider):
    provider.add_user("30", preferred_username="Ida", realm={"groups": ["face-admins"]})
    admin, _ = log_in(team, provider, "30")
    _, number = with_password(team, "Jan")
    provider.add_user("31", preferred_username="jan", realm={"groups": ["face-reviewers"]})
    path = f"team/members/{number}/identity"
    assert post(team, admin, path, subject="31").status_code == 204
    assert post(team, admin, path, subject="31").status_code == 204
    assert post(team, admin, path, subject="30").status_code == 409, "that login opens another account"
    browser, _ = log_in(team, provider, "31")
    assert me(team, browser) == ("Jan", "reviewer")
    assert post(team, browser, path, subject="x").status_code == 403
    assert post(team, admin, f"{path}/unlink").status_code == 204
    assert me(team, browser) == 401
    own = f"team/members/{account_of(team, 'Ida')}/identity/unlink"
    assert post(team, admin, own).status_code == 409, "without a password nobody could log in as it"
    assert post(team, admin, "team/members/999/identity", subject="x").status_code == 404
    issuer = ["--issuer", provider.url, "-p", team.project]
    assert "can log in through" in call("users", "link", "Jan", "31", *issuer).out
    call("users", "link", "Ida", "31", *issuer).assert_refused(1, "opens the account 'Jan'")
    assert "password only" in call("users", "unlink", "Jan", "-p", team.project).out


def account_of(team: Server, name: str) -> int | None:
    project = ProjectFolder.open(team.project)
    with project.database.read() as session:
        number = account_number(session, name)
    project.database.close()
    return number
