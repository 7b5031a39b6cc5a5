//! The server's invariants: P1–P4 and P12 under concurrency, and two tenants that never meet.

use crate::cast::{Stage, draft, key};
use crate::messages::{delete, edit, react};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rest::{MemberRole, NewRoomKind, Sync};
use hallway_protocol::rows::{Role, Row, TenantRole};
use hallway_server::store::delta::{self, Pull};
use hallway_server::store::pages::Part;
use hallway_server::store::users::Find;
use hallway_server::store::{
    Event, Needs, Result, StoreError, codes, direct, directory, marks, members, messages, pages,
    reactions, rooms, settings, sync, tenants, users,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

contract!(
    p1_every_number_is_one_committed_change,
    p2_who_sees_a_number_sees_all_smaller,
    p3_what_one_device_does_in_a_room_keeps_its_order,
    p4_one_key_is_one_message_whoever_asks_at_once,
    p12_nothing_commits_after_a_removal_on_another_lane,
    two_tenants_never_meet,
);

async fn p1_every_number_is_one_committed_change(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(stage.group(&[&ada, &lin]).await.room);
    }
    let mut busy = tokio::task::JoinSet::new();
    for i in 0..6usize {
        let (stage, room) = (stage.clone(), rooms[i % 3]);
        let me = if i % 2 == 0 { ada.clone() } else { lin.clone() };
        busy.spawn(async move {
            for n in 0..25 {
                let said = stage.says(&me, room, &format!("{i} {n}")).await;
                edit(&stage, &me, room, said.seq, "edited").await.expect("an edit");
                react(&stage, &me, room, said.seq, "👍", true).await.expect("a reaction");
                // A refusal takes no number.
                assert!(edit(&stage, &me, room, 1, "x").await.is_err());
                if n % 5 == 0 {
                    delete(&stage, &me, room, said.seq).await.expect("a deletion");
                }
            }
        });
    }
    busy.join_all().await;
    for room in rooms {
        let head = 1 + 2 * (25 * 3 + 5);
        assert_eq!(stage.heard(room), (1..=head).collect::<Vec<Seq>>());
        // Each number is the version of a row, unless a later change wrote the same row.
        let me = ada.clone();
        let here = stage.read(move |read| sync::here(read, &me)).await.expect("rooms");
        let here = here.into_iter().find(|here| here.room == room).expect("the room");
        assert_eq!((here.head, here.last_n), (head, 50));
    }
}

async fn p2_who_sees_a_number_sees_all_smaller(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let done = Arc::new(AtomicBool::new(false));
    let mut watching = tokio::task::JoinSet::new();
    {
        let (stage, me, done) = (stage.clone(), ada.clone(), done.clone());
        watching.spawn(async move {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let me = me.clone();
                let page = stage.read(move |read| pages::page(read, &me, room, Part::Latest, 100));
                let page = page.await.expect("a page");
                let seqs: Vec<Seq> = page.rows.iter().filter_map(seq).collect();
                assert_eq!(seqs, (page.lo..=page.hi).collect::<Vec<Seq>>());
                assert_eq!((page.hi, seqs.last()), (page.as_of, Some(&page.as_of)));
                seen += 1;
            }
            seen
        });
    }
    let sending: Vec<_> =
        (0..1500).map(|i| stage.store.append(ada.clone(), room, draft(&format!("{i}")))).collect();
    for sending in sending {
        sending.await.expect("a message");
    }
    done.store(true, Ordering::Relaxed);
    assert!(watching.join_all().await.iter().all(|seen| *seen > 0));
}

fn seq(row: &Row) -> Option<Seq> {
    if let Row::Message(message) = row { Some(message.seq) } else { None }
}

async fn p3_what_one_device_does_in_a_room_keeps_its_order(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let other = stage.group(&[&ada, &lin]).await.room;
    let target = stage.says(&ada, room, "to pin").await.seq;
    let (mut said, mut pinned) = (Vec::new(), Vec::new());
    for i in 0..300usize {
        // Somebody else is busy in the same lanes; nobody waits for the answers.
        drop(stage.store.append(lin.clone(), [room, other][i % 2], draft("noise")));
        if i % 3 == 0 {
            let (me, on) = (ada.clone(), i % 2 == 0);
            pinned.push((
                i,
                stage.store.write(Needs::room(room), move |tx| {
                    messages::pin(tx, &me, room, None, target, on).map(|done| done.seq)
                }),
            ));
        } else {
            said.push((i, stage.store.append(ada.clone(), room, draft(&format!("{i}")))));
        }
    }
    let mut order = Vec::new();
    for (i, asked) in said {
        order.push((i, asked.await.expect("a message").message.seq));
    }
    for (i, asked) in pinned {
        order.push((i, asked.await.expect("a pin")));
    }
    order.sort_unstable();
    let seqs: Vec<Seq> = order.into_iter().map(|(_, seq)| seq).collect();
    assert!(seqs.is_sorted(), "the order of the calls is the order of the numbers: {seqs:?}");
}

async fn p4_one_key_is_one_message_whoever_asks_at_once(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let other = stage.group(&[&ada, &lin]).await.room;
    let once = draft("once");
    let asked: Vec<_> = (0..40)
        .map(|i| {
            let mut draft = once.clone();
            // What came first stands, whatever comes again.
            draft.text = format!("once {i}");
            stage.store.append(ada.clone(), room, draft)
        })
        .collect();
    let (mut messages, mut first) = (Vec::new(), 0);
    for asked in asked {
        let posted = asked.await.expect("a message");
        first += usize::from(!posted.again);
        messages.push(posted.message);
    }
    messages.dedup();
    assert_eq!((messages.len(), first), (1, 1));
    // The same key of somebody else, or in another room, is another message.
    for (me, room) in [(&lin, room), (&ada, other)] {
        let posted = stage.store.append(me.clone(), room, once.clone()).await.expect("a message");
        assert!(!posted.again);
    }
    // An edit under one key, from many lanes at once, is one change.
    let (again, seq) = (key(), messages[0].seq);
    let asked: Vec<_> = (0..20)
        .map(|i| {
            let (me, again) = (ada.clone(), again.clone());
            let needs = Needs::tenant(hallway_protocol::ids::TenantId(i));
            stage
                .store
                .write(needs, move |tx| messages::edit(tx, &me, room, Some(&again), seq, "edited"))
        })
        .collect();
    let mut changes = Vec::new();
    for asked in asked {
        changes.push(asked.await.expect("an edit").seq);
    }
    changes.dedup();
    assert_eq!(changes.len(), 1);
}

async fn p12_nothing_commits_after_a_removal_on_another_lane(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    for round in 0..6 {
        let room = stage.group(&[&ada, &lin]).await.room;
        let (mut sending, mut removal) = (Vec::new(), None);
        for i in 0..200 {
            sending.push(stage.store.append(lin.clone(), room, draft(&format!("{i}"))));
            if i == 100 {
                // Declared by tenant, the removal begins on whatever lane that is.
                let (me, user) = (ada.clone(), lin.user);
                let needs = Needs::tenant(hallway_protocol::ids::TenantId(round));
                removal = Some(
                    stage.store.write(needs, move |tx| members::remove(tx, &me, None, room, user)),
                );
            }
        }
        removal.expect("it was asked").await.expect("a removal");
        let mut said = 0;
        for sending in sending {
            match sending.await {
                Ok(posted) => said = said.max(posted.message.seq),
                Err(StoreError::NotFound("room")) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let events = stage.events.lock();
        let heard = events.iter().filter_map(|event| match event {
            Event::Room { room: r, seq, leave, .. } if *r == room => {
                Some((*seq, !leave.is_empty()))
            }
            _ => None,
        });
        let heard: Vec<(Seq, bool)> = heard.collect();
        let removed = heard.iter().find(|(_, removal)| *removal).expect("a removal").0;
        assert_eq!(heard.last(), Some(&(removed, true)), "the removal is the last change");
        assert!(said < removed);
        assert_eq!(heard.len() as i64, removed, "no number is missing");
    }
}

async fn two_tenants_never_meet(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let other = stage.write(|tx| tenants::create(tx, "Other", "Another one")).await;
    let other = other.expect("a tenant").id;
    let twice = stage.write(|tx| tenants::create(tx, "oTHER", "")).await;
    assert!(matches!(twice, Err(StoreError::Taken("name"))));
    // The same name is free there; the most powerful one there is nobody here.
    let mut new = crate::cast::newcomer("ada");
    new.session = crate::cast::new_session("other ada");
    let made = stage
        .write(move |tx| {
            hallway_server::store::accounts::register(
                tx,
                other,
                hallway_protocol::rest::Registration::Open,
                &new,
            )
        })
        .await;
    made.expect("an account");
    let mut eve = stage.whois("other ada").await;
    assert_eq!(eve.tenant, other);
    eve.role = TenantRole::Owner;
    let room = stage.room(&[&ada], |new| new.kind = NewRoomKind::Channel).await.room;
    let said = stage.says(&ada, room, "tea?").await;
    let me = ada.clone();
    let code = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    let code = code.expect("a code").answer.code;

    for answer in foreign_reads(&stage, &eve, room, said.seq, ada.user).await {
        assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
    }
    for answer in foreign_writes(&stage, &eve, room, said.seq, &code).await {
        let unseen = matches!(answer, Err(StoreError::NotFound(_) | StoreError::Invalid(_, _)));
        assert!(unseen, "{answer:?}");
    }
    let me = eve.clone();
    let heads = stage.read(move |read| sync::heads(read, &me, Some(&[(room, 1)]), None)).await;
    let heads = heads.expect("heads");
    assert_eq!((heads.rooms.len(), heads.gone), (0, vec![room]));
    let me = eve.clone();
    let asked =
        Sync { rooms: vec![hallway_protocol::rest::SyncRoom::Short(room, 0)], ..Sync::default() };
    let caught = stage.read(move |read| sync::sync(read, &me, &asked, None)).await;
    assert_eq!(caught.expect("an answer").deltas, []);
    let me = eve.clone();
    let public = stage.read(move |read| directory::public(read, &me, "", false, None, 50)).await;
    assert_eq!(public.expect("a list").rows, []);
    let find = Find { limit: 50, ..Find::default() };
    let me = eve.clone();
    let people = stage.read(move |read| users::list(read, &me, &find)).await;
    assert_eq!(people.expect("a list").rows.len(), 1);
    assert_eq!(stage.heard(room), [1, 2]);
}

async fn foreign_reads(
    stage: &Stage,
    eve: &hallway_server::store::Me,
    room: RoomId,
    seq: Seq,
    ada: hallway_protocol::ids::UserId,
) -> Vec<Result<()>> {
    let me = eve.clone();
    let answers = stage.read(move |read| {
        let pull = Pull { room, since: 0, floor: None, latest: None, going: false };
        Ok(vec![
            rooms::show(read, &me, room).map(|_| ()),
            members::list(read, &me, room, None, 50).map(|_| ()),
            messages::show(read, &me, room, seq).map(|_| ()),
            messages::edits(read, &me, (room, seq), None, 50).map(|_| ()),
            pages::page(read, &me, room, Part::Latest, 50).map(|_| ()),
            pages::thread(read, &me, room, seq, None, 50).map(|_| ()),
            pages::pins(read, &me, room, None, 50).map(|_| ()),
            marks::receipts(read, &me, room, None, 50).map(|_| ()),
            delta::pull(read, &me, &pull).map(|_| ()),
            users::show(read, &me, ada).map(|_| ()),
        ])
    });
    answers.await.expect("answers")
}

async fn foreign_writes(
    stage: &Stage,
    eve: &hallway_server::store::Me,
    room: RoomId,
    seq: Seq,
    code: &str,
) -> Vec<Result<()>> {
    let (me, code) = (eve.clone(), code.to_owned());
    let mut answers =
        vec![stage.store.append(me.clone(), room, draft("from afar")).await.map(|_| ())];
    let user = me.user;
    for n in 0..13 {
        let (me, code) = (me.clone(), code.clone());
        let done = stage.write(move |tx| match n {
            0 => members::join(tx, &me, None, room).map(|_| ()),
            1 => members::join_by_code(tx, &me, None, &code).map(|_| ()),
            2 => members::leave(tx, &me, None, room).map(|_| ()),
            3 => members::set(
                tx,
                &me,
                None,
                room,
                user,
                &MemberRole { role: Some(Role::Owner), ..MemberRole::default() },
            )
            .map(|_| ()),
            4 => members::remove(tx, &me, None, room, user).map(|_| ()),
            5 => settings::update(tx, &me, None, room, &Default::default()).map(|_| ()),
            6 => rooms::destroy(tx, &me, None, room).map(|_| ()),
            7 => codes::create(tx, &me, None, room).map(|_| ()),
            8 => messages::edit(tx, &me, room, None, seq, "x").map(|_| ()),
            9 => messages::destroy(tx, &me, room, None, seq).map(|_| ()),
            10 => reactions::set(tx, &me, room, None, seq, "x", true).map(|_| ()),
            11 => marks::read(tx, &me, room, seq).map(|_| ()),
            _ => direct::open(tx, &me, &[hallway_protocol::ids::UserId(1)]).map(|_| ()),
        });
        answers.push(done.await);
    }
    answers
}
