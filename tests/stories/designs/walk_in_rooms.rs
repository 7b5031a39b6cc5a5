//! The walk-in rooms: a short code lets people in, what was said is there, comings and goings are
//! told, everyone finds all they wrote.
//!
//! | the row says | the walk that shows it |
//! |---|---|
//! | type a name, create a room, get a short code | `a_name_is_enough_to_make_a_room`; with an account: `a_code_opens_the_door_until_it_is_taken_away` |
//! | another person types a name and the code and is in | `a_name_and_a_code_are_enough` |
//! | earlier messages are there; join and leave notices | `a_code_opens_the_door_until_it_is_taken_away`, `a_name_and_a_code_are_enough` |
//! | my own history page | `everyone_finds_what_they_wrote` |
//! | empty walk-in rooms vanish by themselves | `a_room_that_everybody_left_vanishes` |
//! | works when WebSockets are blocked (long poll) | `it_works_where_sockets_are_blocked`; the calls themselves: `stories/long_poll.rs` |
//! | expired session and wrong code get a clear page | `who_is_gone_or_mistyped_is_told_so`; the page: `ui/tests` |

use hallway_protocol::frames::ServerFrame;
use hallway_protocol::rows::Message;
use hallway_protocol::rows::{MineState, Row};
use hallway_tests::cast::agree;
use hallway_tests::wire::messages;
use hallway_tests::{Engine, Hand, House, Link, Person, Rest, Setup, Socket, until};
use serde_json::json;
use std::time::Duration;

on_both!(
    a_code_opens_the_door_until_it_is_taken_away,
    a_name_and_a_code_are_enough,
    a_name_is_enough_to_make_a_room,
    a_room_that_everybody_left_vanishes,
    who_is_gone_or_mistyped_is_told_so,
    everyone_finds_what_they_wrote,
    it_works_where_sockets_are_blocked,
);

fn notices(history: &[Message]) -> Vec<&str> {
    history.iter().filter_map(|row| row.meta.get("what")?.as_str()).collect()
}

async fn enter(who: &Rest, code: &str) -> hallway_tests::wire::Answer {
    who.post("/rooms/join", json!({"code": code})).await
}

async fn a_code_opens_the_door_until_it_is_taken_away(engine: Engine) {
    let house = House::on(engine).await;
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

async fn a_name_and_a_code_are_enough(engine: Engine) {
    let house = House::with(Setup::new(engine).env("HALLWAY_GUESTS", "code")).await;
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

async fn everyone_finds_what_they_wrote(engine: Engine) {
    let house = House::on(engine).await;
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

async fn it_works_where_sockets_are_blocked(engine: Engine) {
    let house = House::on(engine).await;
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

/// A walk-in room with its code.
async fn walk_in(ada: &Rest) -> (hallway_protocol::ids::RoomId, String) {
    let body = json!({"kind": "group", "name": "walk in", "ephemeral": true});
    let room = ada.post("/rooms", body).await.good()["room"].as_i64().expect("a room row");
    let room = hallway_protocol::ids::RoomId(room);
    let code = ada.post(&format!("/rooms/{room}/code"), json!({})).await.good();
    (room, code["code"].as_str().expect("a code").to_owned())
}

/// Somebody without an account.
async fn comes(house: &House, code: &str, name: &str) -> Rest {
    let body = json!({"code": code, "display_name": name});
    let came = Rest::at(&house.url()).post("/auth/guest", body).await.good();
    let mut guest = Rest::at(&house.url());
    guest.takes(&came["session"]);
    guest
}

async fn a_name_is_enough_to_make_a_room(engine: Engine) {
    let house = House::with(Setup::new(engine).env("HALLWAY_GUESTS", "open")).await;
    let nobody = Rest::at(&house.url());
    let come = async |body: serde_json::Value| {
        let came = nobody.post("/auth/guest", body).await.good();
        let mut guest = Rest::at(&house.url());
        guest.takes(&came["session"]);
        guest.user = hallway_protocol::ids::UserId(came["user"]["user"].as_i64().expect("a row"));
        (guest, came)
    };
    let (eve, made) = come(json!({"display_name": "Eve", "name": "tea for two"})).await;
    let room = hallway_protocol::ids::RoomId(made["room"]["room"].as_i64().expect("a room row"));
    assert_eq!(made["room"]["name"], "tea for two");
    eve.says(room, "said before anyone came").await;
    let code = made["code"].as_str().expect("a code").to_lowercase();
    let mut hers = Socket::open(&eve).await;
    let (bob, _) = come(json!({"display_name": "Bob", "code": code})).await;
    assert_eq!(notices(&bob.history(room).await), ["created", "joined"]);
    assert!(bob.history(room).await.iter().any(|row| row.text == "said before anyone came"));
    let said = bob.says(room, "here I am").await;
    assert_eq!(messages(&hers.event(room, said.seq).await)[0].text, "here I am");
    bob.post(&format!("/rooms/{room}/leave"), json!({})).await.good();
    assert_eq!(notices(&eve.history(room).await), ["created", "joined", "left"]);
    // Each room has a code of its own, and nobody without it learns that it is there.
    let (ann, other) = come(json!({"display_name": "Ann", "name": "tea for two"})).await;
    assert_ne!(other["code"], made["code"]);
    assert_eq!(ann.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    assert_eq!(house.owner.get("/rooms/directory").await.good()["rows"], json!([]));
}

async fn a_room_that_everybody_left_vanishes(engine: Engine) {
    let hand = Hand::new();
    let setup = Setup::new(engine).unlimited().env("HALLWAY_GUESTS", "code").clock(&hand);
    let mut house = House::with(setup).await;
    let mut ada = house.owner.clone();
    let stays = ada.creates("hall").await;
    let (left, _) = walk_in(&ada).await;
    let (used, code) = walk_in(&ada).await;
    let bob = comes(&house, &code, "Bob").await;
    ada.post(&format!("/rooms/{used}/leave"), json!({})).await.good();
    let mut his = Socket::open(&bob).await;
    bob.says(used, "I am still here").await;
    let mine = async |ada: &Rest| ada.get("/rooms").await.good().to_string();
    assert!(mine(&ada).await.contains(&left.to_string()));
    // Nine minutes are not ten. Bob is asked for a sign of life again and again, and gives one.
    for beat in 1..=26 {
        hand.turn(Duration::from_secs(25));
        his.until("a heartbeat", |frame| match frame {
            ServerFrame::Heartbeat { .. } => Some(()),
            _ => None,
        })
        .await;
        his.is_heard().await;
        if beat == 21 {
            house.rests("vacate").await;
            ada.renew().await;
            assert!(mine(&ada).await.contains(&left.to_string()), "too early");
        }
    }
    ada.renew().await;
    until("the room nobody is in is gone", async || {
        (!mine(&ada).await.contains(&left.to_string())).then_some(())
    })
    .await;
    assert_eq!(ada.get(&format!("/rooms/{left}")).await.refused(), (404, "not_found"));
    assert!(mine(&ada).await.contains(&stays.to_string()), "other rooms stay, empty or not");
    // The one somebody is in stays, for a server that comes back as well.
    let mut bob = bob;
    bob.renew().await;
    bob.says(used, "and talk to myself").await;
    house.crash().await;
    hand.turn(Duration::from_secs(5 * 60));
    bob.renew().await;
    bob.says(used, "nobody was here for a while, me neither").await;
    // He goes, and so does it, telling the screens he left behind.
    let mut his = Socket::open(&bob).await;
    bob.post(&format!("/rooms/{used}/leave"), json!({})).await.good();
    his.until("he is out", |frame| match frame {
        ServerFrame::Own(own) => own.rows.iter().find_map(|row| match row {
            Row::Mine(mine) if mine.room == used && mine.state != MineState::Joined => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    let eve = Rest::at(&house.url());
    let came = async || {
        let body = json!({"code": code, "display_name": "Eve"});
        eve.post("/auth/guest", body).await.status
    };
    until("its code opens nothing", async || {
        hand.turn(Duration::from_secs(120));
        house.rests("vacate").await;
        let rooms = house.operator().get("/admin/rooms").await.good();
        (!rooms.to_string().contains(&used.to_string())).then_some(())
    })
    .await;
    assert_eq!(came().await, 404);
}

async fn who_is_gone_or_mistyped_is_told_so(engine: Engine) {
    let hand = Hand::of_dates();
    let setup = Setup::new(engine).env("HALLWAY_GUESTS", "code").clock(&hand);
    let house = House::with(setup).await;
    let ada = house.owner.clone();
    let (room, code) = walk_in(&ada).await;
    let mut bob = comes(&house, &code, "Bob").await;
    // A wrong code, a right one in the wrong place, one with a slip of the finger.
    let nobody = Rest::at(&house.url());
    for wrong in ["ABCDEFGH", "", &code[1..], &format!("{code}x")] {
        let body = json!({"code": wrong, "display_name": "Eve"});
        let refused = nobody.post("/auth/guest", body).await;
        assert_eq!(refused.refused(), (404, "not_found"), "{wrong}");
        assert_eq!(refused.body["message"], "there is no such room", "{wrong}");
        assert_eq!(refused.body["retry"], "never");
    }
    // An old page is told to sign in again; with the refresh token it goes on as the same person.
    bob.says(room, "still me").await;
    hand.turn(Duration::from_secs(11 * 60));
    let late = bob.get(&format!("/rooms/{room}/messages")).await;
    assert_eq!(late.refused(), (401, "signed_out"));
    assert_eq!(
        (&late.body["retry"], &late.body["message"]),
        (&json!("sign_in"), &json!("sign in first"))
    );
    bob.renew().await;
    bob.says(room, "still me").await;
    bob.post("/auth/logout", json!({})).await.good();
    assert_eq!(bob.get("/users/me").await.refused(), (401, "signed_out"));
    let again = json!({"refresh_token": bob.refresh_token});
    assert_eq!(nobody.post("/auth/refresh", again).await.refused(), (401, "signed_out"));
}
