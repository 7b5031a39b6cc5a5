//! What is kept: names that are the same everywhere at once, settings, private values, and the place
//! of what was deleted.

use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::RoomId;
use hallway_protocol::rows::Row;
use hallway_tests::wire::{PASSWORD, Socket};
use hallway_tests::{Engine, House, Rest};
use serde_json::{Value, json};

on_both!(
    a_changed_name_reaches_whoever_shares_a_room,
    a_room_has_one_name_for_everybody_at_once,
    private_values_are_private,
    settings_are_kept_with_the_account,
    what_is_deleted_leaves_its_place,
);

async fn a_changed_name_reaches_whoever_shares_a_room(engine: Engine) {
    let house = House::on(engine).await;
    let lin = house.person("lin").await;
    let kitchen = house.owner.creates("kitchen").await;
    lin.joins(kitchen).await;
    let mut hers = Socket::open(&lin).await;
    house.owner.patch("/users/me", json!({"display_name": "Ada L."})).await.good();
    let user = house.owner.user;
    hers.until("the new name", |frame| match frame {
        ServerFrame::Users { rows } => rows.iter().find_map(|row| match row {
            Row::User(row) if row.user == user && row.display_name == "Ada L." => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    let shown = lin.get(&format!("/users/{user}")).await.good();
    assert_eq!(shown["display_name"], "Ada L.");
}

async fn a_room_has_one_name_for_everybody_at_once(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.creates("kitchen").await;
    lin.joins(room).await;
    let mut hers = Socket::open(&lin).await;
    for n in 0..20 {
        let name = format!("kitchen {n}");
        ada.patch(&format!("/rooms/{room}"), json!({"name": name})).await.good();
        // Whoever asks after the answer is told the new name, by every way of asking.
        let shown = lin.get(&format!("/rooms/{room}")).await.good();
        assert_eq!(shown["name"], json!(name), "nothing old is remembered");
        let found = lin.get(&format!("/rooms/directory?query=kitchen {n}")).await.good();
        assert_eq!(found["rows"][0]["name"], json!(name), "{found}");
        hers.until("the new name", |frame| match frame {
            ServerFrame::Event { rows, .. } => rows.iter().find_map(|row| match row {
                Row::Room(row) => (row.name == name).then_some(()),
                _ => None,
            }),
            _ => None,
        })
        .await;
    }
}

async fn private_values_are_private(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    ada.put("/users/me/storage/theme", json!({"dark": true})).await.good();
    lin.put("/users/me/storage/theme", json!("light")).await.good();
    let value = |body: Value| body.get("value").cloned().unwrap_or(body);
    assert_eq!(value(ada.get("/users/me/storage/theme").await.good()), json!({"dark": true}));
    assert_eq!(value(lin.get("/users/me/storage/theme").await.good()), json!("light"));
    let large = json!("x".repeat(65_537));
    assert_eq!(ada.put("/users/me/storage/large", large).await.refused(), (413, "too_large"));
    ada.delete("/users/me/storage/theme").await.good();
    assert_eq!(ada.get("/users/me/storage/theme").await.refused(), (404, "not_found"));
    assert_eq!(value(lin.get("/users/me/storage/theme").await.good()), json!("light"));
}

async fn settings_are_kept_with_the_account(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.creates("kitchen").await;
    lin.joins(room).await;
    // Profile, notifications, appearance, one room's own settings.
    lin.patch("/users/me", json!({"name": "lin2", "status": "tea", "language": "de"})).await.good();
    let quiet = json!({"from": "22:00", "to": "07:00", "days": []});
    let notices = json!({"keywords": ["kettle"], "quiet": quiet, "digest_minutes": 30});
    lin.put("/users/me/notifications", notices).await.good();
    lin.put("/users/me/storage/appearance", json!({"theme": "dark"})).await.good();
    let mine = json!({"notify": "mentions", "favourite": true, "draft": "half a wo"});
    lin.patch(&format!("/rooms/{room}/mine"), mine).await.good();
    // Another device finds all of it.
    let again = Rest::at(&house.url());
    let session = again.post("/auth/login", json!({"login": "lin2", "password": PASSWORD})).await;
    let mut other = Rest::at(&house.url());
    other.takes(&session.good()["session"]);
    let me = other.get("/users/me").await.good();
    assert_eq!(
        (&me["name"], &me["status"], &me["language"]),
        (&json!("lin2"), &json!("tea"), &json!("de"))
    );
    let notices = other.get("/users/me/notifications").await.good();
    assert_eq!(
        (&notices["keywords"], &notices["digest_minutes"]),
        (&json!(["kettle"]), &json!(30))
    );
    assert_eq!(notices["quiet"], quiet);
    assert_eq!(other.get("/users/me/storage/appearance").await.good()["theme"], "dark");
    let all = other.post("/sync", json!({"own": 0, "rooms": []})).await.good();
    let is_mine = |row: &&Value| row["t"] == "mine" && row["room"] == json!(room);
    let own = all["own"]["rows"].as_array().expect("rows").clone();
    let mine = own.iter().find(is_mine).expect("her row");
    assert_eq!((&mine["notify"], &mine["favourite"]), (&json!("mentions"), &json!(true)));
    assert_eq!(mine["draft"], "half a wo");
    // Devices, and the account itself.
    let devices = other.get("/auth/sessions").await.good();
    assert_eq!(devices["rows"].as_array().map(Vec::len), Some(2));
    let wrong =
        other.put("/users/me/password", json!({"old": "not it", "new": "a pot of tea"})).await;
    assert_eq!(wrong.refused().0, 401, "{wrong:?}");
    let closes = other.call("DELETE", "/users/me", Some(json!({"password": "not it"}))).await;
    assert_eq!(closes.refused().0, 401, "{closes:?}");
    other.get("/users/me").await.good();
}

async fn what_is_deleted_leaves_its_place(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.creates("kitchen").await;
    lin.joins(room).await;
    let said = lin.says(room, "a secret recipe").await;
    let kept = lin.says(room, "and a word that stays").await;
    // A message: who, when and its number stay, its text is nowhere.
    let path = format!("/rooms/{room}/messages/{}", said.seq);
    lin.delete(&path).await.good();
    let gone = ada.get(&path).await.good();
    assert_eq!((&gone["deleted"], &gone["sender"]), (&json!(true), &json!(lin.user)));
    assert_eq!((&gone["n"], gone.get("text")), (&json!(said.n), None));
    assert_eq!(ada.get("/search?q=recipe").await.good()["items"], json!([]));
    // An account: its name is free again, its words are still somebody's.
    let close = json!({"password": PASSWORD});
    assert_eq!(lin.call("DELETE", "/users/me", Some(close)).await.status, 204);
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"));
    let row = ada.get(&format!("/users/{}", lin.user)).await.good();
    assert_eq!(row["deleted"], true, "{row}");
    let still = ada.get(&format!("/rooms/{room}/messages/{}", kept.seq)).await.good();
    assert_eq!(
        (&still["text"], &still["sender"]),
        (&json!("and a word that stays"), &json!(lin.user))
    );
    assert_eq!(ada.get("/users?query=lin").await.good()["rows"], json!([]));
    let another = house.person("lin").await;
    assert_ne!(another.user, lin.user, "ids are never used again");
    assert_eq!(another.get("/rooms").await.good()["rows"], json!([]), "and nothing is inherited");
    // A room: not there any more, and its number neither.
    ada.delete(&format!("/rooms/{room}")).await.good();
    assert_eq!(ada.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    let next: RoomId = ada.creates("kitchen").await;
    assert_ne!(next, room);
    // Deleted once more is deleted; what never was is not there.
    assert_eq!(ada.delete(&format!("/rooms/{room}")).await.status, 404);
}
