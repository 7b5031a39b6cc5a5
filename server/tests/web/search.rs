//! Search as its callers meet it: what is typed, what a program adds, pages, whose messages, and
//! what is wrong with a question.

use crate::house::{Call, House, Person, int, key, list, of_kind};
use hallway_protocol::rest::{Guests, Registration};
use serde_json::{Value, json};

/// What the messages found say.
async fn found(who: &Person, query: &str) -> Vec<String> {
    let said = who.get(&format!("/search?sort=time&{query}")).await.ok(200);
    let text = |item: &Value| item["message"]["text"].as_str().expect("a text").to_owned();
    list(&said["items"]).iter().map(text).collect()
}

/// What of the one message found is marked.
async fn marked(who: &Person, q: &str) -> Vec<String> {
    let said = who.get(&format!("/search?q={q}")).await.ok(200);
    let item = &said["items"][0];
    let text: Vec<char> = item["message"]["text"].as_str().expect("a text").chars().collect();
    let range = |range: &Value| {
        let at = |i: usize| usize::try_from(int(&range[i])).expect("a place");
        text[at(0)..at(1)].iter().collect()
    };
    list(&item["ranges"]).iter().map(range).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_found_at_once_with_where_it_stands() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    for n in 0..20 {
        let text = format!("Apfelkuchen {n} 👩🏽‍💻 東京 tea");
        let said = lin.says(room, &text).await;
        let hits = ada.get(&format!("/search?q=apfelkuchen {n} te")).await.ok(200);
        assert_eq!(hits["items"][0]["message"], said, "{hits}");
        assert_eq!((list(&hits["items"]).len(), hits.get("next")), (1, None));
        assert_eq!(of_kind(&hits["rows"], "user")[0]["user"], lin.user);
    }
    assert_eq!(marked(&ada, "kuchen").await, ["Apfelkuchen"]);
    assert_eq!(marked(&ada, "tea 東京").await, ["東京", "tea"]);
    assert_eq!(marked(&ada, "%22tea%22 -18").await, ["tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_adds_narrows_as_operators_do() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (kitchen, hall) = (ada.group("kitchen", &[&lin]).await, ada.group("hall", &[&lin]).await);
    let one = ada.says(kitchen, "tea one").await;
    house.clock.turn(std::time::Duration::from_secs(5));
    let two = lin.says(hall, "tea two https://tea.example @ada").await;
    house.clock.turn(std::time::Duration::from_secs(5));
    ada.says(hall, "tea three").await;
    let pin = format!("/rooms/{kitchen}/messages/{}/pin", one["seq"]);
    ada.put(&pin, Value::Null).await.ok(204);
    let (first, second) = ("tea one", "tea two https://tea.example @ada");
    for (query, expected) in [
        (format!("q=tea&room={hall}"), &["tea three", second][..]),
        (format!("room={hall}&limit=1"), &["tea three"]),
        (format!("q=tea&from={}", lin.user), &[second]),
        ("q=tea&from=me".into(), &["tea three", first]),
        ("from=me&q=from:lin".into(), &[]),
        ("q=tea&has=link".into(), &[second]),
        ("has=link,reaction&q=tea".into(), &[]),
        (format!("q=tea&before={}", two["at"]), &[first]),
        (format!("after={}", two["at"]), &["tea three"]),
        (format!("after={}&before={}", one["at"], int(&two["at"]) + 1), &[second]),
        ("q=is:pinned".into(), &[first]),
        ("q=mentions:me".into(), &[second]),
        ("q=in:hall from:ada".into(), &["tea three"]),
        (format!("q=in:{kitchen}"), &[first]),
        ("q=re:tea".into(), &[]),
        ("q=kettle".into(), &[]),
    ] {
        assert_eq!(found(&ada, &query).await, expected, "{query}");
    }
    let reaction = format!("/rooms/{kitchen}/messages/{}/reactions/👍", one["seq"]);
    lin.put(&reaction, Value::Null).await.ok(204);
    let said = ada.get("/search?q=has:reaction").await.ok(200);
    assert_eq!(said["items"][0]["message"]["seq"], one["seq"]);
    assert_eq!(of_kind(&said["rows"], "reaction")[0]["emoji"], "👍");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_end_where_they_end() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    for n in 0..12 {
        let text = if n % 2 == 0 { format!("tea {n}") } else { format!("teapot {n}") };
        ada.says(room, &text).await;
    }
    for (sort, first) in [("time", "teapot 11"), ("rank", "a new tea")] {
        let (mut next, mut seqs) = (String::new(), Vec::new());
        loop {
            let page = ada.get(&format!("/search?q=tea&limit=4&sort={sort}{next}")).await.ok(200);
            if next.is_empty() {
                assert_eq!(page["items"][0]["message"]["text"], first);
            }
            seqs.extend(list(&page["items"]).iter().map(|hit| int(&hit["message"]["seq"])));
            ada.says(room, "a new tea").await;
            let Some(on) = page["next"].as_str() else { break };
            next = format!("&next={on}");
        }
        seqs.sort_unstable();
        seqs.dedup();
        let texts = found(&ada, "q=te* -new&limit=100").await;
        assert_eq!(texts.len(), 12);
        assert_eq!(seqs.len(), if sort == "time" { 12 } else { 15 }, "{seqs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_they_may_not_see() {
    let house = House::with(|config| {
        config.guests = Guests::Code;
        config.registration = Registration::Open;
    });
    let house = house.await;
    let ada = house.ada().await;
    let (lin, bob) = (house.register("lin", None).await, house.register("bob", None).await);
    let (_, eve) = house.founds("other", json!({})).await;
    let room = ada.group("committee", &[&lin]).await;
    let public = json!({"kind": "channel", "name": "hall", "history": "joined"});
    let hall = int(&ada.post("/rooms", public).await.ok(201)["room"]);
    ada.says(room, "secret tea").await;
    ada.says(hall, "early tea").await;
    assert_eq!(found(&lin, "q=tea").await, ["secret tea"]);
    for who in [&bob, &eve] {
        assert_eq!(found(who, "q=tea").await, Vec::<String>::new());
        assert_eq!(found(who, "q=in:committee").await, Vec::<String>::new());
        let there = who.get(&format!("/search?q=tea&room={room}")).await;
        let nowhere = who.get("/search?q=tea&room=4711").await;
        assert_eq!(there.refused(), (404, "not_found"));
        assert_eq!(there.body["message"], nowhere.body["message"]);
    }
    bob.post(&format!("/rooms/{hall}/join"), Value::Null).await.ok(200);
    ada.says(hall, "late tea").await;
    assert_eq!(found(&bob, "q=tea").await, ["late tea"]);
    assert_eq!(found(&ada, "q=tea").await, ["late tea", "early tea", "secret tea"]);
    // A guest finds what is said in their room, and nothing beside it.
    let code = ada.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    let come = json!({"code": code["code"], "display_name": "Guest"});
    let guest = Person::of(house.address, &house.call("POST", "/auth/guest", come).await.fine());
    assert_eq!(found(&guest, "q=tea").await, ["secret tea"]);
    ada.removes(room, &lin).await;
    assert_eq!(found(&lin, "q=tea").await, Vec::<String>::new());
    assert_eq!(lin.get(&format!("/search?q=tea&room={room}")).await.status, 404);
    ada.delete(&format!("/rooms/{room}")).await.ok(204);
    assert_eq!(found(&ada, "q=secret").await, Vec::<String>::new());
    assert_eq!(
        house.call("GET", "/search?q=tea", Value::Null).await.refused(),
        (401, "signed_out")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_or_deleted_is_found_no_more() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let one = format!("/rooms/{room}/messages/{}", ada.says(room, "green tea").await["seq"]);
    let two = format!("/rooms/{room}/messages/{}", ada.says(room, "black tea").await["seq"]);
    assert_eq!(found(&ada, "q=tea").await, ["black tea", "green tea"]);
    ada.patch(&one, json!({"key": key(), "text": "white milk"})).await.ok(200);
    ada.delete(&two).await.ok(204);
    for (q, expected) in [("tea", vec![]), ("green", vec![]), ("milk", vec!["white milk"])] {
        assert_eq!(found(&ada, &format!("q={q}")).await, expected, "{q}");
    }
    assert_eq!(found(&ada, &format!("room={room}")).await, ["white milk"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_is_told_what_is_wrong() {
    let house = House::open().await;
    let ada = house.ada().await;
    ada.group("kitchen", &[]).await;
    let long = format!("q={}", "x".repeat(501));
    let many: Vec<String> = (0..30).map(|n| format!("w{n}")).collect();
    let many = format!("q={}", many.join(" "));
    for (query, field) in [
        ("", "q"),
        ("q=", "q"),
        ("q= !?", "q"),
        ("q=tea%00", "q"),
        ("q=-tea", "q"),
        ("q=-from:ada", "q"),
        ("q=from:", "q"),
        ("q=tea has:teeth", "q"),
        ("q=on:2026-02-30", "q"),
        (&long, "q"),
        (&many, "q"),
        ("q=tea&room=kitchen", "room"),
        ("q=tea&from=ada", "from"),
        ("q=tea&has=teeth", "has"),
        ("q=tea&before=soon", "before"),
        ("q=tea&after=-1", "after"),
        ("q=tea&sort=size", "sort"),
        ("q=tea&limit=x", "limit"),
        ("q=tea&next=x", "next"),
        ("q=tea&next=t5", "next"),
        ("q=tea&sort=time&next=t99999999999999999999", "next"),
    ] {
        let said = ada.get(&format!("/search?{query}")).await;
        assert_eq!(said.refused(), (422, "invalid"), "{query}");
        assert!(said.blames(field), "{query}: {said:?}");
    }
    // Whatever characters it is made of, a question is no program.
    for q in [
        "\"",
        "'",
        "\\",
        "a' OR 1",
        "a\" OR \"b",
        "* -",
        "(a)",
        "NEAR(a b)",
        "a:b",
        "%00",
        "tea%00",
    ] {
        let said = Call::new("GET", &format!("/search?q={}", q.replace('"', "%22")));
        let said = said.token(&ada.token).to(house.address).await;
        assert!(matches!(said.status, 200 | 422), "{q}: {said:?}");
    }
}
