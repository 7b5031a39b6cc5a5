//! Web Push against a real push service: what a browser that is not open hears, and when.

use crate::house::{House, Person, int, key, list};
use hallway_outside::push::{Browser, POINT, Pushed, SECRET, Service};
use hallway_server::params;
use serde_json::{Value, json};
use std::time::Duration;

struct Scene {
    service: Service,
    house: House,
    ada: Person,
    lin: Person,
    room: i64,
    browser: Browser,
    /// Of the browser's endpoint.
    id: String,
}

/// Registers a browser as somebody's; the endpoint's id.
async fn registers(browser: &Browser, person: &Person) -> String {
    let made = person.post("/push/endpoints", browser.body()).await.ok(201);
    made["id"].as_str().expect("an id").to_owned()
}

impl Scene {
    async fn set() -> Scene {
        let service = Service::open().await;
        let house = House::with(|config| {
            config.outbound_allow = vec!["127.0.0.0/8".parse().expect("a network")];
            config.outbound_ca = Some(service.ca());
        })
        .await;
        let ada = house.ada().await;
        let lin = house.newcomer(&ada, "lin").await;
        let room = ada.group("kitchen", &[&lin]).await;
        let browser = Browser::of(&service, "lin");
        let id = registers(&browser, &lin).await;
        Scene { service, house, ada, lin, room, browser, id }
    }

    /// Whoever is there has had the time to say so.
    fn waits(&self) {
        self.house.clock.turn(Duration::from_secs(11));
        self.house.app.jobs.ring();
    }

    /// What the browser gets next.
    async fn told(&self) -> Value {
        self.browser.opens(&self.service.next().await)
    }

    /// Until the jobs that wait for a push are these: attempts of each.
    async fn pushes(&self, expected: &[i64]) {
        let waiting = async {
            loop {
                let found = self.house.app.store.read(|read| {
                    let sql = "select attempts from jobs where kind = 'push' and state = 'pending'
                        order by attempts";
                    read.all(sql, params![], |row| row.get::<i64>(0))
                });
                let leased = self.house.app.store.read(|read| {
                    let sql = "select count(*) from jobs where kind = 'push' and state = 'leased'";
                    read.number(sql, params![])
                });
                let done = leased.await.expect("a count") == 0;
                if done && found.await.expect("jobs") == expected {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(crate::house::PATIENCE, waiting).await;
        done.unwrap_or_else(|_| panic!("the pushes that wait are never {expected:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_hears_once_for_each_time_away_and_takes_back_what_was_read() {
    let scene = Scene::set().await;
    let (ada, lin, room) = (&scene.ada, &scene.lin, scene.room);
    let seq = int(&ada.says(room, "@lin secret tea?").await["seq"]);
    assert!(scene.service.is_empty().await, "whoever is there has a moment");
    scene.waits();
    let pushed = scene.service.next().await;
    let told = scene.browser.opens(&pushed);
    let notice = lin.get("/notifications").await.ok(200)["items"][0].clone();
    let expected = json!({"type": "notice", "id": notice["id"], "topic": "mention", "room": room,
        "seq": seq, "unread": 1, "mentions": 1});
    assert_eq!(told, expected, "ids and counts, and not a word of what was said");
    let header = |name: &str| pushed.headers[name].as_str();
    assert_eq!((pushed.path.as_str(), header("content-encoding")), ("/lin", "aes128gcm"));
    assert_eq!((header("ttl"), header("urgency")), ("259200", "high"));
    let topic = header("topic").to_owned();
    assert!(topic.len() == 32 && topic.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let (claims, key) = pushed.sender();
    assert_eq!(claims["aud"], scene.service.origin());
    let (now, exp) = (scene.house.clock.now() / 1_000, int(&claims["exp"]));
    assert!(exp > now && exp <= now + 24 * 3_600, "{claims}");
    assert_eq!(lin.get("/push/key").await.ok(200), json!({"key": key}));
    scene.pushes(&[]).await;
    // More of the same room is no more news.
    let last = int(&ada.says(room, "@lin hello?").await["seq"]);
    scene.pushes(&[]).await;
    // Read on another device it is taken back, in the place of what was shown.
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": last})).await.ok(204);
    let pushed = scene.service.next().await;
    assert_eq!(scene.browser.opens(&pushed), json!({"type": "read", "room": room, "read": last}));
    assert_eq!((&pushed.headers["topic"], &pushed.headers["urgency"]), (&topic, &"low".into()));
    scene.pushes(&[]).await;
    // And then she is away again.
    let seq = int(&ada.says(room, "@lin?").await["seq"]);
    scene.waits();
    assert_eq!(scene.told().await["seq"], seq);
    assert!(scene.service.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_has_stored_is_not_pushed() {
    let scene = Scene::set().await;
    let (ada, lin, room) = (&scene.ada, &scene.lin, scene.room);
    let (mut socket, _) = lin.socket().await;
    let seq = int(&ada.says(room, "@lin tea?").await["seq"]);
    scene.pushes(&[0]).await;
    socket.say(json!({"type": "ack", "rooms": [[room, seq]], "own": 0})).await;
    scene.pushes(&[]).await;
    // What is read, muted or deleted while it waits is not pushed either.
    let seq = int(&ada.says(room, "@lin milk?").await["seq"]);
    ada.delete(&format!("/rooms/{room}/messages/{seq}")).await.ok(204);
    scene.waits();
    scene.pushes(&[]).await;
    ada.says(room, "@lin sugar?").await;
    lin.patch(&format!("/rooms/{room}/mine"), json!({"notify": "none"})).await.ok(200);
    scene.waits();
    scene.pushes(&[]).await;
    lin.patch(&format!("/rooms/{room}/mine"), json!({"notify": "all"})).await.ok(200);
    let seq = int(&ada.says(room, "@lin biscuits?").await["seq"]);
    scene.waits();
    assert_eq!(scene.told().await["seq"], seq, "and nothing came before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_hours_it_waits_for_their_end() {
    let scene = Scene::set().await;
    let hour = |later: i64| {
        let minutes = scene.house.clock.now() / 60_000 + later * 60;
        format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
    };
    let quiet = json!({"from": hour(-1), "to": hour(2), "days": []});
    scene.lin.put("/users/me/notifications", json!({"quiet": quiet})).await.ok(204);
    scene.ada.says(scene.room, "@lin tea?").await;
    scene.waits();
    // It was looked at, and waits anew.
    let waits = async {
        loop {
            let due = scene.house.app.store.read(|read| {
                read.number("select next_at from jobs where kind = 'push'", params![])
            });
            let wait = due.await.expect("a time") - scene.house.clock.now();
            if wait > 0 {
                return wait;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let wait = tokio::time::timeout(crate::house::PATIENCE, waits).await.expect("it was looked at");
    assert!((3_600_000..=7_200_000).contains(&wait), "{wait}");
    assert!(scene.service.is_empty().await);
    assert_eq!(list(&scene.lin.get("/notifications").await.ok(200)["items"]).len(), 1);
    scene.house.clock.turn(Duration::from_secs(2 * 3_600));
    scene.house.app.jobs.ring();
    assert_eq!(scene.told().await["topic"], "mention");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_is_asked_again_and_one_that_knows_nobody_is_believed() {
    let scene = Scene::set().await;
    let (ada, lin, room) = (&scene.ada, &scene.lin, scene.room);
    scene.service.answers(503);
    let seq = int(&ada.says(room, "@lin tea?").await["seq"]);
    scene.waits();
    scene.pushes(&[1]).await;
    scene.service.answers(201);
    scene.house.clock.turn(Duration::from_secs(120));
    scene.house.app.jobs.ring();
    assert_eq!(scene.told().await["seq"], seq);
    scene.pushes(&[]).await;
    for gone in [404, 410] {
        lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": 999})).await.ok(204);
        scene.told().await;
        scene.pushes(&[]).await;
        scene.service.answers(gone);
        ada.says(room, "@lin milk?").await;
        scene.waits();
        scene.pushes(&[]).await;
        let lin = scene.house.login("lin").await;
        assert_eq!(lin.get("/push/endpoints").await.ok(200)["items"], json!([]), "{gone}");
        scene.service.answers(201);
        if gone == 404 {
            let body = scene.browser.body();
            lin.post("/push/endpoints", body).await.ok(201);
            // What was told to nobody was told.
            lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": 999})).await.ok(204);
            scene.told().await;
            scene.pushes(&[]).await;
            ada.says(room, "@lin sugar?").await;
            scene.waits();
            scene.told().await;
            scene.pushes(&[]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_ends_with_its_session() {
    let scene = Scene::set().await;
    let laptop = scene.house.login("lin").await;
    let browser = Browser::of(&scene.service, "laptop");
    let other = registers(&browser, &laptop).await;
    let items = laptop.get("/push/endpoints").await.ok(200)["items"].clone();
    let current = |id: &str| {
        let item = list(&items).iter().find(|item| item["id"] == id).expect("it is listed");
        (item["current"].clone(), item["host"].clone())
    };
    assert_eq!(current(&other), (json!(true), json!("127.0.0.1")));
    assert_eq!(current(&scene.id).0, json!(false));
    // Registered anew it is the same one.
    let again = laptop.post("/push/endpoints", browser.body()).await.ok(200);
    assert_eq!(again["id"], json!(other));
    let theirs = scene.ada.delete(&format!("/push/endpoints/{}", other)).await;
    assert_eq!(theirs.refused(), (404, "not_found"));
    laptop.post("/auth/logout", Value::Null).await.ok(204);
    let items = scene.lin.get("/push/endpoints").await.ok(200)["items"].clone();
    assert_eq!(list(&items).len(), 1);
    scene.lin.delete(&format!("/push/endpoints/{}", scene.id)).await.ok(204);
    scene.ada.says(scene.room, "@lin tea?").await;
    scene.pushes(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_and_what_a_backend_tells_are_heard_too() {
    let scene = Scene::set().await;
    let direct = json!({"users": [scene.lin.user]});
    let direct = int(&scene.ada.post("/rooms/direct", direct).await.ok(201)["room"]);
    scene.ada.says(direct, "psst").await;
    scene.waits();
    let told = scene.told().await;
    assert_eq!((&told["topic"], &told["room"]), (&json!("direct"), &json!(direct)));
    let operator = scene.house.operator();
    let own = operator.get("/admin/tenants").await.ok(200);
    let keys = format!("/admin/tenants/{}/keys", own["items"][0]["tenant"]);
    let made = operator.post(&keys, json!({"name": "shop", "scopes": ["write"]})).await.ok(201);
    let body = json!({"topic": "order", "payload": {"number": 7}, "users": [scene.lin.user]});
    let call = crate::house::Call::new("POST", "/notifications")
        .header("x-api-key", made["key"].as_str().expect("a key"))
        .header("idempotency-key", &key())
        .body(body);
    call.to(scene.house.address).await.ok(204);
    let told = scene.told().await;
    assert_eq!((&told["topic"], &told["room"]), (&json!("order"), &Value::Null));
    let notice = scene.lin.get("/notifications").await.ok(200)["items"][0].clone();
    assert_eq!(told["id"], notice["id"], "what it says stands in the list");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_endpoints_name_their_field_and_secrets_lie_sealed() {
    let scene = Scene::set().await;
    let ada = &scene.ada;
    let one =
        |url: &str, p256dh: &str, auth: &str| json!({"url": url, "p256dh": p256dh, "auth": auth});
    let url = "https://push.example/1";
    for (field, body) in [
        ("url", one("http://push.example/1", POINT, SECRET)),
        ("url", one("ftp://push.example/1", POINT, SECRET)),
        ("url", one("tea", POINT, SECRET)),
        ("url", one(&format!("{url}{}", "x".repeat(2_100)), POINT, SECRET)),
        ("url", json!({"p256dh": POINT, "auth": SECRET})),
        ("p256dh", one(url, SECRET, SECRET)),
        ("p256dh", one(url, &POINT.replace('x', "y"), SECRET)),
        ("auth", one(url, POINT, "AAAA")),
        ("auth", one(url, POINT, "!")),
    ] {
        let refused = ada.post("/push/endpoints", body.clone()).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{body}");
        assert!(refused.blames(field), "{field}: {refused:?}");
    }
    assert_eq!(ada.get("/push/endpoints").await.ok(200), json!({"items": []}));
    let fixed = format!("{POINT}=");
    ada.post("/push/endpoints", one(url, &fixed, &format!("{SECRET}=="))).await.ok(201);
    // An address inside is none of the world's: nobody calls there, and it goes.
    let scene_house = House::open().await;
    let eve = scene_house.ada().await;
    let lin = scene_house.newcomer(&eve, "lin").await;
    let room = eve.group("kitchen", &[&lin]).await;
    lin.post("/push/endpoints", one("https://127.0.0.1:9/x", POINT, SECRET)).await.ok(201);
    eve.says(room, "@lin").await;
    scene_house.clock.turn(Duration::from_secs(11));
    scene_house.app.jobs.ring();
    let gone = async {
        while lin.get("/push/endpoints").await.ok(200)["items"] != json!([]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, gone).await.expect("it goes");
    // Neither an address nor a key is read in the store's own files.
    lin.get("/push/key").await.ok(200);
    let kept = scene.house.app.store.read(|read| {
        read.all("select sealed from endpoints", params![], |row| row.get::<String>(0))
    });
    for sealed in kept.await.expect("a list") {
        assert!(!sealed.contains("push") && !sealed.contains(POINT), "{sealed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_in_the_list_of_notices_is_taken_back_too() {
    let scene = Scene::set().await;
    let (ada, lin, room) = (&scene.ada, &scene.lin, scene.room);
    let seq = int(&ada.says(room, "@lin tea?").await["seq"]);
    let at = scene.house.clock.now() + 5_000;
    lin.post("/reminders", json!({"room": room, "seq": seq, "at": at})).await.ok(201);
    scene.waits();
    let (one, other) = (scene.service.next().await, scene.service.next().await);
    let is_reminder = scene.browser.opens(&one)["topic"] == "reminder";
    let (reminder, mention) = if is_reminder { (one, other) } else { (other, one) };
    assert_eq!(scene.browser.opens(&mention)["seq"], seq);
    scene.pushes(&[]).await;
    let items = lin.get("/notifications").await.ok(200)["items"].clone();
    assert_eq!(list(&items).len(), 2);
    // The first of them alone, then the other: each takes the place of what was shown.
    let reads =
        async |id: &Value| lin.put("/notifications/read", json!({"up_to": id})).await.ok(204);
    reads(&items[1]["id"]).await;
    let first = scene.service.next().await;
    let topic = |pushed: &Pushed| pushed.headers["topic"].clone();
    let gone = |item: &Value| match item["topic"].as_str() {
        Some("reminder") => (topic(&reminder), json!({"type": "read", "id": item["id"]})),
        _ => (topic(&mention), json!({"type": "read", "room": room, "read": seq})),
    };
    assert_eq!((topic(&first), scene.browser.opens(&first)), gone(&items[1]));
    scene.pushes(&[]).await;
    reads(&items[0]["id"]).await;
    let second = scene.service.next().await;
    assert_eq!((topic(&second), scene.browser.opens(&second)), gone(&items[0]));
    scene.pushes(&[]).await;
    reads(&items[0]["id"]).await;
    assert!(scene.service.is_empty().await, "once");
    // The room is as unread as before, and what is said next is news.
    assert_eq!(int(&lin.get(&format!("/rooms/{room}/why")).await.ok(200)["mentions"][0]), seq);
    let seq = int(&ada.says(room, "@lin milk?").await["seq"]);
    scene.waits();
    assert_eq!(scene.told().await["seq"], seq);
}
