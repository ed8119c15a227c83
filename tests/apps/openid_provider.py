"""A small OpenID provider: whoever comes chooses who to be, and what is to be wrong with the answer.

It does what OpenID Connect Core says of the code flow (3.1), RFC 7636 of PKCE, and RP-Initiated Logout, for
one client. It keeps codes in memory: one process.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from typing import Any

from flask import Flask, Response, abort, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "USERS", "app"]

CLIENT_ID, CLIENT_SECRET = "the test site", "not/a+secret:at all"
USERS = {"1": "Ada", "2": "Bob", "3": "<b>Eve</b> & co."}
FLAWS = ("nothing", "nonce", "audience", "issuer", "expired", "signature")

KEY = RSAKey.generate_key(2048, {"kid": "of the provider", "use": "sig", "alg": "RS256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "of the provider"})

app = Flask(__name__)
codes: dict[str, dict[str, str]] = {}
access: dict[str, str] = {}


def issuer() -> str:
    return request.host_url.rstrip("/")


@app.get("/.well-known/openid-configuration")
def discovery() -> dict[str, Any]:
    here = issuer()
    return {
        "issuer": here,
        "authorization_endpoint": f"{here}/authorize",
        "token_endpoint": f"{here}/token",
        "jwks_uri": f"{here}/jwks",
        "userinfo_endpoint": f"{here}/userinfo",
        "end_session_endpoint": f"{here}/end_session",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }


@app.get("/authorize")
def authorize() -> str:
    """Asks who it is. The form comes back with all that was asked."""
    asked = request.args
    if asked["client_id"] != CLIENT_ID or asked["response_type"] != "code":
        abort(400)
    if "openid" not in asked["scope"].split() or asked["code_challenge_method"] != "S256":
        abort(400)
    keep = "".join(
        f'<input type=hidden name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in asked.items()
    )
    users = "".join(f"<option value={key}>{html.escape(name)}" for key, name in USERS.items())
    flaws = "".join(f"<option>{flaw}" for flaw in FLAWS)
    return (
        "<!doctype html><title>Who are you?</title><link rel=icon href='data:,'><form method=post>"
        f"{keep}<select name=user>{users}</select><select name=flaw>{flaws}</select>"
        "<button name=answer value=yes>yes</button><button name=answer value=no>no</button></form>"
    )


@app.post("/authorize")
def authorized() -> Any:
    form = request.form
    back = form["redirect_uri"]
    if form["answer"] == "no":
        return redirect(
            f"{back}?error=access_denied&error_description=%3Cb%3Eno%3C/b%3E&state={form['state']}"
        )
    code = secrets.token_urlsafe()
    codes[code] = dict(form)
    return redirect(f"{back}?code={code}&state={form['state']}")


@app.post("/token")
def token() -> Any:
    """A code is good once, for the client and the address that it was made for."""
    given = request.authorization
    if given is None or (given.username, given.password) != (CLIENT_ID, CLIENT_SECRET):
        return {"error": "invalid_client"}, 401
    form = request.form
    asked = codes.pop(form.get("code", ""), None)
    if form.get("grant_type") != "authorization_code":
        return {"error": "unsupported_grant_type"}, 400
    if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
        return {"error": "invalid_grant"}, 400
    verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != asked["code_challenge"]:
        return {"error": "invalid_grant"}, 400
    access_token = secrets.token_urlsafe()
    access[access_token] = asked["user"]
    answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
    return {**answer, "id_token": id_token(asked)}


def id_token(asked: dict[str, str]) -> str:
    now, flaw = int(time.time()), asked["flaw"]
    claims = {
        "iss": "http://elsewhere.example" if flaw == "issuer" else issuer(),
        "aud": "another site" if flaw == "audience" else CLIENT_ID,
        "sub": asked["user"],
        "name": USERS[asked["user"]],
        "nonce": "of somebody else" if flaw == "nonce" else asked.get("nonce"),
        "iat": now,
        "exp": now - 3600 if flaw == "expired" else now + 60,
    }
    header = {"alg": "RS256", "kid": "of the provider"}
    return jwt.encode(header, claims, STRANGER if flaw == "signature" else KEY)


@app.get("/jwks")
def jwks() -> dict[str, Any]:
    return {"keys": [KEY.as_dict(private=False)]}


@app.get("/userinfo")
def userinfo() -> Any:
    given = request.authorization
    user = access.get(given.token or "") if given and given.type == "bearer" else None
    if user is None:
        return Response(status=401)
    return {"sub": user, "name": USERS[user]}


@app.get("/end_session")
def end_session() -> Any:
    """Nothing is to be ended here, as nobody is remembered."""
    if request.args["client_id"] != CLIENT_ID:
        abort(400)
    return redirect(request.args["post_logout_redirect_uri"])
