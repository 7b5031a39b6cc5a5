"""What the description of the interface cannot say: who calls, and what there is to be called.

An owner of a tenant calls with a token, a backend with its key, whoever runs the server with the
operator's. A call that ends its caller comes from somebody of its own. Ids that fit the description
are turned into ids of things there are, so that calls do not end at the first "not there".
"""

import itertools
import json
import os
import time
import unicodedata
import urllib.error
import urllib.request

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

API = os.environ["HALLWAY_API"]
OWNER_TOKEN = os.environ["HALLWAY_OWNER_TOKEN"]
OPERATOR = os.environ["HALLWAY_OPERATOR_TOKEN"]
NOBODY = os.environ.get("HALLWAY_AS") == "nobody"

# A browser's key for what is pushed to it (RFC 8291, section 5).
PUSH_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
PUSH_KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"

# For what is to happen, or to end, later.
SOON = int(time.time() * 1000) + 3_600_000

# After these there is no caller any more.
LAST = {"POST /auth/logout", "DELETE /users/me"}
# With the operator's token: what is to be seen is of the whole server.
SERVER = "/admin/"


def call(method, path, body=None, token=None, key=None):
    """A call that must succeed; its answer."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if key:
        headers["x-api-key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise RuntimeError(f"{method} {path}: {refused.code} {refused.read()!r}") from refused
    return json.loads(text) if text else None


class House:
    """The people and things of this run."""

    def __init__(self):
        password = "kettle-on-the-top-shelf"
        ada = {"name": "ada", "password": password, "invite": OWNER_TOKEN}
        self.owner = call("POST", "/auth/register", ada)["session"]["access_token"]
        mine = call("GET", "/admin/tenants", token=self.owner)["items"][0]["tenant"]
        settings = {"config": {"act_creates_users": True}}
        call("PATCH", f"/admin/tenants/{mine}", settings, token=OPERATOR)
        key = {"name": "shop", "scopes": ["act"]}
        self.key = call("POST", f"/admin/tenants/{mine}/keys", key, token=self.owner)["key"]
        self.names = itertools.count()
        self.lin = self.somebody()
        # A tenant beside, for what is done to tenants.
        self.tenant = call("POST", "/admin/tenants", {"name": "other"}, token=OPERATOR)["tenant"]

    def somebody(self):
        """Somebody new of the tenant: who they are, and their session."""
        return call("POST", f"/users/ext:guest-{next(self.names)}/sessions", key=self.key)

    def uuid(self):
        """A key that was not used."""
        return f"0193b1f0-0000-7000-8000-{next(self.names):012x}"

    def room(self):
        """A room of its own, with a message in it: nothing done to it is missed by another call."""
        room = {"kind": "group", "name": "kitchen"}
        room = call("POST", "/rooms", room, token=self.owner)["room"]
        said = {"key": self.uuid(), "text": "tea?"}
        return room, call("POST", f"/rooms/{room}/messages", said, token=self.owner)["seq"]


HOUSE = House()


def token_for(label, path):
    if label in LAST:
        return HOUSE.somebody()["session"]["access_token"]
    return OPERATOR if path.startswith(SERVER) else HOUSE.owner


if not NOBODY:

    @schemathesis.auth(refresh_interval=None)
    class Caller:
        """Signs a call."""

        def get(self, case, context):
            operation = context.operation
            if operation.label == "POST /users/{user}/sessions":
                return ("X-API-Key", HOUSE.key)
            return ("Authorization", "Bearer " + token_for(operation.label, operation.path))

        def set(self, case, data, context):
            case.headers = case.headers or {}
            part = case.meta and case.meta.components.get(ParameterLocation.HEADER)
            # A header that is wrong on purpose stays so.
            if not part or part.mode.is_positive or data[0] not in case.headers:
                case.headers[data[0]] = data[1]


def is_id(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53


def number(value):
    """The number it is, as a number or as text; 0 when it is none."""
    return int(value) if str(value).isdecimal() else 0


def path_of(operation, path_parameters):
    """Most ids become those of things there are."""
    if number(path_parameters.get("room")) % 4:
        path_parameters["room"], seq = HOUSE.room()
        if "seq" in path_parameters:
            path_parameters["seq"] = seq
    if "user" in path_parameters and operation.path != "/users/{user}":
        lin = HOUSE.lin["user"]["user"]
        # A backend may have names of its own for people: there it is a text.
        path_parameters["user"] = str(lin) if operation.path.endswith("/sessions") else lin
    if operation.path.startswith("/admin/tenants/") and "id" in path_parameters:
        path_parameters["id"] = HOUSE.tenant
    if "emoji" in path_parameters:
        path_parameters["emoji"] = "👍"


def fits(value, least, most):
    return isinstance(value, str) and least <= len(value) <= most


def query_of(operation, query):
    """Places in a list are what a list said before; of three places in a room one counts."""
    query.pop("next", None)
    if operation.path == "/admin/audit":
        query.pop("before", None)
    places = [place for place in ("before", "after", "around") if query.get(place) is not None]
    for place in places[1:]:
        del query[place]
    if operation.path == "/search":
        query["q"], wanted = "tea", {"from": "me", "has": "link"}
        query.update({name: word for name, word in wanted.items() if name in query})
    if "url" in query:
        query["url"] = "https://x.example/"
    # Nobody has seen a later change than the last one.
    if "fresh" in query:
        query["fresh"] = 0


def plain(text):
    """Text as it travels, without control characters, and of more than blanks."""
    text = unicodedata.normalize("NFC", text)
    text = "".join("x" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
    return text if text.strip() else "x" * len(text)


def plainly(value):
    """The same all the way down; a whole number is written as one."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, list):
        return [plainly(one) for one in value]
    if isinstance(value, dict):
        return {plain(name): plainly(one) for name, one in value.items()}
    return value


def are_ids(value):
    return isinstance(value, list) and all(is_id(one) for one in value)


def are_texts(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


# What is a name, and not what somebody calls a room or a key.
NAMED = {
    "/auth/register",
    "/users/me/account",
    "/users/me",
    "/admin/tenants",
    "/bots",
    "/commands",
}


def body_of(operation, body):
    """What a body names is there: people, invites, files; names are names, and later is later."""
    body, path = plainly(body), operation.path
    if not isinstance(body, dict):
        return body
    for field in ("members", "users"):
        if are_ids(body.get(field)) and len(body[field]) in range(1, 101):
            body[field] = [HOUSE.lin["user"]["user"]]
    if path in ("/auth/register", "/users/me/account") and not body.get("invite"):
        body["invite"] = call("POST", "/invites", {}, token=HOUSE.owner)["code"]
    elif path == "/auth/register" and isinstance(body.get("invite"), str):
        body["invite"] = call("POST", "/invites", {}, token=HOUSE.owner)["code"]
    if path in NAMED and fits(body.get("name"), 1, 50):
        body["name"] = f"name-{next(HOUSE.names)}"
    if fits(body.get("email"), 3, 254):
        body["email"] = f"mail-{next(HOUSE.names)}@example.org"
    # Which languages there are is the operator's to say.
    if path == "/users/me" and isinstance(body.get("language"), str):
        body["language"] = "de"
    if path == "/bans":
        if is_id(body.get("user")):
            body["user"] = HOUSE.somebody()["user"]["user"]
        if isinstance(body.get("address"), str):
            body["address"] = "192.0.2.7"
    for field in ("until", "at"):
        if is_id(body.get(field)):
            body[field] = SOON
    if are_texts(body.get("files")):
        del body["files"]
        body["text"] = body.get("text") or "a picture"
    for field in ("reply", "thread"):
        if is_id(body.get(field)):
            del body[field]
    # So long it may be anywhere; here it is 4,000 characters.
    for field in ("text", "draft"):
        if fits(body.get(field), 4001, 65536):
            body[field] = body[field][:4000]
    if fits(body.get("url"), 1, 2048):
        body["url"] = "https://x.example/hook"
    if path.startswith("/webhooks") and are_ids(body.get("rooms")):
        body["rooms"] = []
    if path == "/push/endpoints" and isinstance(body.get("auth"), str):
        body["auth"], body["p256dh"] = PUSH_AUTH, PUSH_KEY
    if are_texts(body.get("keywords")):
        body["keywords"] = ["tea"]
    quiet = body.get("quiet")
    if isinstance(quiet, dict):
        body["quiet"] = {"from": "22:00", "to": "07:00", "days": [1, 5]}
    if path == "/users/me/notifications" and "zone" in body:
        body["zone"] = "Europe/Berlin"
    config = body.get("config")
    if isinstance(config, dict) and are_texts(config.get("origins")):
        config["origins"] = ["https://x.example"]
    if path in ("/scheduled", "/saved", "/reports") and is_id(body.get("room")):
        body["room"], seq = HOUSE.room()
        if is_id(body.get("seq")):
            body["seq"] = seq
    if path == "/media":
        body["type"], body["sha256"] = "image/png", "0" * 64
    if "key" in body and path in ("/rooms", "/scheduled") or path.endswith("/messages"):
        body["key"] = HOUSE.uuid()
    return body


@schemathesis.hook
def before_call(context, case, **kwargs):
    """Each part of a call that is meant well names what there is; what is meant ill stays."""
    operation, meta = context.operation, case.meta

    parts = meta.components.values() if meta else ()
    if meta and not meta.generation.mode.is_positive and all(part.mode.is_positive for part in parts):
        # What is wrong with it is in no part of it.
        return

    def meant_well(place):
        part = meta and meta.components.get(place)
        return part.mode.is_positive if part else not meta or meta.generation.mode.is_positive

    if meant_well(ParameterLocation.PATH) and case.path_parameters and not NOBODY:
        path_of(operation, case.path_parameters)
    if meant_well(ParameterLocation.QUERY) and case.query:
        query_of(operation, case.query)
    if meant_well(ParameterLocation.HEADER) and (case.headers or {}).get("Idempotency-Key"):
        # A key that was used is answered as it was then, whatever else the call says.
        case.headers["Idempotency-Key"] = HOUSE.uuid()
    if meant_well(ParameterLocation.BODY) and case.body is not NOT_SET:
        case.body = body_of(operation, case.body)


@schemathesis.hook
def filter_headers(context, headers):
    """A header that nobody knows is nobody's mistake (RFC 9110, section 5.1)."""
    return "x-schemathesis-unknown-property" not in (headers or {})
