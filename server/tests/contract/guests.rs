//! Guests: by whose leave they come, that they see one room, and how they go or stay.

use crate::cast::{Stage, key, new_session, newcomer};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::{Guests, MemberRole, NewRoomKind, Registration};
use hallway_protocol::rows::{Role, Row, User};
use hallway_server::params;
use hallway_server::store::guests::{self, By, NewGuest};
use hallway_server::store::mails::{self, Slip};
use hallway_server::store::{
    Me, Result, StoreError, Tx, chores, codes, directory, links, members, rooms, sessions, users,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_guest_comes_by_a_code_and_sees_that_room_alone,
    tenant_and_room_say_who_comes,
    an_open_room_needs_no_code,
    nobody_brings_a_guest_elsewhere_or_raises_one,
    a_guest_who_was_not_here_for_a_day_is_gone_and_the_words_stay,
    a_guest_becomes_an_account_and_keeps_everything,
    where_mail_is_on_a_guest_is_one_until_the_address_is_verified,
);

fn guest(name: &str) -> NewGuest {
    let session = new_session(&format!("session of {name}"));
    NewGuest { display_name: name.into(), language: "en".into(), session }
}

async fn come(stage: &Stage, allowed: Guests, by: By, name: &str) -> Result<Me> {
    let (tenant, new) = (stage.tenant().await, guest(name));
    let session = new.session.id.clone();
    stage.write(move |tx| guests::come(tx, tenant, allowed, &by, &new)).await?;
    Ok(stage.whois(&session).await)
}

async fn code(stage: &Stage, me: &Me, room: RoomId) -> By {
    let me = me.clone();
    let made = stage.write(move |tx| codes::create(tx, &me, None, room)).await;
    By::Code(made.expect("a code").answer.code)
}

async fn own(stage: &Stage, me: &Me) -> User {
    let user = me.user;
    stage.read(move |read| users::own_row(read, user)).await.expect("a row")
}

fn hidden<T: std::fmt::Debug>(done: &Result<T>) -> bool {
    matches!(done, Err(StoreError::NotFound("room")))
}

async fn a_guest_comes_by_a_code_and_sees_that_room_alone(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let other = stage.room(&[&ada], |new| new.kind = NewRoomKind::Channel).await.room;
    let second = stage.group(&[&ada]).await.room;
    stage.says(&ada, room, "before anyone came").await;
    let opens = code(&stage, &ada, room).await;
    let eve = come(&stage, Guests::Code, opens, "Eve").await.expect("she is in");
    assert!(eve.guest);
    let row = own(&stage, &eve).await;
    assert_eq!((row.guest, row.display_name.as_str()), (true, "Eve"));
    stage.says(&eve, room, "hello").await;
    let me = eve.clone();
    let mine =
        stage.read(move |read| directory::mine(read, &me, false, None, 50)).await.expect("a list");
    let seen: Vec<_> = mine.rows.iter().filter(|row| matches!(row, Row::Room(_))).collect();
    assert_eq!(seen.len(), 1, "{mine:?}");
    let me = eve.clone();
    assert!(hidden(&stage.read(move |read| rooms::show(read, &me, other)).await));
    // Another room's code is another guest's.
    let By::Code(further) = code(&stage, &ada, second).await else { panic!("a code") };
    let me = eve.clone();
    let joined = stage.write(move |tx| members::join_by_code(tx, &me, None, &further)).await;
    assert!(hidden(&joined), "{joined:?}");
    let me = ada.clone();
    let list = stage.read(move |read| members::list(read, &me, room, None, 50)).await;
    let list = list.expect("a list").rows;
    let told = list.iter().any(|row| matches!(row, Row::User(u) if u.user == eve.user && u.guest));
    assert!(told, "{list:?}");
}

async fn tenant_and_room_say_who_comes(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let opens = code(&stage, &ada, room).await;
    let say = |set: Option<Guests>, allowed: Guests| {
        let (me, stage) = (ada.clone(), stage.clone());
        async move {
            let done = stage.write(move |tx| guests::set(tx, &me, None, allowed, room, set)).await;
            done.expect("set").answer.guests
        }
    };
    for (n, (tenant, set, shown, comes)) in [
        (Guests::Off, None, Guests::Off, false),
        (Guests::Off, Some(Guests::Open), Guests::Off, false),
        (Guests::Code, None, Guests::Code, true),
        (Guests::Code, Some(Guests::Off), Guests::Off, false),
        (Guests::Code, Some(Guests::Code), Guests::Code, true),
        (Guests::Open, Some(Guests::Open), Guests::Code, true),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(say(set, tenant).await, shown, "{tenant:?} {set:?}");
        let done = come(&stage, tenant, opens.clone(), &format!("guest {n}")).await;
        assert_eq!(done.is_ok(), comes, "{tenant:?} {set:?}: {done:?}");
        assert!(comes || hidden(&done));
        // Without a code into a private room: never.
        let done = come(&stage, tenant, By::Room(room), &format!("other {n}")).await;
        assert!(hidden(&done), "{done:?}");
    }
    let wrong = come(&stage, Guests::Open, By::Code("ABCDEFGH".into()), "bob").await;
    assert!(hidden(&wrong));
    let lin = stage.person("lin").await;
    let me = lin.clone();
    let set = stage.write(move |tx| guests::set(tx, &me, None, Guests::Open, room, None)).await;
    assert!(hidden(&set), "{set:?}");
}

async fn an_open_room_needs_no_code(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let hall = stage.room(&[&ada], |new| new.kind = NewRoomKind::Channel).await.room;
    assert!(hidden(&come(&stage, Guests::Code, By::Room(hall), "Bob").await));
    let eve = come(&stage, Guests::Open, By::Room(hall), "Eve").await.expect("she is in");
    stage.says(&eve, hall, "hello").await;
    let me = ada.clone();
    stage
        .write(move |tx| guests::set(tx, &me, None, Guests::Open, hall, Some(Guests::Code)))
        .await
        .expect("set");
    assert!(hidden(&come(&stage, Guests::Open, By::Room(hall), "Lin").await));
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, hall)).await.expect("gone");
    assert!(hidden(&come(&stage, Guests::Open, By::Room(hall), "Lin").await));
}

async fn nobody_brings_a_guest_elsewhere_or_raises_one(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let (room, other) = (stage.group(&[&ada]).await.room, stage.group(&[&ada]).await.room);
    let opens = code(&stage, &ada, room).await;
    let eve = come(&stage, Guests::Code, opens, "Eve").await.expect("she is in");
    let (me, user) = (ada.clone(), eve.user);
    let added = stage
        .write(move |tx| members::set(tx, &me, None, other, user, &MemberRole::default()))
        .await;
    assert!(matches!(added, Err(StoreError::Invalid("user", _))), "{added:?}");
    let me = ada.clone();
    let owner = MemberRole { role: Some(Role::Owner), ..MemberRole::default() };
    let raised = stage.write(move |tx| members::set(tx, &me, None, room, user, &owner)).await;
    assert!(matches!(raised, Err(StoreError::Conflict(_))), "{raised:?}");
    // The last owner hands over to whoever stays.
    let lin = stage.person("lin").await;
    let (me, user) = (ada.clone(), lin.user);
    stage
        .write(move |tx| members::set(tx, &me, None, room, user, &MemberRole::default()))
        .await
        .expect("in");
    let me = ada.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("left");
    let list = stage.read(move |read| members::list(read, &lin, room, None, 50)).await;
    let rows = list.expect("a list").rows;
    let owners = rows.iter().filter_map(|row| match row {
        Row::Member(member) if member.role == Role::Owner => Some(member.user),
        _ => None,
    });
    assert_eq!(owners.collect::<Vec<_>>(), [user]);
}

/// Lets the server have run for so many hours more, and does all there is to do inside.
async fn run_for(stage: &Stage, hours: i64) {
    let set = move |tx: &mut Tx<'_>| {
        let next = (chores::hours(tx)? + hours).to_string();
        tx.exec("update meta set value = $1 where name = 'hours'", params![&next])
    };
    stage.write(chores::begin).await.expect("a job");
    stage.work().await;
    assert_eq!(stage.write(set).await.expect("a count"), 1);
    stage.clock.turn(Duration::from_millis(3_600_001));
    stage.work().await;
}

async fn a_guest_who_was_not_here_for_a_day_is_gone_and_the_words_stay(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let opens = code(&stage, &ada, room).await;
    let eve = come(&stage, Guests::Code, opens.clone(), "Eve").await.expect("she is in");
    let bob = come(&stage, Guests::Code, opens, "Bob").await.expect("he is in");
    let said = stage.says(&eve, room, "I was here").await;
    run_for(&stage, guests::GONE - 2).await;
    let me = bob.clone();
    stage.write(move |tx| sessions::seen(tx, &me)).await.expect("seen");
    run_for(&stage, 3).await;
    let (session, here) = (eve.session.clone(), bob.session.clone());
    let gone = stage.read(move |read| sessions::whois(read, &session)).await;
    assert_eq!(gone.expect("an answer"), None);
    assert!(stage.read(move |read| sessions::whois(read, &here)).await.expect("one").is_some());
    let row = own(&stage, &eve).await;
    assert_eq!((row.deleted, row.guest, row.display_name.as_str()), (true, true, "Eve"));
    let list = {
        let me = ada.clone();
        stage.read(move |read| members::list(read, &me, room, None, 50)).await
    };
    let rows = list.expect("a list").rows;
    assert!(!rows.iter().any(|row| matches!(row, Row::Member(m) if m.user == eve.user)));
    let text = stage.read(move |read| {
        let sql = "select text from messages where room = $1 and seq = $2";
        read.one(sql, params![room, said.seq], |row| row.get::<String>(0))
    });
    assert_eq!(text.await.expect("an answer").as_deref(), Some("I was here"));
}

async fn a_guest_becomes_an_account_and_keeps_everything(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let opens = code(&stage, &ada, room).await;
    let eve = come(&stage, Guests::Code, opens, "Eve").await.expect("she is in");
    let stay = |name: &'static str, registration: Registration, once: Option<_>| {
        let (me, stage) = (eve.clone(), stage.clone());
        async move {
            let mut new = newcomer(name);
            new.email = Some("eve@example.org".into());
            stage.write(move |tx| guests::stay(tx, &me, once.as_ref(), registration, &new)).await
        }
    };
    let refused = stay("eve", Registration::Closed, None).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let refused = stay("eve", Registration::Invite, None).await;
    assert!(matches!(refused, Err(StoreError::Invalid("invite", _))), "{refused:?}");
    let refused = stay("Ada", Registration::Open, None).await;
    assert!(matches!(refused, Err(StoreError::Taken("name"))), "{refused:?}");
    let once = key();
    for again in [false, true] {
        let done = stay("eve", Registration::Open, Some(once.clone())).await.expect("she stays");
        assert_eq!(
            (done.again, done.answer.guest, done.answer.name.as_str()),
            (again, false, "eve")
        );
        assert_eq!(done.answer.user, eve.user);
    }
    let refused = stay("eve2", Registration::Open, None).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let now = stage.whois(&eve.session).await;
    assert!(!now.guest);
    run_for(&stage, guests::GONE + 2).await;
    assert_eq!(stage.whois(&eve.session).await, now, "who has an account stays");
    stage.says(&now, room, "still here").await;
}

async fn where_mail_is_on_a_guest_is_one_until_the_address_is_verified(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let opens = code(&stage, &ada, room).await;
    let eve = come(&stage, Guests::Code, opens, "Eve").await.expect("she is in");
    let me = eve.clone();
    let named =
        stage.write(move |tx| mails::change_address(tx, &me, "e@example.org", None, None)).await;
    assert!(matches!(named, Err(StoreError::Forbidden(_))), "{named:?}");
    let mut new = newcomer("eve");
    (new.email, new.slip) =
        (Some("eve@example.org".into()), Some(Slip { id: "m".into(), hash: [1; 32] }));
    let me = eve.clone();
    let done = stage.write(move |tx| guests::stay(tx, &me, None, Registration::Open, &new)).await;
    assert!(done.expect("asked").answer.guest, "until the address answers");
    assert!(stage.whois(&eve.session).await.guest);
    let user = eve.user;
    assert!(stage.read(move |read| mails::waits(read, user)).await.expect("an answer"));
    stage.write(|tx| links::verify(tx, None, &[1; 32], None)).await.expect("hers");
    assert!(!stage.whois(&eve.session).await.guest);
    let row = own(&stage, &eve).await;
    assert_eq!((row.guest, row.email.as_deref()), (false, Some("eve@example.org")));
}
