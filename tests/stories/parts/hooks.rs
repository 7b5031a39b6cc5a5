//! Programs among people: tools that speak into a room by an address, bots with a key, commands that
//! somebody answers, pages that are looked at before they are shown.

use hallway_protocol::frames::ServerFrame;
use hallway_tests::wire::{Socket, key, messages, plain};
use hallway_tests::{Engine, House, Link, Listener, Person, Reply, Rest, Setup};
use serde_json::{Value, json};

on_both!(
    a_tool_speaks_by_its_address,
    a_bot_is_a_member_by_its_key,
    a_command_is_answered_by_whom_it_is_sent_to,
    a_command_leaves_nothing_behind,
    a_link_is_looked_at_once_and_shown,
);

fn setup(engine: Engine) -> Setup {
    Setup::new(engine).env("HALLWAY_OUTBOUND_ALLOW", "127.0.0.1/32")
}

/// A call as a program for Slack makes it: to an address, without any sign-in.
async fn speaks(url: &str, body: &Value) -> (u16, String) {
    let answer = plain().post(url).json(body).send().await.expect("answered");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn a_tool_speaks_by_its_address(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    let hooks = format!("/rooms/{room}/hooks");
    let refused = lin.post(&hooks, json!({"name": "Builds"})).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    let made = ada.post(&hooks, json!({"name": "Builds"})).await.good();
    let url = made["url"].as_str().expect("an address").to_owned();
    let mut hers = Socket::open(&lin).await;
    let said = speaks(&url, &json!({"text": "it is <https://a.example|green>"})).await;
    assert_eq!(said, (200, "ok".into()));
    let history = lin.history(room).await;
    let last = history.last().expect("what it said");
    assert_eq!(last.text, "it is [green](https://a.example)");
    assert_eq!(json!(last.sender), made["user"]);
    hers.event(room, last.seq).await;
    let bot = lin.get(&format!("/users/{}", last.sender)).await.good();
    assert_eq!((&bot["display_name"], &bot["bot"]), (&json!("Builds"), &json!(true)));
    assert_eq!(speaks(&url, &json!({"text": " "})).await.0, 422);
    assert_eq!(speaks(&format!("{url}x"), &json!({"text": "x"})).await.0, 404);
    ada.delete(&format!("{hooks}/{}", made["id"].as_str().expect("an id"))).await.good();
    assert_eq!(speaks(&url, &json!({"text": "x"})).await.0, 404);
}

async fn a_bot_is_a_member_by_its_key(engine: Engine) {
    let house = House::on(engine).await;
    let ada = house.owner.clone();
    let made = ada.post("/bots", json!({"name": "kettle", "display_name": "Kettle"})).await.good();
    let mut bot = Rest::at(&house.url());
    bot.token = made["key"].as_str().map(str::to_owned);
    bot.user = hallway_protocol::ids::UserId(made["user"]["user"].as_i64().expect("a user row"));
    let room = ada.groups("kitchen", &[&bot]).await;
    let mut ears = Socket::open(&bot).await;
    let asked = ada.says(room, "does it boil?").await;
    assert_eq!(messages(&ears.event(room, asked.seq).await)[0].text, "does it boil?");
    let id = ears.says(room, key(), "it does").await.expect("open");
    ears.answer(id).await.expect("taken");
    assert_eq!(ada.history(room).await.last().expect("it").sender, bot.user);
    assert_eq!(bot.get("/invites").await.refused(), (403, "forbidden"), "it runs nothing");
    // A new key ends the old one, wherever it is used.
    let path = format!("/bots/{}", bot.user);
    let again = ada.post(&format!("{path}/key"), json!({})).await.good();
    assert_eq!(ears.ends().await.0, Some(4001));
    assert_eq!(bot.get("/users/me").await.refused(), (401, "signed_out"));
    bot.token = again["key"].as_str().map(str::to_owned);
    bot.says(room, "back").await;
    ada.delete(&path).await.good();
    assert_eq!(bot.get("/users/me").await.refused(), (401, "signed_out"));
}

async fn a_command_is_answered_by_whom_it_is_sent_to(engine: Engine) {
    let house = House::with(setup(engine)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    let listener = Listener::open().await;
    listener.answers(|heard| {
        let asked = heard.json();
        let to = if asked["text"] == "quietly" { "me" } else { "room" };
        let answer = json!({"text": format!("tea, {}", asked["text"].as_str().unwrap_or_default()), "to": to});
        Reply::Say(200, "application/json", answer.to_string())
    });
    let new = json!({"name": "tea", "url": listener.url("/in"), "description": "Makes tea."});
    ada.post("/commands", new).await.good();
    assert_eq!(lin.get("/commands").await.good()["items"][0]["name"], "tea");
    let (mut hers, mut adas) = (Socket::open(&lin).await, Socket::open(&ada).await);
    let id = hers.says(room, key(), "/tea green, hot").await.expect("open");
    hers.answer(id).await.expect("taken");
    let call = listener.next().await;
    assert!(call.headers["hallway-signature"].starts_with("t="));
    let call = call.json();
    assert_eq!((&call["command"], &call["text"]), (&json!("tea"), &json!("green, hot")));
    assert_eq!((&call["room"], &call["user"]), (&json!(room), &json!(lin.user)));
    let heard = |frame: &ServerFrame| match frame {
        ServerFrame::Event { rows, .. } => {
            messages(rows).into_iter().find(|row| row.text == "tea, green, hot").map(|_| ())
        }
        _ => None,
    };
    adas.until("its answer to all", heard).await;
    hallway_tests::soon("its answer to her alone", async {
        hers.says(room, key(), "/tea quietly").await.expect("open");
        hers.until("a whisper", |frame| match frame {
            ServerFrame::Whisper { text, .. } => (text == "tea, quietly").then_some(()),
            _ => None,
        })
        .await;
    })
    .await;
    let history = ada.history(room).await;
    let texts: Vec<_> = history.iter().filter(|row| !row.text.is_empty()).collect();
    assert_eq!(texts.len(), 1, "neither what was asked nor what was whispered is kept: {texts:?}");
    // Later answers come by the address of the call.
    let url = call["reply_url"].as_str().expect("an address");
    let later = plain().post(url).json(&json!({"text": "it boils", "to": "room"}));
    assert_eq!(later.send().await.expect("answered").status().as_u16(), 204);
    assert_eq!(ada.history(room).await.last().expect("it").text, "it boils");
}

/// By the socket its `ok` names no message, by REST the answer is no row: the app takes both as done.
async fn a_command_leaves_nothing_behind(engine: Engine) {
    let house = House::with(setup(engine)).await;
    let (ada, eves) = (house.owner.clone(), house.person("eve").await);
    let room = ada.groups("kitchen", &[&eves]).await;
    let listener = Listener::open().await;
    listener.answers(|_| {
        Reply::Say(200, "application/json", "{\"text\": \"tea\", \"to\": \"me\"}".into())
    });
    let new = json!({"name": "tea", "url": listener.url("/in"), "description": "Makes tea."});
    ada.post("/commands", new).await.good();
    let link = Link::to(house.address()).await;
    let eve = Person::sign_in("eve", &link.url(), Default::default()).await;
    eve.opens(room).await;
    for (n, blocked) in [(1, false), (2, true)] {
        if blocked {
            link.block_sockets();
        }
        let draft = json!({"draft": "/tea green"});
        eves.patch(&format!("/rooms/{room}/mine"), draft.clone()).await.good();
        eve.screen.shows("the draft", |at| at.room(room)["draft"] == draft["draft"]).await;
        eve.settles().await;
        // Said without the net, and answered with a sign before it was sent: that is moot.
        eve.online(false).await;
        eve.says("/tea green").await;
        eve.reacts(room, "/tea green", "👍").await;
        eve.says(&format!("thanks {n}")).await;
        eve.online(true).await;
        eve.hears(&format!("thanks {n}")).await;
        eve.settles().await;
        assert_eq!(listener.next().await.json()["text"], "green");
        let own = eves.post("/sync", json!({"own": 0, "rooms": []})).await.good()["own"].clone();
        let rows = own["rows"].as_array().expect("rows").iter();
        let mut mine = rows.filter(|row| row["t"] == "mine" && row["room"] == json!(room));
        assert!(mine.all(|row| row["draft"].is_null()), "{n}: {own}");
        eve.screen.shows("no draft", |screen| screen.room(room)["draft"].is_null()).await;
        let outbox = eve.screen.now().outbox;
        assert_eq!(outbox["failed"].as_u64().unwrap_or(0), 0, "{outbox}");
        let texts = eve.texts(room);
        assert!(!texts.iter().any(|text| text.starts_with("/tea")), "{texts:?}");
        assert_eq!(texts.iter().filter(|text| **text == format!("thanks {n}")).count(), 1);
    }
    assert!(listener.rest().is_empty(), "each was asked once");
    eve.closes().await;
}

async fn a_link_is_looked_at_once_and_shown(engine: Engine) {
    let house = House::with(setup(engine)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let listener = Listener::open().await;
    let page = "<title>Tea</title><meta name=description content='All about it.'>";
    listener.answers(move |_| Reply::Say(200, "text/html", page.into()));
    let path = format!("/previews?url={}", listener.url("/tea"));
    for who in [&ada, &lin, &ada] {
        let shown = who.get(&path).await.good();
        assert_eq!(
            (&shown["title"], &shown["description"]),
            (&json!("Tea"), &json!("All about it."))
        );
    }
    let calls = listener.rest();
    assert_eq!(calls.len(), 1, "once for all");
    assert!(!calls[0].headers.contains_key("authorization"), "nobody's token goes along");
    // What is not the world's is not looked at.
    for url in ["http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest"] {
        let shown = ada.get(&format!("/previews?url={url}")).await.good();
        assert_eq!(shown["title"], Value::Null, "{url}");
    }
    lin.put("/users/me/storage/previews", json!(false)).await.good();
    assert_eq!(lin.get(&path).await.refused(), (403, "forbidden"), "who wants none gets none");
}
