//! A room of many: whoever is quiet there hears that there is more, not each word; what concerns them
//! reaches them whole, and whoever looks gets all of it.

use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::Message;
use hallway_tests::wire::{Socket, messages};
use hallway_tests::{Engine, House, Rest, Setup};
use serde_json::json;

on_both!(who_is_quiet_in_a_room_of_many_is_told_that_there_is_more);

/// More than the 200 of whom each is told each word.
const MANY: usize = 205;

/// What comes for the room until the number is known: what was told whole, and whether it was bumped.
async fn until_head(socket: &mut Socket, room: RoomId, head: Seq) -> (Vec<Message>, bool) {
    let (mut whole, mut bumped) = (Vec::new(), false);
    hallway_tests::soon(&format!("word of {head}"), async {
        loop {
            let seq = match socket.next().await.expect("the socket is open") {
                ServerFrame::Event { room: of, seq, rows } if of == room => {
                    whole.extend(messages(&rows));
                    seq
                }
                ServerFrame::Bump { rooms, .. } => {
                    let Some(bump) = rooms.iter().find(|bump| bump.room == room) else { continue };
                    bumped = true;
                    bump.head
                }
                _ => continue,
            };
            if seq >= head {
                return;
            }
        }
    })
    .await;
    (whole, bumped)
}

async fn who_is_quiet_in_a_room_of_many_is_told_that_there_is_more(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let room = ada.creates("market").await;
    lin.joins(room).await;
    eve.joins(room).await;
    let tenants = ada.get("/admin/tenants").await.good();
    let tenant = tenants["items"][0]["tenant"].clone();
    let config = json!({"config": {"act_creates_users": true}});
    ada.patch(&format!("/admin/tenants/{tenant}"), config).await.good();
    let keys = format!("/admin/tenants/{tenant}/keys");
    let made = ada.post(&keys, json!({"name": "crowd", "scopes": ["read", "write", "act"]})).await;
    let made = made.good()["key"].as_str().expect("shown once").to_owned();
    for n in 3..MANY {
        let one = Rest::at(&house.url()).header("X-API-Key", &made);
        one.header("X-User-Id", format!("ext:{n}")).joins(room).await;
    }
    lin.patch(&format!("/rooms/{room}/mine"), json!({"notify": "mentions"})).await.good();
    let (mut quiet, mut loud) = (Socket::open(&lin).await, Socket::open(&eve).await);

    // The loud one gets each word, the quiet one that there is more.
    ada.says(room, "apples").await;
    let last = ada.says(room, "pears").await;
    let (whole, _) = until_head(&mut loud, room, last.seq).await;
    assert_eq!(texts(&whole), ["apples", "pears"]);
    let (whole, bumped) = until_head(&mut quiet, room, last.seq).await;
    assert!(whole.is_empty() && bumped, "{whole:?}");

    // Her own name, an answer to her, a word to all, and her own words reach her whole.
    let named = ada.says(room, "@lin, yours are ready").await;
    let (whole, _) = until_head(&mut quiet, room, named.seq).await;
    assert_eq!(texts(&whole), ["@lin, yours are ready"]);
    let hers = lin.says(room, "thank you").await;
    let (whole, _) = until_head(&mut quiet, room, hers.seq).await;
    assert_eq!(texts(&whole), ["thank you"]);
    let path = format!("/rooms/{room}/messages");
    let reply = json!({"key": hallway_tests::wire::key(), "text": "welcome", "reply": hers.seq});
    let reply = eve.post(&path, reply).await.good()["seq"].as_i64().expect("a number");
    let (whole, _) = until_head(&mut quiet, room, reply).await;
    assert_eq!(texts(&whole), ["welcome"]);

    // While she looks, everything does; and what she was only told of is there to be read.
    quiet.send(&ClientFrame::Focus { rooms: vec![room] }).await.expect("open");
    quiet.is_heard().await;
    let plums = ada.says(room, "plums").await;
    let (whole, _) = until_head(&mut quiet, room, plums.seq).await;
    assert_eq!(texts(&whole), ["plums"]);
    let seen: Vec<_> = lin.history(room).await.into_iter().map(|row| (row.seq, row.text)).collect();
    let ada_sees: Vec<_> =
        ada.history(room).await.into_iter().map(|row| (row.seq, row.text)).collect();
    assert_eq!(seen, ada_sees);
    let own = lin.post("/sync", json!({"own": 0, "rooms": []})).await.good()["own"].clone();
    let mut mine = own["rows"].as_array().expect("rows").iter();
    let mine = mine.find(|row| row["t"] == "mine" && row["room"] == json!(room));
    let counted = mine.map(|mine| (mine["unread"].as_i64(), mine["mentions"].as_i64()));
    assert_eq!(counted, Some((Some(5), Some(2))), "of what she was not told as well");

    // Who wants each word again gets it again.
    quiet.send(&ClientFrame::Focus { rooms: Vec::new() }).await.expect("open");
    quiet.is_heard().await;
    lin.patch(&format!("/rooms/{room}/mine"), json!({"notify": "all"})).await.good();
    let figs = ada.says(room, "figs").await;
    let (whole, _) = until_head(&mut quiet, room, figs.seq).await;
    assert_eq!(texts(&whole), ["figs"]);
}

fn texts(rows: &[Message]) -> Vec<&str> {
    rows.iter().map(|row| row.text.as_str()).collect()
}
