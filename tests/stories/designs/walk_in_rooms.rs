//! The walk-in rooms: a short code lets people in, what was said is there, comings and goings are
//! told, everyone finds all they wrote.

use hallway_protocol::rows::Message;
use hallway_tests::cast::agree;
use hallway_tests::wire::messages;
use hallway_tests::{Engine, House, Link, Person, Rest, Setup, Socket};
use serde_json::json;

fn notices(history: &[Message]) -> Vec<&str> {
    history.iter().filter_map(|row| row.meta.get("what")?.as_str()).collect()
}

async fn enter(who: &Rest, code: &str) -> hallway_tests::wire::Answer {
    who.post("/rooms/join", json!({"code": code})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_the_door_until_it_is_taken_away() {
    let house = House::open().await;
    let (ada, lin, bob) =
        (house.owner.clone(), house.person("lin").await, house.person("bob").await);
    let body = json!({"kind": "group", "name": "walk in"});
    let room = ada.post("/rooms", body).await.good()["room"].as_i64().expect("a room row");
    let room = hallway_protocol::ids::RoomId(room);
    ada.says(room, "said before anyone came").await;
    let code = ada.post(&format!("/rooms/{room}/code"), json!({})).await.good();
    let code = code["code"].as_str().expect("a code").to_owned();
    assert_eq!(code.len(), 8, "{code}");
    assert!(!code.contains(['0', 'O', '1', 'I', 'l']), "{code} can be misread");

    // A private room is not there for those without the code; whatever the wrong one looks like.
    assert_eq!(lin.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    for wrong in ["ABCDEFGH", "", "x", "🫖", &"Z".repeat(500)] {
        assert_eq!(enter(&lin, wrong).await.refused(), (404, "not_found"), "{wrong:?}");
    }

    // Lower case and hyphens, as people type.
    let typed = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
    assert_eq!(enter(&lin, &typed).await.good()["room"], json!(room));
    assert_eq!(enter(&lin, &code).await.good()["room"], json!(room), "already in is in");
    let history = lin.history(room).await;
    assert!(history.iter().any(|row| row.text == "said before anyone came"));
    assert_eq!(notices(&history), ["created", "joined"]);

    ada.delete(&format!("/rooms/{room}/code")).await.good();
    assert_eq!(enter(&bob, &code).await.refused(), (404, "not_found"));
    lin.post(&format!("/rooms/{room}/leave"), json!({})).await.good();
    assert_eq!(notices(&ada.history(room).await), ["created", "joined", "left"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_code_are_enough() {
    let house = House::with(Setup::new(Engine::Sqlite).env("HALLWAY_GUESTS", "code")).await;
    let ada = house.owner.clone();
    let body = json!({"kind": "group", "name": "walk in", "ephemeral": true});
    let room = ada.post("/rooms", body).await.good()["room"].as_i64().expect("a room row");
    let room = hallway_protocol::ids::RoomId(room);
    let hall = ada.creates("hall").await;
    ada.says(room, "said before anyone came").await;
    let code = ada.post(&format!("/rooms/{room}/code"), json!({})).await.good();
    let nobody = Rest::at(&house.url());
    let wrong = json!({"code": "ABCDEFGH", "display_name": "Bob"});
    assert_eq!(nobody.post("/auth/guest", wrong).await.refused(), (404, "not_found"));
    let nameless = json!({"code": code["code"], "display_name": ""});
    assert_eq!(nobody.post("/auth/guest", nameless).await.refused(), (422, "invalid"));
    let came = json!({"code": code["code"], "display_name": "Bob"});
    let came = nobody.post("/auth/guest", came).await.good();
    assert_eq!((&came["user"]["guest"], &came["room"]["room"]), (&json!(true), &json!(room)));
    let mut bob = Rest::at(&house.url());
    bob.takes(&came["session"]);

    // What was said is there, what he says is heard; the rest of the house is not there.
    let mut hers = Socket::open(&ada).await;
    assert!(bob.history(room).await.iter().any(|row| row.text == "said before anyone came"));
    let said = bob.says(room, "hello!").await;
    assert_eq!(messages(&hers.event(room, said.seq).await)[0].text, "hello!");
    assert_eq!(bob.get(&format!("/rooms/{hall}")).await.refused(), (404, "not_found"));
    assert_eq!(bob.get("/rooms/directory").await.refused(), (403, "forbidden"));
    assert_eq!(notices(&ada.history(room).await), ["created", "joined"]);

    // Who likes it here stays: the same person, with a password.
    let invite = house.invite().await;
    let account = json!({"name": "bob", "password": "a pot of tea", "invite": invite});
    bob.post("/users/me/account", account).await.good();
    assert_eq!(bob.get("/users/me").await.good().get("guest"), None, "false is left out of rows");
    let back = Rest::at(&house.url());
    let back = back.post("/auth/login", json!({"login": "bob", "password": "a pot of tea"})).await;
    assert_eq!(back.good()["user"]["user"], came["user"]["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_finds_what_they_wrote() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let (kitchen, hall) = (ada.creates("kitchen").await, ada.creates("hall").await);
    lin.joins(kitchen).await;
    lin.joins(hall).await;
    for n in 0..60 {
        let room = if n % 2 == 0 { kitchen } else { hall };
        lin.says(room, &format!("mine {n}")).await;
        ada.says(room, &format!("not mine {n}")).await;
    }
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let page = lin.get(&format!("/users/me/messages?limit=50{next}")).await;
        let page: hallway_protocol::rest::Rows = page.read();
        found.extend(messages(&page.rows));
        match page.next {
            Some(more) => next = format!("&next={more}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 60);
    assert!(found.iter().all(|row| row.sender == lin.user));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_where_sockets_are_blocked() {
    let house = House::open().await;
    house.person("lin").await;
    let ada = house.core("ada").await;
    let kitchen = ada.creates("kitchen").await;
    let link = Link::to(house.address()).await;
    link.block_sockets();
    let lin = Person::sign_in("lin", &link.url(), Default::default()).await;
    lin.joins(kitchen).await;
    for n in 0..5 {
        ada.says(&format!("ada {n}")).await;
        lin.hears(&format!("ada {n}")).await;
        lin.says(&format!("lin {n}")).await;
        ada.hears(&format!("lin {n}")).await;
    }
    lin.edits(kitchen, "lin 2", "lin 2, better").await;
    ada.hears("lin 2, better").await;
    assert_eq!(agree(&[&ada, &lin], kitchen).await.len(), 10);
}
