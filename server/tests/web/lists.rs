//! Lists come in parts: as many as are asked for, each element once, and an end. The lists are those
//! that the description says have a `next`; one without its line here fails.

use crate::house::{Call, House, Person, key, list};
use hallway_outside::push::{POINT, SECRET};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Route, a query that it needs, what its elements are (`items`, or rows of a kind), and by which
/// field one is told from another. A word in braces is what the scene has of it.
#[rustfmt::skip]
const LISTS: &[(&str, &str, &str, &str)] = &[
    ("/auth/sessions",                   "",      "session",  "/id"),
    ("/invites",                         "",      "items",    "/id"),
    ("/users",                           "",      "user",     "/user"),
    ("/users/me/messages",               "",      "message",  "/seq"),
    ("/rooms",                           "",      "room",     "/room"),
    ("/rooms/directory",                 "",      "room",     "/room"),
    ("/rooms/{room}/members",            "",      "member",   "/user"),
    ("/rooms/{room}/receipts",           "",      "items",    "/user"),
    ("/rooms/{room}/hooks",              "",      "items",    "/id"),
    ("/rooms/{room}/pins",               "",      "message",  "/seq"),
    ("/rooms/{room}/messages/{seq}/thread", "",   "message",  "/seq"),
    ("/rooms/{room}/messages/{seq}/edits", "",    "items",    "/text"),
    ("/notifications",                   "",      "items",    "/id"),
    ("/push/endpoints",                  "",      "items",    "/id"),
    ("/reminders",                       "",      "items",    "/id"),
    ("/saved",                           "",      "items",    "/id"),
    ("/scheduled",                       "",      "items",    "/id"),
    ("/reports",                         "",      "items",    "/id"),
    ("/bans",                            "",      "items",    "/id"),
    ("/commands",                        "",      "items",    "/name"),
    ("/bots",                            "",      "user",     "/user"),
    ("/webhooks",                        "",      "items",    "/id"),
    ("/webhooks/{webhook}/deliveries",   "",      "items",    "/id"),
    ("/search",                          "q=tea", "items",    "/message/seq"),
    ("/admin/tenants",                   "",      "items",    "/tenant"),
    ("/admin/tenants/{tenant}/keys",     "",      "items",    "/id"),
    ("/admin/users",                     "",      "items",    "/user"),
    ("/admin/rooms",                     "",      "items",    "/room"),
    ("/admin/dead-letters",              "",      "items",    "/id"),
    ("/admin/audit",                     "",      "items",    "/id"),
];

/// A server on which each list has some length, and whoever may read each.
struct Scene {
    _house: House,
    ada: Person,
    operator: Person,
    words: Vec<(&'static str, Value)>,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let (ada, operator) = (house.ada().await, house.operator());
        let lin = house.newcomer(&ada, "lin").await;
        let bob = house.newcomer(&ada, "bob").await;
        let room = ada.group("kitchen", &[&lin, &bob]).await;
        let messages = format!("/rooms/{room}/messages");
        let seq = ada.says(room, "tea").await["seq"].clone();
        let heard = json!({"url": "https://a.example/", "events": ["message"], "rooms": [room]});
        let webhook = ada.post("/webhooks", heard).await.ok(201)["id"].clone();
        let (tenant, _) = house.founds("next-door", json!({})).await;
        for nth in 1..=3 {
            let text = format!("tea {nth}");
            house.login("ada").await;
            ada.post("/invites", json!({})).await.ok(201);
            ada.group(&text, &[]).await;
            let new = json!({"kind": "channel", "name": format!("news {nth}")});
            ada.post("/rooms", new).await.ok(201);
            let hook = json!({"name": text});
            ada.post(&format!("/rooms/{room}/hooks"), hook).await.ok(201);
            let answer = json!({"key": key(), "text": text, "thread": seq});
            ada.post(&messages, answer).await.ok(201);
            let change = json!({"key": key(), "text": text});
            ada.patch(&format!("{messages}/{seq}"), change).await.ok(200);
            let said = lin.says(room, &format!("@ada {text}")).await["seq"].clone();
            ada.put(&format!("{messages}/{said}/pin"), Value::Null).await.fine();
            let browser = json!({"url": format!("https://push.example/{nth}"), "p256dh": POINT,
                "auth": SECRET});
            house.login("ada").await.post("/push/endpoints", browser).await.ok(201);
            let (of, at) = (json!({"room": room, "seq": said}), house.clock.now() + 3_600_000);
            ada.post("/saved", of.clone()).await.ok(201);
            let remind = json!({"room": room, "seq": said, "at": at});
            ada.post("/reminders", remind).await.ok(201);
            let later = json!({"key": key(), "room": room, "text": text, "at": at});
            ada.post("/scheduled", later).await.ok(201);
            let report = json!({"room": room, "seq": said, "reason": text});
            ada.post("/reports", report).await.ok(201);
            let ban = json!({"address": format!("192.0.2.{nth}"), "reason": text});
            ada.post("/bans", ban).await.ok(201);
            let command = json!({"name": format!("tea-{nth}"), "url": "https://a.example/",
                "description": text});
            ada.post("/commands", command).await.ok(201);
            let bot = json!({"name": format!("kettle-{nth}"), "display_name": text});
            ada.post("/bots", bot).await.ok(201);
            let hook = json!({"url": "https://b.example/", "events": ["reaction"]});
            ada.post("/webhooks", hook).await.ok(201);
            house.founds(&format!("tenant-{nth}"), json!({})).await;
            let api = json!({"name": text, "scopes": ["read"]});
            operator.post(&format!("/admin/tenants/{tenant}/keys"), api).await.ok(201);
            house.dead_letter(None).await;
        }
        let words = vec![
            ("room", json!(room)),
            ("seq", seq),
            ("webhook", webhook),
            ("tenant", json!(tenant)),
        ];
        Scene { _house: house, ada, operator, words }
    }

    /// The list with its ids, and whoever may read it.
    fn asks(&self, route: &str) -> (&Person, String) {
        let path = self.words.iter().fold(route.to_owned(), |path, (word, is)| {
            let is = is.as_str().map_or_else(|| is.to_string(), str::to_owned);
            path.replace(&format!("{{{word}}}"), &is)
        });
        let who = if route.starts_with("/admin/") { &self.operator } else { &self.ada };
        (who, path)
    }
}

/// By which its elements are told apart.
fn told<'v>(page: &'v Value, kind: &str, by: &str) -> Vec<&'v Value> {
    let (all, rows) = match kind {
        "items" => (&page["items"], false),
        _ => (&page["rows"], true),
    };
    let elements = list(all).iter().filter(|element| !rows || element["t"] == kind);
    elements
        .map(|element| element.pointer(by).unwrap_or_else(|| panic!("{by}: {element}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_comes_in_parts_each_element_once() {
    let scene = Scene::set().await;
    for (route, query, kind, by) in LISTS {
        let (who, path) = scene.asks(route);
        let whole = who.get(&format!("{path}?{query}&limit=1000")).await.ok(200);
        assert!(whole["next"].is_null(), "{route}: {whole}");
        let whole: Vec<Value> = told(&whole, kind, by).into_iter().cloned().collect();
        assert!(whole.len() >= 3, "{route}: {whole:?}");
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = who.get(&format!("{path}?{query}&limit=1{next}")).await.ok(200);
            let part = told(&page, kind, by);
            // The first message of a thread stands before its answers.
            let most = 1 + usize::from(next.is_empty() && route.ends_with("/thread"));
            assert_eq!(part.len(), most, "{route}: {page}");
            seen.extend(part.into_iter().cloned());
            let Some(on) = page["next"].as_str() else { break };
            assert!(seen.len() <= whole.len(), "{route} never ends");
            next = format!("&next={on}");
        }
        assert_eq!(seen, whole, "{route}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_no_list_said_is_refused() {
    let scene = Scene::set().await;
    for (route, query, ..) in LISTS {
        let (who, path) = scene.asks(route);
        for (wrong, field) in [
            ("next=garbage", "next"),
            ("next=", "next"),
            ("next=1:%00", "next"),
            ("limit=many", "limit"),
            ("limit=-1", "limit"),
        ] {
            let refused = who.get(&format!("{path}?{query}&{wrong}")).await;
            assert_eq!(refused.refused(), (422, "invalid"), "{route} {wrong}");
            assert!(refused.blames(field), "{route} {wrong}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_that_goes_on_is_walked_here() {
    let house = House::open().await;
    let said = Call::new("GET", "/openapi.json").to(house.address).await.ok(200);
    let paths = said["paths"].as_object().expect("paths");
    let goes_on = |calls: &Value| {
        let answer = &calls["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let named = answer["$ref"].as_str().and_then(|named| said.pointer(&named[1..]));
        let next = &named.unwrap_or(answer)["properties"]["next"];
        let asked = calls["get"]["parameters"].as_array();
        let asked = asked.into_iter().flatten().filter_map(|one| one["name"].as_str());
        let asked: BTreeSet<_> = asked.collect();
        let pages = asked.contains("limit") && asked.contains("next");
        assert_eq!(next.is_object(), pages, "{}", calls["get"]["operationId"]);
        pages
    };
    let published = paths.iter().filter(|(_, calls)| goes_on(calls)).map(|(path, _)| bare(path));
    let walked = LISTS.iter().map(|(route, ..)| bare(route));
    assert_eq!(walked.collect::<BTreeSet<_>>(), published.collect::<BTreeSet<_>>());
}

/// A path whatever its ids are called.
fn bare(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
