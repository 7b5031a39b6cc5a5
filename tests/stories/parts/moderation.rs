//! Somebody disturbs the others. It is reported, they are muted, removed, kept out; what they said is
//! deleted for all and says why; and every act of it stands in the record.

use hallway_tests::wire::{PASSWORD, Socket, key};
use hallway_tests::{Engine, Hand, House, Rest, Setup};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(from_a_report_to_a_ban_and_back, an_address_is_kept_out);

async fn from_a_report_to_a_ban_and_back(engine: Engine) {
    let hand = Hand::of_dates();
    let house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let (mut ada, mut lin, mut eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let room = ada.creates("kitchen").await;
    lin.joins(room).await;
    eve.joins(room).await;
    let spam = eve.says(room, "buy my kettle now").await;
    let path = format!("/rooms/{room}/messages/{}", spam.seq);

    // Lin tells, Ada hears of it; Eve learns nothing.
    let report = json!({"room": room, "seq": spam.seq, "reason": "advertising"});
    let report = lin.post("/reports", report).await.good();
    let open = ada.get("/reports?resolved=false").await.good();
    assert_eq!(open["items"], json!([report]));
    assert_eq!(eve.get("/reports").await.good()["items"], json!([]));

    // For all it is deleted, and its author alone is told why.
    let reason = json!({"reason": "no advertising here"});
    assert_eq!(lin.call("DELETE", &path, Some(reason.clone())).await.refused(), (403, "forbidden"));
    ada.call("DELETE", &path, Some(reason)).await.good();
    assert_eq!(lin.get(&path).await.good()["deleted"], true);
    let told = eve.get(&format!("{path}/deletion")).await.good();
    assert_eq!((&told["by"], &told["reason"]), (&json!(ada.user), &json!("no advertising here")));
    assert_eq!(lin.get(&format!("{path}/deletion")).await.refused(), (403, "forbidden"));
    let id = report["id"].as_str().expect("an id");
    ada.patch(&format!("/reports/{id}"), json!({"resolved": true})).await.good();
    assert_eq!(ada.get("/reports?resolved=false").await.good()["items"], json!([]));

    // She is muted for five minutes: in this room, by both doors, and it ends by itself.
    let member = format!("/rooms/{room}/members/{}", eve.user);
    let until = json!({"muted_until": hand.now() + 300_000});
    assert_eq!(lin.put(&member, until.clone()).await.refused(), (403, "forbidden"));
    ada.put(&member, until).await.good();
    let says = json!({"key": key(), "text": "but"});
    let posts = format!("/rooms/{room}/messages");
    assert_eq!(eve.post(&posts, says.clone()).await.refused(), (403, "forbidden"));
    let mut hers = Socket::open(&eve).await;
    let id = hers.says(room, key(), "but").await.expect("open");
    hers.answer(id).await.expect_err("she is muted");
    eve.says(eve.creates("my own").await, "I may speak here").await;
    hand.turn(Duration::from_secs(301));
    assert_eq!(eve.post(&posts, says).await.status, 201);

    // Removed from the room she hears nothing of it any more, and may come back: it is public.
    ada.delete(&member).await.good();
    assert_eq!(eve.post(&posts, json!({"key": key(), "text": "hm"})).await.status, 403);
    eve.joins(room).await;

    // Kept out for an hour she is gone at once, wherever she is, and cannot come in.
    let ban =
        json!({"user": eve.user, "until": hand.now() + 3_600_000, "reason": "again and again"});
    assert_eq!(lin.post("/bans", ban.clone()).await.refused(), (403, "forbidden"));
    let ban = ada.post("/bans", ban).await.good();
    assert_eq!(hers.ends().await.0, Some(4003));
    assert_eq!(eve.get("/users/me").await.refused(), (401, "signed_out"));
    let login = json!({"login": "eve", "password": PASSWORD});
    let comes = async || Rest::at(&house.url()).post("/auth/login", login.clone()).await;
    assert_eq!(comes().await.refused(), (403, "forbidden"));
    assert_eq!(ada.get("/bans").await.good()["items"][0]["id"], ban["id"]);
    hand.turn(Duration::from_secs(3_601));
    eve.takes(&comes().await.good()["session"]);
    eve.says(room, "sorry").await;
    // For good, and let in again by a word.
    ada.renew().await;
    let ban = ada.post("/bans", json!({"user": eve.user, "reason": "enough"})).await.good();
    assert_eq!(comes().await.refused(), (403, "forbidden"));
    ada.delete(&format!("/bans/{}", ban["id"].as_str().expect("an id"))).await.good();
    comes().await.good();

    // All of it is in the record: who, what, whom, from where; newest first, by pages, as lines.
    let mut acts = Vec::new();
    let mut next = String::new();
    loop {
        let page = ada.get(&format!("/admin/audit?limit=5{next}")).await.good();
        acts.extend(page["items"].as_array().expect("items").clone());
        let Some(more) = page["next"].as_str() else { break };
        next = format!("&next={more}");
    }
    let names: Vec<_> = acts.iter().map(|act| act["act"].as_str().expect("a word")).collect();
    let of = |act: &str| acts.iter().filter(|one| one["act"] == act).count();
    for (act, times) in [
        ("person_banned", 2),
        ("ban_lifted", 1),
        ("message_reported", 1),
        ("report_resolved", 1),
        ("message_deleted", 1),
        ("member_muted", 1),
        ("member_removed", 1),
    ] {
        assert_eq!(of(act), times, "{act}: {names:?}");
    }
    assert!(of("sign_in") >= 1, "{names:?}");
    let ban = acts.iter().find(|one| one["act"] == "person_banned").expect("it is there");
    assert_eq!(ban["target"], format!("user:{}", eve.user), "{ban}");
    assert!(ban["actor"].to_string().contains(&ada.user.to_string()), "{ban}");
    assert!(ban["address"].as_str().expect("somewhere").starts_with("127."), "{ban}");
    assert!(!Value::from(acts.clone()).to_string().contains("kettle"), "no word of what was said");
    let lines = ada.clone().header("accept", "application/x-ndjson").text("/admin/audit").await;
    assert_eq!(lines.lines().count(), acts.len(), "{lines}");
    for (line, act) in lines.lines().zip(&acts) {
        assert_eq!(&serde_json::from_str::<Value>(line).expect("JSON"), act);
    }
    lin.renew().await;
    assert_eq!(lin.get("/admin/audit").await.refused(), (403, "forbidden"));
}

async fn an_address_is_kept_out(engine: Engine) {
    let setup = Setup::new(engine).unlimited().env("HALLWAY_TRUSTED_PROXIES", "127.0.0.0/8");
    let house = House::with(setup).await;
    let ada = house.owner.clone();
    let lin = house.person("lin").await;
    let from = |who: &Rest, address: &'static str| who.clone().header("X-Forwarded-For", address);
    let (here, there) = (from(&lin, "203.0.113.7"), from(&lin, "203.0.113.8"));
    here.get("/users/me").await.good();
    let ban = ada.post("/bans", json!({"address": "203.0.113.7", "reason": "noise"})).await.good();
    assert_eq!(here.get("/users/me").await.refused(), (403, "forbidden"));
    there.get("/users/me").await.good();
    let login = json!({"login": "lin", "password": PASSWORD});
    let nobody = Rest::at(&house.url());
    let at = |address| from(&nobody, address);
    assert_eq!(at("203.0.113.7").post("/auth/login", login.clone()).await.status, 403);
    at("203.0.113.8").post("/auth/login", login.clone()).await.good();
    // Whoever owns the place gets in from anywhere.
    from(&ada, "203.0.113.7").get("/users/me").await.good();
    ada.delete(&format!("/bans/{}", ban["id"].as_str().expect("an id"))).await.good();
    at("203.0.113.7").post("/auth/login", login).await.good();
}
