"""A real OpenID Connect provider in a process: `oidc-provider-mock`, which also checks PKCE here, and can be made to misbehave."""

import base64
import hashlib
import os
import subprocess
import sys
from typing import Self
from urllib.parse import parse_qs, urlsplit

import requests

from tests.support.paths import CHECKOUT


class Provider:
    """The process. Its name is `localhost`, so that to a browser it is another site than a server at 127.0.0.1."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-W", "ignore", "-m", "tests.support.browser.openid_provider"]
        environment = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        self.url = f"http://localhost:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def add_user(self, sub: str, **claims: object) -> None:
        """Add somebody, or give them other claims."""
        requests.put(f"{self.url}/users/{sub}", json=claims, timeout=60).raise_for_status()

    def describe_itself(self, **metadata: str) -> None:
        """Say other things in the discovery document; none: what is true."""
        requests.post(f"{self.url}/misbehave", json=metadata, timeout=60).raise_for_status()

    def authorize(self, url: str, sub: str) -> str:
        """Log in as `sub` at the address that a browser was sent to; returns the address of the way back."""
        answer = requests.post(url, data={"sub": sub}, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def logouts(self) -> list[dict[str, str]]:
        """The parameters of the log-outs that browsers asked for."""
        return requests.get(f"{self.url}/logouts", timeout=60).json()


def serve() -> None:
    import flask
    import oidc_provider_mock
    from werkzeug.serving import make_server

    app = oidc_provider_mock.app()
    challenges: dict[str, str] = {}
    metadata: dict[str, str] = {}
    logouts: list[dict[str, str]] = []

    @app.post("/misbehave")
    def misbehave() -> dict[str, str]:
        metadata.clear()
        metadata.update(flask.request.json)
        return metadata

    @app.get("/logouts")
    def list_logouts() -> list[dict[str, str]]:
        return logouts

    @app.before_request
    def check() -> tuple[dict[str, str], int] | None:
        if flask.request.path == "/oauth2/end_session":
            logouts.append(flask.request.values.to_dict())
        if flask.request.path != "/oauth2/token":
            return None
        digest = hashlib.sha256(flask.request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenges.pop(flask.request.form["code"], "") != challenge:
            return {"error": "invalid_grant"}, 400
        return None

    @app.after_request
    def look(response: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth2/authorize" and "Location" in response.headers:
            [code] = parse_qs(urlsplit(response.headers["Location"]).query).get("code", [""])
            assert flask.request.args["code_challenge_method"] == "S256"
            challenges[code] = flask.request.args["code_challenge"]
        if flask.request.path.startswith("/.well-known/") and metadata:
            response.set_data(flask.json.dumps(response.get_json() | metadata))
        return response

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    serve()
