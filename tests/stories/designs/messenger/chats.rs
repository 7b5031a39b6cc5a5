//! Private chats, groups and channels, who may do what in them, and what their people see of each
//! other.

use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_tests::wire::{Socket, hello, messages};
use hallway_tests::{Engine, House};
use serde_json::{Value, json};

on_both!(
    private_chats_are_one_and_appear_with_the_first_word,
    roles_say_who_may,
    typing_and_receipts_are_seen,
    history_comes_in_pages_and_edits_and_deletes_keep_their_place,
);

async fn private_chats_are_one_and_appear_with_the_first_word(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let found = ada.get("/users?query=li").await.good();
    assert_eq!(found["rows"][0]["user"], json!(lin.user), "{found}");
    // Both ask for it at once, again and again: it is one room.
    let asks = (0..8).map(|n| {
        let (who, other) = if n % 2 == 0 { (&ada, &lin) } else { (&lin, &ada) };
        async move { who.post("/rooms/direct", json!({"users": [other.user]})).await }
    });
    let answers = futures_util::future::join_all(asks).await;
    assert_eq!(answers.iter().filter(|one| one.status == 201).count(), 1, "{answers:?}");
    let room = &answers[0].body["room"];
    assert!(answers.iter().all(|one| one.body["room"] == *room), "{answers:?}");
    let room = hallway_protocol::ids::RoomId(room.as_i64().expect("a room row"));

    let third = ada.post("/rooms/direct", json!({"users": [lin.user, eve.user]})).await.good();
    assert_ne!(third["room"], json!(room));
    assert_eq!(eve.get("/rooms").await.good()["rows"], json!([]), "nothing was said there yet");
    assert_eq!(eve.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));

    let mut hers = Socket::open(&lin).await;
    let said = ada.says(room, "psst").await;
    let rows = hers.event(room, said.seq).await;
    assert_eq!(messages(&rows)[0].text, "psst");
    assert!(lin.get("/rooms").await.good().to_string().contains(&room.to_string()));
}

async fn roles_say_who_may(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin, eve, bob) = (
        house.owner.clone(),
        house.person("lin").await,
        house.person("eve").await,
        house.person("bob").await,
    );
    // Lin makes the group: Ada's tenant role must not decide here.
    let members = json!([eve.user, bob.user]);
    let room = lin
        .post("/rooms", json!({"kind": "group", "name": "plans", "members": members}))
        .await
        .good();
    let path = format!("/rooms/{}", room["room"]);
    let member = |user| format!("{path}/members/{user}");
    assert_eq!(eve.patch(&path, json!({"name": "mine now"})).await.refused(), (403, "forbidden"));
    assert_eq!(eve.delete(&member(bob.user)).await.refused(), (403, "forbidden"));
    let admin = json!({"role": "admin"});
    assert_eq!(eve.put(&member(eve.user), admin.clone()).await.refused(), (403, "forbidden"));
    lin.put(&member(eve.user), admin).await.good();
    eve.patch(&path, json!({"name": "our plans"})).await.good();
    assert_eq!(eve.delete(&member(lin.user)).await.refused(), (403, "forbidden"));
    assert_eq!(eve.patch(&path, json!({"visibility": "public"})).await.status, 403);
    eve.delete(&member(bob.user)).await.good();
    assert_eq!(bob.get(&path).await.refused(), (404, "not_found"));
    // The tenant's owner never reads a private room.
    assert_eq!(ada.get(&format!("{path}/messages")).await.refused(), (404, "not_found"));

    // The last owner hands over to the longest-standing admin.
    lin.post(&format!("{path}/leave"), json!({})).await.good();
    let members = eve.get(&format!("{path}/members")).await.good();
    let eves = members["rows"].as_array().into_iter().flatten();
    let eves: Vec<&Value> = eves.filter(|row| row["user"] == json!(eve.user)).collect();
    assert!(eves.iter().any(|row| row["role"] == "owner"), "{members}");
}

async fn typing_and_receipts_are_seen(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let said = ada.says(kitchen, "seen?").await;
    let mut greeting = hello(&ada);
    greeting.focus = vec![kitchen];
    let mut hers = Socket::tries(&ada, greeting).await.expect("a socket");
    let mut his = Socket::open(&lin).await;
    let ack = ClientFrame::Ack { rooms: vec![(kitchen, said.seq)], own: None };
    his.send(&ack).await.expect("open");
    let id = his.id();
    his.send(&ClientFrame::Read { id, room: kitchen, seq: said.seq }).await.expect("open");
    let done = his.answer(id).await.expect("taken");
    assert!(done.own.is_some(), "a read mark belongs to one's own log: {done:?}");
    let user = lin.user;
    hers.until("the mark", |frame| match frame {
        ServerFrame::Read { room, marks } if *room == kitchen => marks
            .iter()
            .find(|(who, read, delivered)| (*who, *read, *delivered) == (user, said.seq, said.seq))
            .copied(),
        _ => None,
    })
    .await;
    let receipts = ada.get(&format!("/rooms/{kitchen}/receipts")).await.good();
    let items = receipts["items"].as_array().into_iter().flatten();
    let his: Vec<&Value> = items.filter(|one| one["user"] == json!(user)).collect();
    assert_eq!((&his[0]["read"], &his[0]["delivered"]), (&json!(said.seq), &json!(said.seq)));
}

async fn history_comes_in_pages_and_edits_and_deletes_keep_their_place(engine: Engine) {
    let house = House::on(engine).await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let mut said = Vec::new();
    for n in 0..120 {
        said.push(ada.says(kitchen, &format!("line {n}")).await);
    }
    let path = |n: usize| format!("/rooms/{kitchen}/messages/{}", said[n].seq);
    let edit = json!({"key": hallway_tests::wire::key(), "text": "changed"});
    let edited = ada.patch(&path(10), edit.clone()).await.good();
    assert_eq!((&edited["text"], &edited["seq"]), (&json!("changed"), &json!(said[10].seq)));
    assert!(edited["rev"].as_i64() > Some(said[119].seq));
    assert_eq!(ada.patch(&path(10), edit).await.good()["rev"], edited["rev"], "once is once");
    ada.delete(&path(20)).await.good();
    let gone = ada.get(&path(20)).await.good();
    assert_eq!((&gone["deleted"], gone.get("text")), (&json!(true), None), "{gone}");
    let edits = ada.get(&format!("{}/edits", path(10))).await.good();
    assert_eq!(edits["items"][0]["text"], "line 10", "{edits}");

    let history = ada.history(kitchen).await;
    let texts: Vec<_> = history.iter().filter(|row| row.key.is_some()).collect();
    assert_eq!(texts.len(), 120);
    for (n, row) in texts.iter().enumerate() {
        assert_eq!(row.seq, said[n].seq);
        let expected = match n {
            10 => "changed".to_owned(),
            20 => String::new(),
            _ => format!("line {n}"),
        };
        assert_eq!(row.text, expected);
    }
}
