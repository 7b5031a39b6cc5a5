//! Direct rooms.

use crate::cast::{Stage, draft};
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rest::MemberRole;
use hallway_protocol::rows::{MineState, Row};
use hallway_server::store::{
    Event, Me, Needs, Result, StoreError, direct, directory, members, own, rooms, sync,
};
use std::sync::Arc;

contract!(
    the_same_people_have_one_room_also_at_once,
    it_appears_to_the_others_with_its_first_message,
    leaving_hides_it_until_its_next_message,
    nobody_joins_and_nobody_is_added,
);

async fn open(stage: &Stage, me: &Me, others: &[UserId]) -> Result<(bool, RoomId)> {
    let (asker, others) = (me.clone(), others.to_vec());
    let needs = Needs::person(me.user);
    let done = stage.store.write(needs, move |tx| direct::open(tx, &asker, &others)).await;
    done.map(|once| (once.again, once.answer.room))
}

async fn listed(stage: &Stage, me: &Me) -> usize {
    let me = me.clone();
    let list = stage.read(move |read| directory::mine(read, &me, false, None, 50)).await;
    list.expect("a list").rows.len()
}

async fn the_same_people_have_one_room_also_at_once(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let all = [ada.user, lin.user, bob.user];
    let asked: Vec<_> = (0..30)
        .map(|i| {
            let me = [&ada, &lin, &bob][i % 3].clone();
            let needs = Needs::person(me.user);
            // Each names the others in another order, some name themselves.
            let others: Vec<UserId> = all.iter().copied().cycle().skip(i).take(3).collect();
            stage.store.write(needs, move |tx| direct::open(tx, &me, &others))
        })
        .collect();
    let (mut rooms, mut made) = (Vec::new(), 0);
    for asked in asked {
        let once = asked.await.expect("a room");
        made += usize::from(!once.again);
        rooms.push(once.answer.room);
    }
    rooms.dedup();
    assert_eq!((rooms.len(), made), (1, 1));
    let (_, pair) = open(&stage, &ada, &[lin.user]).await.expect("another room");
    assert_ne!(pair, rooms[0]);
    let alone = open(&stage, &ada, &[ada.user]).await;
    assert!(matches!(alone, Err(StoreError::Invalid("users", _))), "{alone:?}");
    let nobody = open(&stage, &ada, &[UserId(1)]).await;
    assert!(matches!(nobody, Err(StoreError::Invalid("users", _))), "{nobody:?}");
}

async fn it_appears_to_the_others_with_its_first_message(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let (again, room) = open(&stage, &ada, &[lin.user]).await.expect("a room");
    assert!(!again);
    assert_eq!((listed(&stage, &ada).await, listed(&stage, &lin).await), (1, 0));
    assert_eq!(stage.heard_own(lin.user).last(), Some(&(1, 2)));
    let said = stage.says(&ada, room, "tea?").await;
    assert_eq!((said.seq, said.n), (2, 1));
    assert_eq!((listed(&stage, &ada).await, listed(&stage, &lin).await), (1, 1));
    let user = lin.user;
    let mine = stage.read(move |read| own::mine(read, user, room)).await;
    let mine = mine.expect("an answer").expect("a row");
    assert_eq!((mine.state, mine.head), (MineState::Joined, 2));
    // In a direct room each message concerns its people.
    assert_eq!((mine.unread, mine.mentions), (1, 1));
    {
        let events = stage.events.lock();
        let last = events.len() - 1;
        let Event::Room { enter, seq: 2, .. } = &events[last - 1] else { panic!("{events:?}") };
        assert_eq!(enter.as_slice(), [(lin.user, 1)]);
        let Event::Own { user, rows, .. } = &events[last] else { panic!("no own row") };
        assert_eq!(*user, lin.user);
        assert!(matches!(&rows[0], Row::Mine(mine) if mine.head == 2 && mine.unread == 1));
    }
    let second = stage.says(&lin, room, "yes").await;
    assert_eq!(second.seq, 3);
    assert_eq!(open(&stage, &lin, &[ada.user]).await.expect("the same"), (true, room));
}

async fn leaving_hides_it_until_its_next_message(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let (_, room) = open(&stage, &ada, &[lin.user]).await.expect("a room");
    stage.says(&ada, room, "tea?").await;
    for _ in 0..2 {
        let me = lin.clone();
        stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("a leaving");
    }
    assert_eq!(listed(&stage, &lin).await, 0);
    let me = lin.clone();
    assert_eq!(stage.read(move |read| sync::here(read, &me)).await.expect("rooms"), []);
    let hidden = Event::Here { room, head: 2, enter: Vec::new(), leave: vec![lin.user] };
    assert_eq!(stage.events.lock().iter().filter(|event| **event == hidden).count(), 1);
    // Several at once: the first shows it, all are said, in order.
    let asked: Vec<_> =
        (0..5).map(|i| stage.store.append(ada.clone(), room, draft(&format!("{i}")))).collect();
    let mut seqs = Vec::new();
    for asked in asked {
        seqs.push(asked.await.expect("a message").message.seq);
    }
    assert_eq!(seqs, [3, 4, 5, 6, 7]);
    assert_eq!(listed(&stage, &lin).await, 1);
    // Opening it shows it too.
    let me = lin.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("a leaving");
    assert_eq!(open(&stage, &lin, &[ada.user]).await.expect("the same"), (true, room));
    assert_eq!(listed(&stage, &lin).await, 1);
    let shown = Event::Here { room, head: 7, enter: vec![(lin.user, 1)], leave: Vec::new() };
    assert!(stage.events.lock().contains(&shown));
}

async fn nobody_joins_and_nobody_is_added(stage: Arc<Stage>) {
    let (ada, lin, eve) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("eve").await);
    let (_, room) = open(&stage, &ada, &[lin.user]).await.expect("a room");
    let (me, user) = (ada.clone(), eve.user);
    let added = stage
        .write(move |tx| members::set(tx, &me, None, room, user, &MemberRole::default()))
        .await;
    assert!(matches!(added, Err(StoreError::Forbidden(_))), "{added:?}");
    let (me, user) = (ada.clone(), lin.user);
    let removed = stage.write(move |tx| members::remove(tx, &me, None, room, user)).await;
    assert!(matches!(removed, Err(StoreError::Forbidden(_))), "{removed:?}");
    let joined = stage.write(move |tx| members::join(tx, &eve, None, room)).await;
    assert!(matches!(joined, Err(StoreError::NotFound("room"))), "{joined:?}");
    let me = ada.clone();
    let deleted = stage.write(move |tx| rooms::destroy(tx, &me, None, room)).await;
    assert!(matches!(deleted, Err(StoreError::Forbidden(_))), "{deleted:?}");
}
