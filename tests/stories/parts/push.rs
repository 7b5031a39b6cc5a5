//! Web Push: a browser that is closed hears that there is something for its person, over TLS, sealed
//! for it alone, and takes back what was read elsewhere. What is opened here is opened with the keys
//! of the browser, as RFC 8291 says; nothing of the server's has a part in it.

use hallway_outside::push::{Browser, Service};
use hallway_tests::{Engine, Hand, House, Rest, Setup, until};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    a_closed_browser_hears_of_a_mention_and_takes_back_what_is_read_elsewhere,
    quiet_hours_are_quiet_and_end,
    a_browser_that_is_gone_is_forgotten_and_a_killed_server_tells_once,
);

struct Scene {
    service: Service,
    hand: Hand,
    house: House,
}

impl Scene {
    async fn on(engine: Engine) -> Scene {
        let (service, hand) = (Service::open().await, Hand::new());
        let ca = service.ca().display().to_string();
        let setup = Setup::new(engine).unlimited().clock(&hand);
        let setup = setup.env("HALLWAY_OUTBOUND_ALLOW", "127.0.0.1/32");
        let house = House::with(setup.env("HALLWAY_OUTBOUND_CA", ca)).await;
        Scene { service, hand, house }
    }

    /// A browser of somebody, under their name.
    async fn browser(&self, who: &Rest, name: &str) -> Browser {
        let browser = Browser::of(&self.service, name);
        who.post("/push/endpoints", browser.body()).await.good();
        browser
    }

    /// Time goes by; whoever sleeps in the server notices.
    async fn waits(&self, seconds: u64) {
        self.hand.turn(Duration::from_secs(seconds));
        self.house.rests("push").await;
    }

    async fn nothing_more(&self) {
        self.house.has_done("push").await;
        assert!(self.service.is_empty().await);
    }
}

async fn a_closed_browser_hears_of_a_mention_and_takes_back_what_is_read_elsewhere(engine: Engine) {
    let scene = Scene::on(engine).await;
    let (ada, lin) = (scene.house.owner.clone(), scene.house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    let browser = scene.browser(&lin, "lin").await;
    let said = ada.says(room, "@lin a secret recipe?").await;
    scene.house.rests("push").await;
    assert!(scene.service.is_empty().await, "whoever is there has a moment");
    scene.waits(11).await;
    let pushed = scene.service.next().await;
    let notice = lin.get("/notifications").await.good()["items"][0].clone();
    let told = json!({"type": "notice", "id": notice["id"], "topic": "mention", "room": room,
        "seq": said.seq, "unread": 1, "mentions": 1});
    assert_eq!(browser.opens(&pushed), told, "where and how many, and not a word of it");
    assert_eq!((&*pushed.path, &*pushed.headers["content-encoding"]), ("/lin", "aes128gcm"));
    let (claims, key) = pushed.sender();
    assert_eq!(claims["aud"], scene.service.origin());
    let exp = claims["exp"].as_i64().expect("a time");
    let now = scene.hand.now() / 1_000;
    assert!(exp > now && exp <= now + 24 * 3_600, "{claims}");
    assert_eq!(lin.get("/push/key").await.good()["key"], json!(key), "the one it subscribed with");
    // A second word is no more news; read on another device, it is taken back.
    let last = ada.says(room, "@lin hello?").await;
    scene.waits(11).await;
    scene.nothing_more().await;
    let phone = Rest::sign_in(&scene.house.url(), "lin").await;
    phone.put(&format!("/rooms/{room}/read-mark"), json!({"seq": last.seq})).await.good();
    let back = scene.service.next().await;
    let told = json!({"type": "read", "room": room, "read": last.seq});
    assert_eq!(browser.opens(&back), told);
    assert_eq!(back.headers["topic"], pushed.headers["topic"], "in its place");
    let stranger = Browser::of(&scene.service, "eve");
    assert_eq!(stranger.tries(&back), None, "it is for one browser");
    scene.nothing_more().await;
}

async fn quiet_hours_are_quiet_and_end(engine: Engine) {
    let scene = Scene::on(engine).await;
    let house = &scene.house;
    let (mut ada, mut lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let room = ada.groups("kitchen", &[&lin, &eve]).await;
    let (hers, eves) = (scene.browser(&lin, "lin").await, scene.browser(&eve, "eve").await);
    let hour = |later: i64| {
        let minutes = scene.hand.now() / 60_000 + later * 60;
        format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
    };
    let quiet = json!({"from": hour(-1), "to": hour(2), "days": []});
    lin.put("/users/me/notifications", json!({"quiet": quiet})).await.good();
    let first = ada.says(room, "@lin @eve tea?").await;
    scene.waits(11).await;
    let told = scene.service.next().await;
    assert_eq!((&*told.path, &eves.opens(&told)["seq"]), ("/eve", &json!(first.seq)));
    eve.put(&format!("/rooms/{room}/read-mark"), json!({"seq": first.seq})).await.good();
    assert_eq!(eves.opens(&scene.service.next().await)["type"], "read");
    // New in the moment in which the old is taken back; and when what was due later is here, hers was
    // looked at, and waits.
    let second = ada.says(room, "@eve and cake?").await;
    scene.waits(11).await;
    assert_eq!(eves.opens(&scene.service.next().await)["seq"], json!(second.seq));
    scene.house.rests("push").await;
    assert!(scene.service.is_empty().await, "she sleeps");
    assert_eq!(lin.get("/notifications").await.good()["items"][0]["seq"], json!(first.seq));
    scene.waits(2 * 3_600).await;
    ada.renew().await;
    lin.renew().await;
    let told = scene.service.next().await;
    assert_eq!((&*told.path, &hers.opens(&told)["seq"]), ("/lin", &json!(first.seq)));
    scene.nothing_more().await;
}

async fn a_browser_that_is_gone_is_forgotten_and_a_killed_server_tells_once(engine: Engine) {
    let mut scene = Scene::on(engine).await;
    let (ada, lin) = (scene.house.owner.clone(), scene.house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    let browser = scene.browser(&lin, "lin").await;
    let said = ada.says(room, "@lin tea?").await;
    scene.house.crash().await;
    scene.waits(11).await;
    assert_eq!(browser.opens(&scene.service.next().await)["seq"], json!(said.seq));
    scene.nothing_more().await;
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": said.seq})).await.good();
    assert_eq!(browser.opens(&scene.service.next().await)["type"], "read");
    scene.house.has_done("push").await;
    // The service knows nobody of this name any more: nobody writes there again.
    let listed = async || lin.get("/push/endpoints").await.good()["items"].clone();
    assert_eq!(listed().await.as_array().map(Vec::len), Some(1));
    scene.service.answers(410);
    ada.says(room, "@lin milk?").await;
    scene.waits(11).await;
    until("it is forgotten", async || (listed().await == Value::Array(Vec::new())).then_some(()))
        .await;
    scene.service.answers(201);
    ada.says(room, "@lin sugar?").await;
    scene.waits(11).await;
    scene.nothing_more().await;
}
