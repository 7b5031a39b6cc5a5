//! Rooms, their members, their codes, lists of them.

use crate::cast::{Stage, key};
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rest::{MemberRole, NewRoomKind, RoomPatch};
use hallway_protocol::rows::{History, MineState, Role, Row, TenantRole, Visibility};
use hallway_server::store::{
    Event, Me, Result, StoreError, codes, directory, members, own, pages, rooms, settings,
};
use std::sync::Arc;

contract!(
    a_room_is_made_once_for_a_key,
    a_member_who_is_not_here_makes_no_room,
    joining_twice_is_joining_once,
    a_private_room_does_not_exist_for_a_stranger,
    a_code_opens_its_room_whatever_its_case,
    the_last_owner_hands_over,
    who_is_removed_hears_it_last,
    roles_are_given_by_owners_and_one_stays,
    one_patch_says_one_thing_a_change,
    history_from_joining_hides_what_was_before,
    a_deleted_room_is_gone_for_everyone,
    lists_show_what_one_may_see,
);

async fn join(stage: &Stage, me: &Me, room: RoomId) -> Result<bool> {
    let me = me.clone();
    stage.write(move |tx| members::join(tx, &me, None, room)).await.map(|once| once.again)
}

async fn leave(stage: &Stage, me: &Me, room: RoomId) -> Result<bool> {
    let me = me.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.map(|once| once.again)
}

async fn role(stage: &Stage, me: &Me, room: RoomId, user: UserId) -> Option<Role> {
    let me = me.clone();
    let rows = stage.read(move |read| members::list(read, &me, room, None, 100)).await;
    rows.expect("a list").rows.into_iter().find_map(|row| match row {
        Row::Member(member) if member.user == user => Some(member.role),
        _ => None,
    })
}

async fn set(stage: &Stage, me: &Me, room: RoomId, user: UserId, role: Role) -> Result<()> {
    let (me, wanted) = (me.clone(), MemberRole { role: Some(role), ..MemberRole::default() });
    stage.write(move |tx| members::set(tx, &me, None, room, user, &wanted)).await.map(|_| ())
}

async fn a_room_is_made_once_for_a_key(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let once = key();
    let first = stage.room(&[&ada, &lin], |new| new.key = Some(once.clone())).await;
    let again = stage
        .room(&[&ada], |new| {
            new.key = Some(once.clone());
            new.name = "other".into();
        })
        .await;
    assert_eq!(again, first);
    assert_eq!(first.name, "kitchen");
    assert_eq!((first.visibility, first.rev), (Visibility::Private, 1));
    assert_eq!(stage.heard(first.room), [1]);
    assert_eq!(role(&stage, &lin, first.room, ada.user).await, Some(Role::Owner));
    // user 1, session 2, the room 3: both have it in their own log, the head with it.
    for me in [&ada, &lin] {
        assert_eq!(stage.heard_own(me.user).last(), Some(&(2, 3)));
        let (user, room) = (me.user, first.room);
        let mine = stage.read(move |read| own::mine(read, user, room)).await;
        let mine = mine.expect("an answer").expect("a row");
        assert_eq!((mine.state, mine.head, mine.unread), (MineState::Joined, 1, 0));
    }
    {
        let events = stage.events.lock();
        let Some(Event::Room { enter, rows, .. }) =
            events.iter().find(|event| matches!(event, Event::Room { .. }))
        else {
            panic!("no event")
        };
        assert_eq!(enter.len(), 2);
        assert_eq!(rows.iter().filter(|row| matches!(row, Row::Member(_))).count(), 2);
        assert_eq!(rows.iter().filter(|row| matches!(row, Row::User(_))).count(), 2);
    }
    // Used for a room, the key is no good for anything else.
    let me = ada.clone();
    let refused = stage.write(move |tx| members::join(tx, &me, Some(&once), first.room)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

async fn a_member_who_is_not_here_makes_no_room(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let me = ada.clone();
    let new = hallway_protocol::rest::NewRoom {
        key: None,
        kind: NewRoomKind::Group,
        name: "kitchen".into(),
        topic: None,
        visibility: None,
        history: None,
        members: vec![UserId(1)],
        ephemeral: false,
        sealed: false,
    };
    let refused = stage.write(move |tx| rooms::create(tx, &me, None, &new)).await;
    assert!(matches!(refused, Err(StoreError::Invalid("members", _))), "{refused:?}");
    let list = stage.read(move |read| directory::mine(read, &ada, false, None, 50)).await;
    assert_eq!(list.expect("a list").rows, []);
}

async fn joining_twice_is_joining_once(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada], |new| new.kind = NewRoomKind::Channel).await.room;
    for _ in 0..3 {
        join(&stage, &lin, room).await.expect("a join");
    }
    assert_eq!(stage.heard(room), [1, 2]);
    leave(&stage, &lin, room).await.expect("a leaving");
    let twice = leave(&stage, &lin, room).await;
    assert!(matches!(twice, Err(StoreError::Forbidden(_))), "it is public: {twice:?}");
    // The same key again does nothing, though she has left since.
    let once = key();
    for again in [false, true] {
        let (me, once) = (lin.clone(), once.clone());
        let done = stage.write(move |tx| members::join(tx, &me, Some(&once), room)).await;
        assert_eq!(done.expect("a join").again, again);
        if !again {
            leave(&stage, &lin, room).await.expect("a leaving");
        }
    }
    assert_eq!(role(&stage, &ada, room, lin.user).await, None);
    assert_eq!(stage.heard(room), [1, 2, 3, 4, 5]);
}

async fn a_private_room_does_not_exist_for_a_stranger(stage: Arc<Stage>) {
    let (ada, eve) = (stage.person("ada").await, stage.person("eve").await);
    let room = stage.group(&[&ada]).await.room;
    for there in [room, RoomId(1)] {
        let me = eve.clone();
        let answers = [
            join(&stage, &eve, there).await.map(|_| ()),
            leave(&stage, &eve, there).await.map(|_| ()),
            set(&stage, &eve, there, eve.user, Role::Owner).await,
            stage.read(move |read| rooms::show(read, &me, there)).await.map(|_| ()),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(StoreError::NotFound("room"))), "{answer:?}");
        }
    }
    // The tenant's admin may clean up what she cannot read.
    let mut admin = stage.person("lin").await;
    admin.role = TenantRole::Admin;
    let me = admin.clone();
    let hidden =
        stage.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 50)).await;
    assert!(matches!(hidden, Err(StoreError::NotFound("room"))));
    stage.write(move |tx| rooms::destroy(tx, &admin, None, room)).await.expect("an end");
}

async fn a_code_opens_its_room_whatever_its_case(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada]).await.room;
    let me = ada.clone();
    let code = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    let code = code.expect("a code").answer.code;
    assert_eq!(code.len(), 8);
    assert!(code.chars().all(|c| "23456789ABCDEFGHJKMNPQRSTUVWXYZ".contains(c)), "{code}");
    let me = ada.clone();
    let same = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    assert_eq!(same.expect("a code").answer.code, code);
    let typed = format!("{}-{}", code[..4].to_lowercase(), &code[4..]);
    let me = lin.clone();
    let joined = stage.write(move |tx| members::join_by_code(tx, &me, None, &typed)).await;
    assert_eq!(joined.expect("a join").answer.room, room);
    let me = lin.clone();
    let refused = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))));
    let me = ada.clone();
    stage.write(move |tx| codes::destroy(tx, &me, None, room)).await.expect("an end");
    for wrong in [code.as_str(), "", "x", "--------"] {
        let (me, wrong) = (lin.clone(), wrong.to_owned());
        let closed = stage.write(move |tx| members::join_by_code(tx, &me, None, &wrong)).await;
        assert!(matches!(closed, Err(StoreError::NotFound("room"))), "{closed:?}");
    }
    let me = ada;
    let next = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    assert_ne!(next.expect("a code").answer.code, code);
}

async fn the_last_owner_hands_over(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    set(&stage, &ada, room, bob.user, Role::Admin).await.expect("added as admin");
    assert_eq!(role(&stage, &ada, room, bob.user).await, Some(Role::Admin));
    leave(&stage, &ada, room).await.expect("a leaving");
    assert_eq!(role(&stage, &lin, room, bob.user).await, Some(Role::Owner));
    leave(&stage, &bob, room).await.expect("a leaving");
    assert_eq!(role(&stage, &lin, room, lin.user).await, Some(Role::Owner));
    leave(&stage, &lin, room).await.expect("the last one leaves");
    let head = stage.heard(room).len();
    assert_eq!(stage.heard(room), (1..=head as i64).collect::<Vec<_>>());
}

async fn who_is_removed_hears_it_last(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let (me, user) = (lin.clone(), ada.user);
    let refused = stage.write(move |tx| members::remove(tx, &me, None, room, user)).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("a removal");
    let (me, user) = (ada.clone(), lin.user);
    let twice = stage.write(move |tx| members::remove(tx, &me, None, room, user)).await;
    assert!(matches!(twice, Err(StoreError::NotFound("member"))), "{twice:?}");
    let refused = stage.store.append(lin.clone(), room, crate::cast::draft("still?")).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    let events = stage.events.lock();
    let last = events.len() - 1;
    let Event::Room { seq, leave, rows, .. } = &events[last - 1] else { panic!("no removal") };
    assert_eq!((*seq, leave.as_slice()), (2, [lin.user].as_slice()));
    assert!(rows.iter().any(|row| matches!(row, Row::Message(m) if m.meta["what"] == "removed")));
    let Event::Own { user, rows, .. } = &events[last] else { panic!("no own row") };
    assert_eq!(*user, lin.user);
    assert!(matches!(&rows[0], Row::Mine(mine) if mine.state == MineState::Removed));
}

async fn roles_are_given_by_owners_and_one_stays(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let kept = set(&stage, &ada, room, ada.user, Role::Member).await;
    assert!(matches!(kept, Err(StoreError::Conflict(_))), "{kept:?}");
    set(&stage, &ada, room, lin.user, Role::Admin).await.expect("a role");
    set(&stage, &ada, room, lin.user, Role::Admin).await.expect("the same role");
    assert_eq!(stage.heard(room), [1, 2]);
    let refused = set(&stage, &lin, room, bob.user, Role::Admin).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let me = lin.clone();
    let above = stage.write(move |tx| members::remove(tx, &me, None, room, ada.user)).await;
    assert!(matches!(above, Err(StoreError::Forbidden(_))), "{above:?}");
    let me = lin.clone();
    stage.write(move |tx| members::remove(tx, &me, None, room, bob.user)).await.expect("below");
    let nobody = set(&stage, &lin, room, UserId(1), Role::Member).await;
    assert!(matches!(nobody, Err(StoreError::Invalid("user", _))), "{nobody:?}");
}

async fn one_patch_says_one_thing_a_change(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let patch = RoomPatch {
        name: Some("pantry".into()),
        topic: Some("tea".into()),
        visibility: Some(Visibility::Public),
        ..RoomPatch::default()
    };
    let once = key();
    for again in [false, true] {
        let (me, patch, once) = (ada.clone(), patch.clone(), once.clone());
        let done =
            stage.write(move |tx| settings::update(tx, &me, Some(&once), room, &patch)).await;
        let done = done.expect("a change");
        assert_eq!((done.again, done.answer.rev), (again, 3));
        assert_eq!((done.answer.name.as_str(), done.answer.topic.as_str()), ("pantry", "tea"));
    }
    let me = ada.clone();
    let same = patch.clone();
    stage.write(move |tx| settings::update(tx, &me, None, room, &same)).await.expect("nothing");
    assert_eq!(stage.heard(room), [1, 2, 3]);
    for patch in [
        RoomPatch { name: Some("x".into()), ..RoomPatch::default() },
        RoomPatch { history: Some(History::Joined), ..RoomPatch::default() },
    ] {
        let me = lin.clone();
        let refused = stage.write(move |tx| settings::update(tx, &me, None, room, &patch)).await;
        assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    }
}

async fn history_from_joining_hides_what_was_before(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada], |new| new.history = Some(History::Joined)).await.room;
    let early = stage.says(&ada, room, "early").await;
    set(&stage, &ada, room, lin.user, Role::Member).await.expect("added");
    let late = stage.says(&ada, room, "late").await;
    let me = lin.clone();
    let page = stage.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 50)).await;
    let page = page.expect("a page");
    assert_eq!((page.lo, page.hi, page.min_seq, page.as_of), (3, 4, 3, 4));
    assert!(page.rows.iter().all(|row| !matches!(row, Row::Message(m) if m.seq == early.seq)));
    assert!(page.rows.iter().any(|row| matches!(row, Row::Message(m) if m.seq == late.seq)));
    let me = lin.clone();
    let hidden = stage
        .read(move |read| hallway_server::store::messages::show(read, &me, room, early.seq))
        .await;
    assert!(matches!(hidden, Err(StoreError::NotFound("message"))));
    let mut reply = crate::cast::draft("what?");
    reply.reply = Some(early.seq);
    let refused = stage.store.append(lin.clone(), room, reply).await;
    assert!(matches!(refused, Err(StoreError::Invalid("reply", _))), "{refused:?}");
    // Opened for all: the hub learns that everyone sees from the first.
    let me = ada.clone();
    let open = RoomPatch { history: Some(History::All), ..RoomPatch::default() };
    stage.write(move |tx| settings::update(tx, &me, None, room, &open)).await.expect("a change");
    let events = stage.events.lock();
    let Some(Event::Room { enter, .. }) = events.last() else { panic!("no change") };
    let mut everyone = vec![(ada.user, 1), (lin.user, 1)];
    everyone.sort_unstable();
    assert_eq!(*enter, everyone);
}

async fn a_deleted_room_is_gone_for_everyone(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let said = stage.says(&lin, room, "tea?").await;
    let me = lin.clone();
    let refused = stage.write(move |tx| rooms::destroy(tx, &me, None, room)).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))));
    let once = key();
    for again in [false, true] {
        let (me, once) = (ada.clone(), once.clone());
        let done = stage.write(move |tx| rooms::destroy(tx, &me, Some(&once), room)).await;
        assert_eq!(done.expect("an end").again, again);
    }
    for me in [&ada, &lin] {
        let me = me.clone();
        let user = me.user;
        let gone = stage.read(move |read| rooms::show(read, &me, room)).await;
        assert!(matches!(gone, Err(StoreError::NotFound("room"))));
        let mine = stage.read(move |read| own::mine(read, user, room)).await;
        let mine = mine.expect("an answer").expect("a row");
        assert_eq!((mine.state, mine.unread), (MineState::Deleted, 0));
    }
    // A key already done is still answered, so that an outbox can settle.
    let mut same = crate::cast::draft("tea?");
    same.key = said.key.clone().expect("a key");
    let again = stage.store.append(lin.clone(), room, same).await.expect("an answer");
    assert!(again.again);
    let closed = stage
        .events
        .lock()
        .iter()
        .any(|event| matches!(event, Event::Room { closed: true, room: r, .. } if *r == room));
    assert!(closed);
}

async fn lists_show_what_one_may_see(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let mut public = Vec::new();
    for name in ["Ärger", "bar", "Bazaar"] {
        let room = stage
            .room(&[&ada], |new| {
                new.kind = NewRoomKind::Channel;
                new.name = name.into();
            })
            .await;
        public.push(room.room);
    }
    stage.group(&[&ada]).await;
    let count = |query: &str| {
        let (me, query, stage) = (lin.clone(), query.to_owned(), stage.clone());
        async move {
            let list =
                stage.read(move |read| directory::public(read, &me, &query, false, None, 50)).await;
            list.expect("a list").rows.len()
        }
    };
    assert_eq!((count("").await, count("BA").await, count("ärg").await), (3, 2, 1));
    let (mut seen, mut next) = (Vec::new(), None::<String>);
    loop {
        let (me, at) = (lin.clone(), next.take());
        let list = stage
            .read(move |read| directory::public(read, &me, "", false, at.as_deref(), 2))
            .await
            .expect("a list");
        seen.extend(list.rows);
        next = list.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
    let me = lin.clone();
    assert_eq!(
        stage
            .read(move |read| directory::mine(read, &me, false, None, 50))
            .await
            .expect("a list")
            .rows,
        []
    );
    let me = ada.clone();
    let mine =
        stage.read(move |read| directory::mine(read, &me, false, None, 3)).await.expect("a list");
    assert_eq!(mine.rows.len(), 3);
    let me = ada.clone();
    let rest =
        stage.read(move |read| directory::mine(read, &me, false, mine.next.as_deref(), 3)).await;
    assert_eq!(rest.expect("a list").rows.len(), 1);
}
