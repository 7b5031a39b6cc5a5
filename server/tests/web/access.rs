//! Who may: every call on a room by every kind of caller, cell by cell. What a stranger may not see
//! does not exist; a denied call leaves the room as it was.

use crate::house::{House, Person, key};
use reqwest::Method;
use serde_json::{Value, json};

/// The callers, in the order of the cells.
const CALLERS: [&str; 7] =
    ["nobody", "stranger", "removed", "member", "admin", "owner", "operator"];

/// Method, path below the room, body, and the status for each caller in a private group
/// (200 stands for whatever says yes). The operator owns the
/// tenant but is not in the room: they may remove and delete, never read.
fn private(seq: i64, other: i64) -> Vec<(Method, String, Value, [u16; 7])> {
    let (get, post, put, patch, delete) =
        (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let one = |rest: &str| format!("/messages/{seq}{rest}");
    let text = || json!({"key": key(), "text": "x"});
    vec![
        (get.clone(), String::new(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), "/messages".into(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), one(""), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), one("/thread"), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), one("/edits"), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), "/members".into(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get.clone(), "/pins".into(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (get, "/receipts".into(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (post.clone(), "/messages".into(), text(), [401, 404, 404, 200, 200, 200, 404]),
        (patch.clone(), one(""), json!({"text": "y"}), [401, 404, 404, 403, 403, 403, 404]),
        (put.clone(), one("/reactions/👍"), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
        (put.clone(), one("/pin"), Value::Null, [401, 404, 404, 403, 200, 200, 404]),
        (delete.clone(), one("/pin"), Value::Null, [401, 404, 404, 403, 200, 200, 404]),
        (put.clone(), "/read-mark".into(), json!({"seq": 1}), [401, 404, 404, 200, 200, 200, 404]),
        (
            patch.clone(),
            "/mine".into(),
            json!({"favourite": true}),
            [401, 404, 404, 200, 200, 200, 404],
        ),
        (patch.clone(), String::new(), json!({"topic": "t"}), [401, 404, 404, 403, 200, 200, 404]),
        (
            patch,
            String::new(),
            json!({"visibility": "private"}),
            [401, 404, 404, 403, 403, 200, 404],
        ),
        (post.clone(), "/code".into(), Value::Null, [401, 404, 404, 403, 200, 200, 404]),
        (delete.clone(), "/code".into(), Value::Null, [401, 404, 404, 403, 200, 200, 404]),
        (
            put,
            format!("/members/{other}"),
            json!({"role": "admin"}),
            [401, 404, 404, 403, 403, 200, 404],
        ),
        (post, "/join".into(), Value::Null, [401, 404, 404, 200, 200, 200, 404]),
    ]
}

struct Cast<'h> {
    owner: Person<'h>,
    admin: Person<'h>,
    member: Person<'h>,
    removed: Person<'h>,
    stranger: Person<'h>,
    operator: Person<'h>,
    other: Person<'h>,
}

async fn cast(house: &House) -> Cast<'_> {
    let operator = house.ada().await;
    let mut people = Vec::new();
    for name in ["owner", "admin", "member", "removed", "stranger", "other"] {
        people.push(house.newcomer(&operator, name).await);
    }
    let [owner, admin, member, removed, stranger, other] =
        people.try_into().unwrap_or_else(|_| panic!("six people"));
    Cast { owner, admin, member, removed, stranger, operator, other }
}

impl Cast<'_> {
    /// A private group with a message of `other`, and `removed` thrown out again.
    async fn room(&self) -> (i64, i64) {
        let people = [&self.admin, &self.member, &self.removed, &self.other];
        let room = self.owner.group("committee", &people).await;
        let role = json!({"role": "admin"});
        self.owner.put(&format!("/rooms/{room}/members/{}", self.admin.user), role).await.fine();
        let gone = format!("/rooms/{room}/members/{}", self.removed.user);
        self.owner.delete(&gone).await.ok(204);
        let seq = self.other.says(room, "secret").await["seq"].as_i64().expect("seq");
        (room, seq)
    }

    fn token(&self, caller: &str) -> Option<&str> {
        let person = match caller {
            "nobody" => return None,
            "stranger" => &self.stranger,
            "removed" => &self.removed,
            "member" => &self.member,
            "admin" => &self.admin,
            "owner" => &self.owner,
            _ => &self.operator,
        };
        Some(&person.token)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_in_a_private_room_gets_its_cell() {
    let house = House::open();
    let cast = cast(&house).await;
    let (room, seq) = cast.room().await;
    let state = || async {
        let page = cast.owner.get(&format!("/rooms/{room}/messages")).await.ok(200);
        let members = cast.owner.get(&format!("/rooms/{room}/members")).await.ok(200);
        let itself = cast.owner.get(&format!("/rooms/{room}")).await.ok(200);
        json!([page, members, itself])
    };
    let mut wrong = Vec::new();
    for (method, path, body, cells) in private(seq, cast.other.user) {
        for (caller, expected) in CALLERS.iter().zip(cells) {
            let before = state().await;
            let body = (!body.is_null()).then(|| body.clone());
            let path = format!("/rooms/{room}{path}");
            let said = house.call(cast.token(caller), method.clone(), &path, body, &[]).await;
            let got = if said.status < 300 { 200 } else { said.status };
            if got != expected {
                wrong.push(format!("{method} {path} by {caller}: {} not {expected}", said.status));
            }
            if said.status >= 400 && state().await != before {
                wrong.push(format!(
                    "{method} {path} by {caller}: refused, yet it changed something"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_remove_and_delete() {
    let house = House::open();
    let cast = cast(&house).await;
    for (caller, removes, deletes_message, deletes_room) in [
        ("nobody", 401, 401, 401),
        ("stranger", 404, 404, 404),
        ("removed", 404, 404, 404),
        ("member", 403, 403, 403),
        ("admin", 204, 204, 403),
        ("owner", 204, 204, 204),
        ("operator", 204, 204, 204),
    ] {
        let (room, seq) = cast.room().await;
        let token = cast.token(caller);
        let other = format!("/rooms/{room}/members/{}", cast.member.user);
        let ours = if caller == "member" {
            format!("/rooms/{room}/members/{}", cast.other.user)
        } else {
            other
        };
        for (path, expected) in [
            (format!("/rooms/{room}/messages/{seq}"), deletes_message),
            (ours, removes),
            (format!("/rooms/{room}"), deletes_room),
        ] {
            let said = house.call(token, Method::DELETE, &path, None, &[]).await;
            assert_eq!(said.status, expected, "DELETE {path} by {caller}: {}", said.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_channel_is_read_by_all_and_written_by_members() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let body = json!({"kind": "channel", "name": "news"});
    let room = ada.post("/rooms", body).await.ok(201)["room"].as_i64().expect("an id");
    ada.says(room, "hello").await;
    let messages = format!("/rooms/{room}/messages");
    lin.get(&messages).await.ok(200);
    let said = lin.post(&messages, json!({"key": key(), "text": "x"})).await;
    assert_eq!((said.status, said.code()), (403, "forbidden"));
    let found = lin.get("/rooms/directory?query=NEW").await.ok(200);
    assert_eq!(found["rows"][0]["room"], room);
    lin.post(&format!("/rooms/{room}/join"), json!({})).await.ok(200);
    lin.post(&messages, json!({"key": key(), "text": "x"})).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_removes_those_below_alone() {
    let house = House::open();
    let cast = cast(&house).await;
    let (room, _) = cast.room().await;
    let of = |who: &Person<'_>| format!("/rooms/{room}/members/{}", who.user);
    let role = json!({"role": "admin"});
    cast.owner.put(&of(&cast.member), role).await.fine();
    assert_eq!(cast.admin.delete(&of(&cast.member)).await.status, 403, "an equal");
    assert_eq!(cast.admin.delete(&of(&cast.owner)).await.status, 403, "one above");
    cast.admin.put(&of(&cast.stranger), json!({})).await.fine();
    cast.admin.delete(&of(&cast.stranger)).await.ok(204);
}
