//! Two tenants that are twins, and one tries everything of the other's: each id in path, query, body
//! and cursor of every route and every socket command. It is told what it would be told of an id
//! that was never given out, nothing of the other stands in any answer, and the other stays as it
//! was. The cells are held to the server's own table of routes and to the frames there are, so what
//! nobody thought about fails here.

use crate::house::{Answer, Call, House, PASSWORD, Person, int, key, list};
use hallway_outside::push::{POINT, SECRET};
use hallway_protocol::frames::ClientFrame;
use hallway_server::routes::TABLE;
use serde_json::{Value, json};

/// What every text of the other tenant ends with.
const MARK: &str = "of-two";
/// A number and a text that were never given out.
const NUMBER: &str = "4711";
const TEXT: &str = "none";

/// Route, query, body. A word in braces is an id of the other's, or one never given out.
#[rustfmt::skip]
const CELLS: &[(&str, &str, &str)] = &[
    ("GET /server",                   "", ""),
    ("GET /openapi.json",             "", ""),
    ("GET /docs",                     "", ""),
    ("GET /docs/page.js",             "", ""),
    ("GET /docs/page.css",            "", ""),
    ("POST /auth/register",           "", r#"{"tenant":"tenant-of-one","name":"new","password":"{password}","invite":"{invite}"}"#),
    ("POST /auth/login",              "", r#"{"tenant":"tenant-of-one","login":"{name}","password":"{password}"}"#),
    ("POST /auth/guest",              "", r#"{"tenant":"tenant-of-one","code":"{code}","display_name":"x"}"#),
    ("POST /auth/guest",              "", r#"{"tenant":"tenant-of-one","room":{room},"display_name":"x"}"#),
    ("POST /users/me/account",        "", r#"{"name":"new","password":"{password}"}"#),
    ("GET /rooms/{room}/guests",      "", ""),
    ("PUT /rooms/{room}/guests",      "", r#"{"guests":"code"}"#),
    ("GET /auth/sessions",            "", ""),
    ("DELETE /auth/sessions/{session}", "", ""),
    ("POST /invites",                 "", r#"{"room":{room}}"#),
    ("GET /invites",                  "", ""),
    ("DELETE /invites/{invite-id}",   "", ""),
    ("PUT /users/me/avatar",          "", r#"{"media":"{file}"}"#),
    ("DELETE /users/me/avatar",       "", ""),
    ("POST /media",                   "", r#"{"name":"a","type":"a/b","size":1,"sha256":"{sha256}"}"#),
    ("GET /media/{file}",             "", ""),
    ("GET /media/{file}/content",     "", ""),
    ("GET /media/{file}/thumbnail",   "", ""),
    ("POST /media/{file}/parts",      "", r#"{"parts":1}"#),
    ("POST /media/{file}/complete",   "", ""),
    ("POST /rooms/{my-room}/messages", "", r#"{"key":"{new}","text":"x","files":["{file}"]}"#),
    ("POST /reports",                 "", r#"{"room":{room},"seq":{seq},"reason":"x"}"#),
    ("GET /reports",                  "", ""),
    ("PATCH /reports/{invite-id}",    "", r#"{"resolved":true}"#),
    ("GET /notifications",            "", ""),
    ("POST /notifications",           "", r#"{"topic":"x","users":[{user}]}"#),
    ("PUT /notifications/read",       "", r#"{"up_to":"{notice}"}"#),
    ("GET /users/me/notifications",   "", ""),
    ("PUT /users/me/notifications",   "", r#"{"keywords":["tea"]}"#),
    ("GET /push/key",                 "", ""),
    ("GET /push/endpoints",           "", ""),
    ("POST /push/endpoints",          "", r#"{"url":"https://push.example/1","p256dh":"x","auth":"x"}"#),
    ("DELETE /push/endpoints/{endpoint}", "", ""),
    ("GET /reminders",                "", ""),
    ("POST /reminders",               "", r#"{"room":{room},"seq":{seq},"at":1}"#),
    ("DELETE /reminders/{invite-id}", "", ""),
    ("GET /saved",                    "", ""),
    ("POST /saved",                   "", r#"{"room":{room},"seq":{seq}}"#),
    ("DELETE /saved/{invite-id}",     "", ""),
    ("GET /scheduled",                "", ""),
    ("POST /scheduled",               "", r#"{"key":"{new}","room":{room},"text":"x","at":1}"#),
    ("PATCH /scheduled/{invite-id}",  "", r#"{"text":"x"}"#),
    ("DELETE /scheduled/{invite-id}", "", ""),
    ("POST /bans",                    "", r#"{"user":{user},"reason":"x"}"#),
    ("GET /bans",                     "", ""),
    ("GET /previews",                 "?url=http://127.0.0.1/of-two", ""),
    ("POST /commands",                "", r#"{"name":"tea-of-one","url":"https://a.example/","description":"x"}"#),
    ("GET /commands",                 "", ""),
    ("DELETE /commands/{command}",    "", ""),
    ("POST /bots",                    "", r#"{"name":"kettle-of-one","display_name":"x"}"#),
    ("GET /bots",                     "", ""),
    ("POST /bots/{bot}/key",          "", ""),
    ("DELETE /bots/{bot}",            "", ""),
    ("POST /rooms/{room}/hooks",      "", r#"{"name":"x"}"#),
    ("GET /rooms/{room}/hooks",       "", ""),
    ("DELETE /rooms/{room}/hooks/{room-hook}", "", ""),
    ("DELETE /rooms/{my-room}/hooks/{room-hook}", "", ""),
    ("POST /webhooks",                "", r#"{"url":"https://a.example/","events":["message"],"rooms":[{room}]}"#),
    ("GET /webhooks",                 "", ""),
    ("GET /webhooks/{hook}",          "", ""),
    ("PATCH /webhooks/{hook}",        "", r#"{"state":"off"}"#),
    ("PATCH /webhooks/{my-hook}",     "", r#"{"rooms":[{room}]}"#),
    ("DELETE /webhooks/{hook}",       "", ""),
    ("GET /webhooks/{hook}/deliveries", "", ""),
    ("GET /webhooks/{my-hook}/deliveries", "?next={delivery}", ""),
    ("POST /webhooks/{hook}/deliveries/{delivery}/replay", "", ""),
    ("POST /webhooks/{my-hook}/deliveries/{delivery}/replay", "", ""),
    ("DELETE /bans/{invite-id}",      "", ""),
    ("GET /rooms/{room}/messages/{seq}/deletion", "", ""),
    ("GET /users",                    "", ""),
    ("GET /users",                    "?ids={user}", ""),
    ("GET /users",                    "?query=of-two", ""),
    ("GET /users/me",                 "", ""),
    ("PATCH /users/me",               "", r#"{"status":"here"}"#),
    ("GET /users/me/messages",        "", ""),
    ("GET /users/me/messages",        "?next={cursor}", ""),
    ("GET /users/me/storage/{theme}", "", ""),
    ("PUT /users/me/storage/{theme}", "", r#""mine""#),
    ("DELETE /users/me/storage/{theme}", "", ""),
    ("GET /users/{user}",             "", ""),
    ("POST /users/{user}/sessions",   "", ""),
    ("POST /rooms",                   "", r#"{"kind":"group","name":"x","members":[{user}]}"#),
    ("GET /rooms",                    "", ""),
    ("POST /rooms/direct",            "", r#"{"users":[{user}]}"#),
    ("GET /rooms/directory",          "", ""),
    ("GET /rooms/directory",          "?query=of-two", ""),
    ("POST /rooms/join",              "", r#"{"code":"{code}"}"#),
    ("GET /rooms/{room}",             "", ""),
    ("PATCH /rooms/{room}",           "", r#"{"topic":"x"}"#),
    ("DELETE /rooms/{room}",          "", ""),
    ("POST /rooms/{room}/join",       "", ""),
    ("POST /rooms/{room}/leave",      "", ""),
    ("POST /rooms/{room}/code",       "", ""),
    ("DELETE /rooms/{room}/code",     "", ""),
    ("GET /rooms/{room}/members",     "", ""),
    ("PUT /rooms/{room}/members/{user}", "", "{}"),
    ("PUT /rooms/{room}/members/{mine}", "", "{}"),
    ("PUT /rooms/{my-room}/members/{user}", "", "{}"),
    ("DELETE /rooms/{room}/members/{user}", "", ""),
    ("DELETE /rooms/{my-room}/members/{user}", "", ""),
    ("PUT /rooms/{room}/read-mark",   "", r#"{"seq":1}"#),
    ("PATCH /rooms/{room}/mine",      "", r#"{"favourite":true}"#),
    ("GET /rooms/{room}/why",         "", ""),
    ("GET /rooms/{room}/receipts",    "", ""),
    ("POST /rooms/{room}/messages",   "", r#"{"key":"{new}","text":"x"}"#),
    ("GET /rooms/{room}/messages",    "", ""),
    ("GET /rooms/{room}/messages/{seq}", "", ""),
    ("PATCH /rooms/{room}/messages/{seq}", "", r#"{"text":"x"}"#),
    ("DELETE /rooms/{room}/messages/{seq}", "", ""),
    ("GET /rooms/{room}/messages/{seq}/thread", "", ""),
    ("GET /rooms/{room}/messages/{seq}/edits", "", ""),
    ("PUT /rooms/{room}/messages/{seq}/reactions/{emoji}", "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "", ""),
    ("PUT /rooms/{room}/messages/{seq}/pin", "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/pin", "", ""),
    ("GET /rooms/{room}/pins",        "", ""),
    ("GET /search",                   "?q=of-two", ""),
    ("GET /search",                   "?q=of-two&room={room}", ""),
    ("GET /search",                   "?q=of-two&from={user}", ""),
    ("GET /search",                   "?q=in:{room}", ""),
    ("GET /search",                   "?q=from:{user}", ""),
    ("POST /sync",                    "", r#"{"own":0,"rooms":[[{room},0]],"focus":[{room}]}"#),
    ("GET /admin/tenants",            "", ""),
    ("GET /admin/tenants",            "?next={tenant}", ""),
    ("POST /admin/tenants",           "", r#"{"name":"tenant-of-two"}"#),
    ("GET /admin/tenants/{tenant}",   "", ""),
    ("PATCH /admin/tenants/{tenant}", "", r#"{"title":"mine"}"#),
    ("PATCH /admin/tenants/{tenant}", "", r#"{"suspended":true}"#),
    ("DELETE /admin/tenants/{tenant}", "", ""),
    ("GET /admin/tenants/{tenant}/keys", "", ""),
    ("POST /admin/tenants/{tenant}/keys", "", r#"{"name":"x","scopes":["act"]}"#),
    ("DELETE /admin/tenants/{tenant}/keys/{key-id}", "", ""),
    ("DELETE /admin/tenants/{my-tenant}/keys/{key-id}", "", ""),
    ("GET /admin/users",              "", ""),
    ("GET /admin/users",              "?tenant={tenant}", ""),
    ("GET /admin/users",              "?next={user}", ""),
    ("POST /admin/users",             "", r#"{"tenant":"tenant-of-two","name":"x"}"#),
    ("GET /admin/users/{user}",       "", ""),
    ("PATCH /admin/users/{user}",     "", r#"{"disabled":true}"#),
    ("DELETE /admin/users/{user}",    "", ""),
    ("DELETE /admin/users/{user}/sessions", "", ""),
    ("DELETE /admin/users/{user}/totp", "", ""),
    ("POST /admin/users/{user}/reset", "", ""),
    ("GET /admin/rooms",              "", ""),
    ("GET /admin/rooms",              "?tenant={tenant}", ""),
    ("GET /admin/rooms",              "?next={room}", ""),
    ("GET /admin/rooms/{room}",       "", ""),
    ("PATCH /admin/rooms/{room}",     "", r#"{"archived":true}"#),
    ("PATCH /admin/rooms/{my-room}",  "", r#"{"owner":{user}}"#),
    ("DELETE /admin/rooms/{room}",    "", ""),
    ("GET /admin/audit",              "", ""),
    ("GET /admin/audit",              "?tenant={tenant}", ""),
    ("GET /admin/audit",              "?before={line}", ""),
    ("GET /admin/audit",              "?actor={user}", ""),
    ("GET /admin/dead-letters",       "", ""),
    ("GET /admin/dead-letters",       "?next={letter-next}", ""),
    ("POST /admin/dead-letters/{letter}/retry", "", ""),
    ("DELETE /admin/dead-letters/{letter}", "", ""),
    ("GET /admin/stats",              "", ""),
];

/// Routes that take nothing of anybody but a secret that is the proof itself, or end the caller's
/// own; and the socket, whose commands have cells of their own.
const NOTHING: [&str; 20] = [
    "POST /auth/verify-email",
    "POST /auth/resend-verification",
    "POST /auth/forgot-password",
    "POST /auth/reset-password",
    "POST /auth/refresh",
    "POST /hooks/{token}",
    "POST /commands/replies/{token}",
    "POST /auth/logout",
    "DELETE /users/me",
    "PUT /users/me/password",
    // Of the one tenant that the operator named; `oidc.rs` on the store tries another.
    "GET /auth/oidc",
    "GET /auth/oidc/start",
    "GET /auth/oidc/callback",
    "POST /auth/oidc/session",
    "POST /users/me/oidc",
    "DELETE /users/me/oidc",
    "POST /users/me/totp",
    "PUT /users/me/totp",
    "DELETE /users/me/totp",
    "GET /socket",
];

/// Frames of a client. Those without an answer are followed by a question.
#[rustfmt::skip]
const FRAMES: &[&str] = &[
    r#"{"type":"send","room":{room},"key":"{new}","text":"x"}"#,
    r#"{"type":"send","room":{my-room},"key":"{new}","text":"x @eve-of-two","reply":1}"#,
    r#"{"type":"send","room":{my-room},"key":"{new}","files":["{file}"]}"#,
    r#"{"type":"edit","room":{room},"key":"{new}","seq":{seq},"text":"x"}"#,
    r#"{"type":"delete","room":{room},"key":"{new}","seq":{seq}}"#,
    r#"{"type":"react","room":{room},"key":"{new}","seq":{seq},"emoji":"👍","on":true}"#,
    r#"{"type":"pin","room":{room},"key":"{new}","seq":{seq},"on":true}"#,
    r#"{"type":"read","room":{room},"seq":1}"#,
    r#"{"type":"mine","room":{room},"favourite":true}"#,
    r#"{"type":"forget","room":{room},"key":"{new}"}"#,
    r#"{"type":"pull","room":{room},"since":0}"#,
    r#"{"type":"own","since":0}"#,
    r#"{"type":"call","method":"GET","path":"/rooms/{room}/messages"}"#,
    r#"{"type":"call","method":"POST","path":"/rooms/direct","body":{"users":[{user}]}}"#,
    r#"{"type":"call","method":"GET","path":"/admin/tenants/{tenant}"}"#,
    r#"{"type":"heads"}"#,
    r#"{"type":"typing","room":{room}}"#,
    r#"{"type":"focus","rooms":[{room}]}"#,
    r#"{"type":"watch","users":[{user}]}"#,
    r#"{"type":"watch","room":{room}}"#,
    r#"{"type":"ack","rooms":[[{room},1]]}"#,
];

/// The name of a frame; a new one has to be given a cell before this compiles.
fn named(frame: &ClientFrame) -> Option<&'static str> {
    match frame {
        ClientFrame::Send(_) => Some("send"),
        ClientFrame::Edit { .. } => Some("edit"),
        ClientFrame::Delete { .. } => Some("delete"),
        ClientFrame::React { .. } => Some("react"),
        ClientFrame::Pin { .. } => Some("pin"),
        ClientFrame::Read { .. } => Some("read"),
        ClientFrame::Mine { .. } => Some("mine"),
        ClientFrame::Forget { .. } => Some("forget"),
        ClientFrame::Pull { .. } => Some("pull"),
        ClientFrame::Own { .. } => Some("own"),
        ClientFrame::Heads { .. } => Some("heads"),
        ClientFrame::Call { .. } => Some("call"),
        ClientFrame::Typing { .. } => Some("typing"),
        ClientFrame::Focus { .. } => Some("focus"),
        ClientFrame::Watch { .. } => Some("watch"),
        ClientFrame::Ack { .. } => Some("ack"),
        // These name nobody and nothing.
        ClientFrame::Hello(_)
        | ClientFrame::Presence { .. }
        | ClientFrame::Heartbeat {}
        | ClientFrame::Unknown => None,
    }
}

/// One of the two.
struct Twin {
    owner: Person,
    key: String,
    /// Words and what they stand for here.
    words: Vec<(&'static str, String)>,
}

async fn twin(house: &House, which: &str) -> Twin {
    let operator = house.operator();
    let called = |what: &str| format!("{what}-{which}");
    let tenant = called("tenant");
    let made =
        operator.post("/admin/tenants", json!({"name": tenant, "config": {"guests": "open"}}));
    let made = made.await.ok(201);
    let owner = house.joins(&tenant, &called("eve"), made["owner_token"].as_str()).await;
    let id = int(&made["tenant"]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let invite = owner.post("/invites", json!({"uses": 9})).await.ok(201);
    let lin = house.joins(&tenant, &called("lin"), invite["code"].as_str()).await;
    let room = owner.group(&called("kitchen"), &[&lin]).await;
    let hook = json!({"url": format!("https://{}.example/", called("hook")), "events": ["room"]});
    let hook = owner.post("/webhooks", hook).await.ok(201);
    let channel = json!({"kind": "channel", "name": called("news"), "topic": called("topic")});
    owner.post("/rooms", channel).await.ok(201);
    let seq = int(&lin.says(room, &called("secret")).await["seq"]);
    owner.says(room, &called("answer")).await;
    let file = lin.uploads(&called("file"), "text/plain", called("bytes").as_bytes()).await;
    let message = json!({"key": key(), "files": [file["id"]]});
    lin.post(&format!("/rooms/{room}/messages"), message).await.ok(201);
    owner.put("/users/me/storage/theme", json!(called("theme"))).await.ok(204);
    owner.patch("/users/me", json!({"status": called("status")})).await.ok(200);
    let command = json!({"name": called("tea"), "url": format!("https://{}.example/", called("a")),
        "description": called("makes")});
    let command = owner.post("/commands", command).await.ok(201);
    let bot = json!({"name": called("kettle"), "display_name": called("kettle")});
    let bot = owner.post("/bots", bot).await.ok(201);
    let speaks = json!({"name": called("builds")});
    let speaks = owner.post(&format!("/rooms/{room}/hooks"), speaks).await.ok(201);
    let heard = format!("/webhooks/{}/deliveries", text(&hook["id"]));
    let heard = owner.get(&heard).await.ok(200);
    let code = owner.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    let keys = format!("/admin/tenants/{id}/keys");
    let body = json!({"name": called("shop"), "scopes": ["read", "write", "act", "admin"]});
    let api = owner.post(&keys, body).await.ok(201);
    let letter = house.dead_letter(Some(id)).await;
    let letters = owner.get("/admin/dead-letters").await.ok(200);
    let dead = format!("{}.{letter}", letters["items"][0]["dead_at"]);
    let line = owner.get("/admin/audit?limit=1").await.ok(200)["items"][0]["id"].clone();
    owner.put("/users/me/notifications", json!({"keywords": [called("word")]})).await.ok(204);
    lin.says(room, &format!("@{}", called("eve"))).await;
    let browser = json!({"url": "https://push.example/of-two", "p256dh": POINT, "auth": SECRET});
    let browser = owner.post("/push/endpoints", browser).await.ok(201);
    let notices = owner.get("/notifications").await.ok(200);
    let written = owner.get("/users/me/messages?limit=1").await.ok(200);
    let words = vec![
        ("room", room.to_string()),
        ("seq", seq.to_string()),
        ("user", lin.user.to_string()),
        ("tenant", id.to_string()),
        ("file", text(&file["id"])),
        ("session", lin.session.clone()),
        ("invite", text(&invite["code"])),
        ("invite-id", text(&invite["id"])),
        ("name", called("eve")),
        ("code", text(&code["code"])),
        ("key-id", text(&api["id"])),
        ("command", text(&command["id"])),
        ("bot", bot["user"]["user"].to_string()),
        ("room-hook", text(&speaks["id"])),
        ("hook", text(&hook["id"])),
        ("delivery", text(&heard["items"][0]["id"])),
        ("letter", letter),
        ("letter-next", dead),
        ("endpoint", text(&browser["id"])),
        ("notice", text(&notices["items"][0]["id"])),
        ("line", text(&line)),
        ("cursor", written["next"].as_str().unwrap_or("1.1").to_owned()),
    ];
    Twin { owner, key: text(&api["key"]), words }
}

impl Twin {
    fn word(&self, name: &str) -> &str {
        let found = self.words.iter().find(|(word, _)| *word == name);
        found.map(|(_, text)| text.as_str()).expect("a word")
    }

    /// What of it stands in an answer to a call that named only this: a text, or an id.
    fn tells(&self, answer: &str, named: &str) -> Option<String> {
        let owner = self.owner.user.to_string();
        let ids = self.words.iter().filter(|(word, id)| {
            id.len() > 4 && !named.contains(&format!("{{{word}}}")) && *word != "cursor"
        });
        let ids = ids.map(|(_, id)| id.as_str());
        let mark = (!named.contains(MARK)).then_some(MARK);
        let told = ids.chain(mark).chain([owner.as_str()]).find(|text| answer.contains(text));
        told.map(str::to_owned)
    }

    /// All there is of it, as its owner sees it.
    async fn state(&self) -> Value {
        let room = format!("/rooms/{}", self.word("room"));
        let tenant = format!("/admin/tenants/{}", self.word("tenant"));
        let mut state = vec![self.owner.post("/sync", json!({"own": 0, "rooms": []})).await.body];
        // Of a sync the time is always another.
        state[0]["now"] = Value::Null;
        for path in [
            room.clone(),
            format!("{room}/messages"),
            format!("{room}/members"),
            format!("{room}/pins"),
            format!("{room}/receipts"),
            tenant.clone(),
            format!("{tenant}/keys"),
            "/rooms".into(),
            "/rooms/directory".into(),
            "/users".into(),
            "/users/me".into(),
            "/users/me/storage/theme".into(),
            "/invites".into(),
            "/notifications".into(),
            "/push/endpoints".into(),
            "/users/me/notifications".into(),
            "/admin/dead-letters".into(),
            "/admin/audit".into(),
            "/bots".into(),
            "/commands".into(),
            format!("{room}/hooks"),
        ] {
            state.push(self.owner.get(&path).await.ok(200));
        }
        let mut hooks = self.owner.get("/webhooks").await.ok(200);
        for hook in hooks["items"].as_array_mut().expect("a list") {
            // How its calls go is nobody's doing here.
            hook["state"] = json!(hook["state"] == "off");
        }
        state.push(hooks);
        json!(state)
    }
}

struct Scene {
    house: House,
    one: Twin,
    two: Twin,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let (one, two) = (twin(&house, "of-one").await, twin(&house, MARK).await);
        Scene { house, one, two }
    }

    /// The text with the other's ids in it, or, not `real`, with ids that were never given out.
    fn filled(&self, text: &str, real: bool, once: &str) -> String {
        let mut text = text
            .replace("{mine}", &self.one.owner.user.to_string())
            .replace("{my-room}", self.one.word("room"))
            .replace("{my-hook}", self.one.word("hook"))
            .replace("{my-tenant}", self.one.word("tenant"))
            .replace("{password}", PASSWORD)
            .replace("{theme}", "theme")
            .replace("{sha256}", &"0".repeat(64))
            .replace("{emoji}", "👍")
            .replace("{new}", once);
        for (word, id) in &self.two.words {
            let unknown = match *word {
                "room" | "user" | "bot" | "tenant" | "seq" | "line" => NUMBER,
                "cursor" | "letter-next" => id,
                "code" => "ABCDEFGH",
                _ => TEXT,
            };
            text = text.replace(&format!("{{{word}}}"), if real { id } else { unknown });
        }
        text
    }

    async fn asks(&self, who: &str, cell: (&str, &str, &str), real: bool, once: &str) -> Answer {
        let (route, query, body) = cell;
        let (method, path) = route.split_once(' ').expect("method and path");
        let path = self.filled(&format!("{path}{query}"), real, once);
        let mut call = Call::new(method, &path);
        call = match who {
            "owner" => call.token(&self.one.owner.token),
            "key" => call.header("x-api-key", &self.one.key),
            "acting" => {
                let user = self.one.owner.user.to_string();
                call.header("x-api-key", &self.one.key).header("x-user-id", &user)
            }
            _ => panic!("nobody is called {who}"),
        };
        if !body.is_empty() {
            call = call.raw("application/json", self.filled(body, real, once));
        }
        call.to(self.house.address).await
    }
}

/// The route of a cell as the table names it.
fn shape(route: &str) -> String {
    let braced = |part: &str| if part.starts_with('{') { "{}".into() } else { part.to_owned() };
    route.split('/').map(braced).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_and_every_frame_has_its_cell() {
    let routes: Vec<_> = TABLE.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    for route in &routes {
        let known = CELLS.iter().any(|cell| shape(cell.0) == shape(route));
        assert!(known || NOTHING.contains(&route.as_str()), "nobody tried {route} from next door");
    }
    for (cell, ..) in CELLS {
        assert!(routes.iter().any(|route| shape(route) == shape(cell)), "there is no {cell}");
    }
    let tried: Vec<_> = FRAMES
        .iter()
        .filter_map(|frame| {
            let text = frame.replace("{new}", &key());
            let number = |text: String, word: &str| text.replace(word, NUMBER);
            let words = ["{room}", "{my-room}", "{seq}", "{user}", "{tenant}"];
            let text = words.into_iter().fold(text, number);
            let mut frame: Value = serde_json::from_str(&text).expect("JSON");
            frame["id"] = json!(1);
            named(&serde_json::from_value(frame).expect("a frame"))
        })
        .collect();
    let all = [
        "send", "edit", "delete", "react", "pin", "read", "mine", "forget", "pull", "own", "heads",
        "call", "typing", "focus", "watch", "ack",
    ];
    for frame in all {
        assert!(tried.contains(&frame), "nobody tried {frame} from next door");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_tenant_is_there_for_another() {
    let scene = Scene::set().await;
    let before = scene.two.state().await;
    let mut wrong = Vec::new();
    for who in ["owner", "key", "acting"] {
        for cell in CELLS {
            let (real, unknown) = (key(), key());
            let said = scene.asks(who, *cell, true, &real).await;
            let what = format!("{} {} by {who}", cell.0, cell.1);
            let named = format!("{}{}{}", cell.0, cell.1, cell.2);
            if let Some(told) = scene.two.tells(&said.body.to_string(), &named) {
                wrong.push(format!("{what}: tells {told} in {}", said.body));
            }
            // A place in a list is no id: wherever it lies, what follows is one's own.
            let place = cell.1.contains("next=") || cell.1.contains("before=");
            let own = cell.0.contains("{theme}") || ["POST /sync", "POST /media"].contains(&cell.0);
            if named.contains('{') && !own && !place {
                let nobodys = scene.asks(who, *cell, false, &unknown).await;
                if (said.status, &said.body) != (nobodys.status, &nobodys.body) {
                    wrong.push(format!(
                        "{what}: {} {} but of what never was {} {}",
                        said.status, said.body, nobodys.status, nobodys.body
                    ));
                }
            }
            if said.status >= 500 {
                wrong.push(format!("{what}: {} {}", said.status, said.body));
            }
        }
        let after = scene.two.state().await;
        assert_eq!(after, before, "{who} moved something of the other's");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nor may a key name one of the other's people.
    let call = Call::new("GET", "/users/me").header("x-api-key", &scene.one.key);
    let theirs = call.header("x-user-id", scene.two.word("user")).to(scene.house.address).await;
    assert_eq!(theirs.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_tenant_is_heard_on_anothers_socket() {
    let scene = Scene::set().await;
    let before = scene.two.state().await;
    let body = json!([[int(&json!(scene.two.word("room").parse::<i64>().expect("a number"))), 0]]);
    let (mut socket, welcome) = scene.one.owner.socket_from(0, body).await;
    assert_eq!(list(&welcome["gone"]).len(), 1, "{welcome}");
    let mut told = async |text: String| -> Vec<Value> {
        let mut frame: Value = serde_json::from_str(&text).expect("JSON");
        let silent = ["typing", "focus", "watch", "ack", "heads"];
        let asked = silent.contains(&frame["type"].as_str().expect("a type"));
        if asked {
            frame["id"] = json!(1_000_000);
            socket.say(frame).await;
            frame = json!({"type": "own", "since": 0});
        }
        let id = socket.asks(frame).await;
        let mut heard = Vec::new();
        loop {
            let said = socket.next().await.expect("it stays open");
            let last = said["id"] == id;
            heard.push(said);
            if last {
                return heard;
            }
        }
    };
    for frame in FRAMES {
        let real = told(scene.filled(frame, true, &key())).await;
        let unknown = told(scene.filled(frame, false, &key())).await;
        let text = json!(real).to_string();
        // One's own word comes back as one's own message.
        let text = text.replace("x @eve-of-two", "");
        assert_eq!(scene.two.tells(&text, frame), None, "{frame}: {text}");
        let answer = |heard: &[Value]| {
            let mut last = heard.last().expect("an answer").clone();
            last["id"] = Value::Null;
            last
        };
        // An answer about one's own moves with what was done; a refusal is the same.
        let (real, unknown) = (answer(&real), answer(&unknown));
        if real["type"] == "error" || unknown["type"] == "error" || real["type"] == "answer" {
            assert_eq!(real, unknown, "{frame}");
        }
    }
    assert_eq!(scene.two.state().await, before);
    // What happens next door is not heard here.
    let room = scene.two.word("room").parse().expect("a number");
    scene.two.owner.says(room, "psst of-two").await;
    let heard = json!(told(json!({"type": "own", "since": 0}).to_string()).await).to_string();
    assert!(!heard.contains("psst"), "{heard}");
}
