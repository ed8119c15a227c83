"""A login by OpenID Connect (Google, Microsoft, Keycloak, ...), with Authlib. The app shows who is logged in.

Get it:   pip install authlib requests
Tell the provider where it may send users back to:   http://localhost:8000/auth
Run it:   OIDC_DISCOVERY=https://accounts.google.com/.well-known/openid-configuration \\
          OIDC_CLIENT_ID=... OIDC_CLIENT_SECRET=... gunicorn -k gevent -w 4 login:app
"""

import html
import os
from typing import Any
from urllib.parse import urlencode

import htag
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, abort, redirect, request, session, url_for
from htag import Tag
from joserfc.errors import JoseError  # Authlib has it
from werkzeug.wrappers import Response

from htagweb_flask import htag_blueprint

HTAG_2 = hasattr(htag, "State")


def session_of(tag: Any) -> dict[str, Any]:
    """The user's session inside an app, where there is no request, and so no flask.session."""
    values: dict[str, Any] = tag.request.session if HTAG_2 else tag.session
    return values


def text(value: str) -> str:
    """*value* as text, whatever somebody has chosen as a name: htag 2 escapes texts by itself."""
    return value if HTAG_2 else html.escape(value)


class App(Tag.App):
    def init(self) -> None:
        user = session_of(self).get("user")
        name = Tag.b(text(user["name"]) if user else "nobody", _data_test="user")
        self += Tag.p(["You are ", name, "."])
        self += Tag.a("log out", _href="logout") if user else Tag.a("log in", _href="login")


app = Flask(__name__)
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # "Strict" would hide the session from /auth
# With https, also:   app.config["SESSION_COOKIE_SECURE"] = True
# Behind a proxy, see werkzeug's ProxyFix: else /auth is announced with the address behind it.
app.register_blueprint(htag_blueprint(App))

oauth = OAuth(app)
oauth.register(
    "oidc",
    server_metadata_url=os.environ["OIDC_DISCOVERY"],
    client_id=os.environ["OIDC_CLIENT_ID"],
    client_secret=os.environ["OIDC_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
)


@app.get("/login")
def login() -> Response:
    return oauth.oidc.authorize_redirect(url_for("auth", _external=True))


@app.get("/auth")
def auth() -> Response:
    """Where the provider sends the user back to."""
    try:
        token = oauth.oidc.authorize_access_token()
    except (OAuthError, JoseError) as error:
        abort(400, f"The login did not work ({error.error}). Go back to the first page, and try again.")
    user = token["userinfo"]
    # Who was here before has another session: nothing of it is taken over, neither its id, which somebody
    # else may know, nor its apps. The new id needs something in the session, so it comes last.
    session.clear()
    session["user"] = {"id": user["sub"], "name": user.get("name", user["sub"])}  # and no tokens
    app.session_interface.regenerate(session)
    return redirect(request.root_url)


@app.get("/logout")
def logout() -> Response:
    session.clear()  # this ends the apps of this session, too: their open pages say so
    there = oauth.oidc.load_server_metadata().get("end_session_endpoint")
    if not there:
        return redirect(request.root_url)  # here only: the provider offers no more
    back = {"client_id": oauth.oidc.client_id, "post_logout_redirect_uri": request.root_url}
    return redirect(f"{there}?{urlencode(back)}")
