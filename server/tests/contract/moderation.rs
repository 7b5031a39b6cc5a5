//! Reports, bans, deletions with a reason; and that each of them is in the record.

use crate::cast::{Stage, key, new_session};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rest::{Ban, MemberRole, NewReport, NewRoomKind, Report};
use hallway_protocol::rows::{Row, TenantRole};
use hallway_server::store::bans::{self, NewBan, Whom};
use hallway_server::store::reports::{self, Find};
use hallway_server::store::{
    Event, Me, Once, Result, StoreError, audit, deletions, members, messages, rooms, sessions,
};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_report_reaches_those_who_look_after_the_room,
    what_one_does_not_see_cannot_be_reported,
    a_banned_person_is_out_at_once_and_comes_back_when_it_is_over,
    who_owns_the_tenant_is_kept_out_by_nobody,
    a_barred_address_is_that_of_the_household,
    a_ban_takes_the_place_of_the_one_before,
    why_it_was_deleted_is_told_to_its_author_and_to_admins,
    every_act_of_a_moderator_is_in_the_record,
);

async fn report(stage: &Stage, me: &Me, room: RoomId, seq: Seq) -> Result<Once<Report>> {
    let (me, reason) = (me.clone(), "spam".to_owned());
    let new = NewReport { room, seq, reason };
    stage.write(move |tx| reports::create(tx, &me, None, &new)).await
}

async fn reported(stage: &Stage, me: &Me, resolved: Option<bool>) -> Vec<Seq> {
    let me = me.clone();
    let find = Find { resolved, next: None, limit: 50 };
    let list = stage.read(move |read| reports::list(read, &me, &find)).await.expect("a list");
    list.items.into_iter().map(|report| report.seq).collect()
}

async fn ban(stage: &Stage, me: &Me, whom: Whom, until: Option<i64>) -> Result<Ban> {
    let id = format!("ban of {whom:?} at {}", key());
    let new = NewBan { id, whom, until, reason: "spam".into(), from: None };
    let me = me.clone();
    stage.write(move |tx| bans::create(tx, &me, None, &new)).await.map(|once| once.answer)
}

/// Ada owns the tenant, as the first who registers with its token does.
async fn raised(stage: &Stage, me: &Me, role: TenantRole) -> Me {
    let (user, stored) = (me.user, role as i64);
    let raise = stage.write(move |tx| {
        let params = hallway_server::params![stored, user];
        tx.exec("update users set role = $1 where id = $2", params)
    });
    raise.await.expect("a role");
    stage.whois(&me.session).await
}

async fn comes_in(stage: &Stage, user: UserId, name: &str, from: Option<&str>) -> Result<()> {
    let mut session = new_session(&format!("{} of {name}", key()));
    session.address = from.map(|from| from.parse().expect("an address"));
    let seen = format!("hash of {name}");
    let signed = stage.write(move |tx| Stage::sign_in(tx, user, &seen, None, &session));
    signed.await.map(|_| ())
}

fn forbidden<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(StoreError::Forbidden(_))), "{answer:?}");
}

async fn a_report_reaches_those_who_look_after_the_room(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let (eve, dan) = (stage.person("eve").await, stage.person("dan").await);
    let eve = raised(&stage, &eve, TenantRole::Admin).await;
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let said = stage.says(&bob, room, "buy now").await;
    let first = report(&stage, &lin, room, said.seq).await.expect("a report");
    let again = report(&stage, &lin, room, said.seq).await.expect("the same");
    assert_eq!((first.again, again.again, &again.answer), (false, true, &first.answer));
    assert_eq!((first.answer.sender, first.answer.by), (bob.user, lin.user));
    // The owner of the room and those who moderate the tenant; nobody else.
    assert_eq!(reported(&stage, &ada, None).await, [said.seq]);
    assert_eq!(reported(&stage, &eve, Some(false)).await, [said.seq]);
    for me in [&lin, &bob, &dan] {
        assert!(reported(&stage, me, None).await.is_empty());
        let (me, id) = (me.clone(), first.answer.id.clone());
        let done = stage.write(move |tx| reports::resolve(tx, &me, None, &id, true)).await;
        assert!(matches!(done, Err(StoreError::NotFound("report"))), "{done:?}");
    }
    let (me, id) = (ada.clone(), first.answer.id.clone());
    let done = stage.write(move |tx| reports::resolve(tx, &me, None, &id, true)).await;
    let done = done.expect("dealt with").answer;
    assert_eq!((done.resolved_by, done.resolved_at.is_some()), (Some(ada.user), true));
    assert!(reported(&stage, &eve, Some(false)).await.is_empty());
    assert_eq!(reported(&stage, &eve, Some(true)).await, [said.seq]);
    let (me, id) = (eve.clone(), first.answer.id);
    let open = stage.write(move |tx| reports::resolve(tx, &me, None, &id, false)).await;
    assert_eq!(open.expect("open again").answer.resolved_at, None);
    // Parts of the list follow each other.
    for n in 0..4 {
        let said = stage.says(&bob, room, &format!("more {n}")).await;
        stage.clock.turn(Duration::from_millis(5));
        report(&stage, &lin, room, said.seq).await.expect("a report");
    }
    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let (me, find) = (eve.clone(), Find { resolved: None, next, limit: 2 });
        let part = stage.read(move |read| reports::list(read, &me, &find)).await.expect("a part");
        seen.extend(part.items.into_iter().map(|report| report.seq));
        next = part.next;
        if next.is_none() {
            break;
        }
    }
    let mut newest = seen.clone();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!((seen.len(), &seen), (5, &newest));
}

async fn what_one_does_not_see_cannot_be_reported(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada]).await.room;
    let said = stage.says(&ada, room, "secret").await;
    let refused = report(&stage, &lin, room, said.seq).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    let refused = report(&stage, &ada, room, said.seq + 9).await;
    assert!(matches!(refused, Err(StoreError::NotFound("message"))), "{refused:?}");
    let notice = report(&stage, &ada, room, 1).await;
    assert!(matches!(notice, Err(StoreError::Conflict(_))), "{notice:?}");
}

async fn a_banned_person_is_out_at_once_and_comes_back_when_it_is_over(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let refused = ban(&stage, &ada, Whom::Person(lin.user), None).await;
    forbidden(refused);
    let ada = raised(&stage, &ada, TenantRole::Owner).await;
    comes_in(&stage, lin.user, "lin", None).await.expect("not yet");
    let until = Some(stage.clock.now() + 60_000);
    ban(&stage, &ada, Whom::Person(lin.user), until).await.expect("a ban");
    let ended = stage.events.lock().iter().any(|event| {
        matches!(event, Event::Ended { user, thrown: true, sessions }
            if *user == lin.user && sessions.contains(&lin.session) && sessions.len() == 2)
    });
    assert!(ended, "both of their sessions end, and their devices delete what they hold");
    let session = lin.session.clone();
    let whois = stage.read(move |read| sessions::whois(read, &session)).await;
    assert!(whois.expect("an answer").is_none());
    forbidden(comes_in(&stage, lin.user, "lin", None).await);
    stage.clock.turn(Duration::from_secs(61));
    comes_in(&stage, lin.user, "lin", None).await.expect("it is over by itself");
    let me = ada.clone();
    let list = stage.read(move |read| members::list(read, &me, room, None, 50)).await;
    let rows = list.expect("a list").rows;
    assert!(rows.iter().any(|row| matches!(row, Row::Member(member) if member.user == lin.user)));
    // Lifting is the other way out.
    let made = ban(&stage, &ada, Whom::Person(lin.user), None).await.expect("a ban");
    stage.clock.turn(Duration::from_secs(10_000_000));
    forbidden(comes_in(&stage, lin.user, "lin", None).await);
    let me = ada.clone();
    stage
        .write(move |tx| bans::destroy(tx, &me, None, &made.id, None))
        .await
        .expect("it is lifted");
    comes_in(&stage, lin.user, "lin", None).await.expect("back");
}

async fn who_owns_the_tenant_is_kept_out_by_nobody(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let ada = raised(&stage, &ada, TenantRole::Owner).await;
    let lin = raised(&stage, &lin, TenantRole::Admin).await;
    let eve = stage.person("eve").await;
    let eve = raised(&stage, &eve, TenantRole::Admin).await;
    for (by, whom) in [(&lin, &ada), (&lin, &eve), (&lin, &lin), (&ada, &ada), (&bob, &eve)] {
        forbidden(ban(&stage, by, Whom::Person(whom.user), None).await);
    }
    ban(&stage, &lin, Whom::Person(bob.user), None).await.expect("an admin bans a member");
    ban(&stage, &ada, Whom::Person(eve.user), None).await.expect("the owner bans an admin");
    let address: IpAddr = "192.0.2.7".parse().expect("an address");
    ban(&stage, &ada, Whom::Address(address), None).await.expect("a ban");
    comes_in(&stage, ada.user, "ada", Some("192.0.2.7")).await.expect("she owns it");
    forbidden(comes_in(&stage, lin.user, "lin", Some("192.0.2.7")).await);
    let nobody = ban(&stage, &ada, Whom::Person(UserId(1)), None).await;
    assert!(matches!(nobody, Err(StoreError::Invalid("user", _))), "{nobody:?}");
    let past = ban(&stage, &ada, Whom::Person(lin.user), Some(1)).await;
    assert!(matches!(past, Err(StoreError::Invalid("until", _))), "{past:?}");
}

async fn a_barred_address_is_that_of_the_household(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let ada = raised(&stage, &ada, TenantRole::Owner).await;
    let whom = |text: &str| Whom::Address(text.parse().expect("an address"));
    let made = ban(&stage, &ada, whom("2001:db8:1:2:3:4:5:6"), None).await.expect("a ban");
    assert_eq!(made.address.as_deref(), Some("2001:db8:1:2::"));
    ban(&stage, &ada, whom("::ffff:192.0.2.9"), None).await.expect("a ban");
    for (from, barred) in [
        ("2001:db8:1:2::9", true),
        ("2001:db8:1:3::9", false),
        ("192.0.2.9", true),
        ("192.0.2.10", false),
    ] {
        let came = comes_in(&stage, lin.user, "lin", Some(from)).await;
        assert_eq!(came.is_err(), barred, "{from}: {came:?}");
    }
    let known = stage.read(bans::addresses).await.expect("a list");
    assert_eq!(known.len(), 2);
    {
        let events = stage.events.lock();
        let heard = events.iter().filter(|event| matches!(event, Event::Barred { .. })).count();
        assert_eq!(heard, 2);
    }
    let me = ada.clone();
    stage.write(move |tx| bans::destroy(tx, &me, None, &made.id, None)).await.expect("lifted");
    comes_in(&stage, lin.user, "lin", Some("2001:db8:1:2::9")).await.expect("open again");
    // Another tenant does not know of it.
    let other = stage.write(|tx| {
        hallway_server::store::tenants::create(tx, "other", "Other").map(|tenant| tenant.id)
    });
    let bob = stage.person_of(other.await.expect("a tenant"), "bob").await;
    comes_in(&stage, bob.user, "bob", Some("192.0.2.9")).await.expect("another tenant");
}

async fn a_ban_takes_the_place_of_the_one_before(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let ada = raised(&stage, &ada, TenantRole::Owner).await;
    let until = Some(stage.clock.now() + 60_000);
    let first = ban(&stage, &ada, Whom::Person(lin.user), until).await.expect("a ban");
    let second = ban(&stage, &ada, Whom::Person(lin.user), None).await.expect("a ban");
    let me = ada.clone();
    let list = stage.read(move |read| bans::list(read, &me, None, 50)).await.expect("a list");
    assert_eq!(list.items, [second]);
    let me = ada.clone();
    let gone = stage.write(move |tx| bans::destroy(tx, &me, None, &first.id, None)).await;
    assert!(matches!(gone, Err(StoreError::NotFound("ban"))), "{gone:?}");
}

async fn delete(stage: &Stage, me: &Me, room: RoomId, seq: Seq, reason: Option<&str>) {
    let (me, reason) = (me.clone(), reason.map(str::to_owned));
    let done =
        stage.write(move |tx| deletions::create(tx, &me, room, None, seq, reason.as_deref())).await;
    done.expect("deleted");
}

async fn why_it_was_deleted_is_told_to_its_author_and_to_admins(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let said = stage.says(&lin, room, "buy now").await;
    let why = async |me: &Me| {
        let me = me.clone();
        stage.read(move |read| deletions::show(read, &me, room, said.seq)).await
    };
    assert!(matches!(why(&lin).await, Err(StoreError::NotFound("deletion"))));
    delete(&stage, &ada, room, said.seq, Some("advertising")).await;
    delete(&stage, &ada, room, said.seq, Some("something else")).await;
    for me in [&ada, &lin] {
        let told = why(me).await.expect("a reason");
        assert_eq!((told.by, told.reason.as_deref()), (ada.user, Some("advertising")));
    }
    forbidden(why(&bob).await);
    let me = bob.clone();
    let shown = stage.read(move |read| messages::show(read, &me, room, said.seq)).await;
    let shown = serde_json::to_string(&shown.expect("a tombstone")).expect("JSON");
    assert!(!shown.contains("advertising"), "{shown}");
    let own = stage.says(&lin, room, "oops").await;
    delete(&stage, &lin, room, own.seq, Some("no reason of mine is kept")).await;
    let me = lin.clone();
    let told = stage.read(move |read| deletions::show(read, &me, room, own.seq)).await;
    let told = told.expect("by herself");
    assert_eq!((told.by, told.reason), (lin.user, None));
}

async fn every_act_of_a_moderator_is_in_the_record(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let ada = raised(&stage, &ada, TenantRole::Owner).await;
    let room = stage.room(&[&ada, &lin, &bob], |new| new.kind = NewRoomKind::Group).await.room;
    let said = stage.says(&lin, room, "buy now").await;
    report(&stage, &bob, room, said.seq).await.expect("a report");
    delete(&stage, &ada, room, said.seq, Some("advertising")).await;
    let until = Some(stage.clock.now() + 60_000);
    for muted_until in [Some(until), Some(until), Some(None)] {
        let wanted = MemberRole { role: None, muted_until };
        let (me, user) = (ada.clone(), lin.user);
        stage
            .write(move |tx| members::set(tx, &me, None, room, user, &wanted))
            .await
            .expect("a mute");
    }
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    let made = ban(&stage, &ada, Whom::Person(lin.user), None).await.expect("a ban");
    let me = ada.clone();
    stage.write(move |tx| bans::destroy(tx, &me, None, &made.id, None)).await.expect("lifted");
    let address = "192.0.2.7".parse().expect("an address");
    ban(&stage, &ada, Whom::Address(address), None).await.expect("a ban");
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, room)).await.expect("deleted");

    let tenant = Some(ada.tenant);
    let find = audit::Find { tenant, limit: 50, ..audit::Find::default() };
    let lines = stage.read(move |read| audit::list(read, &find)).await.expect("lines");
    let mut acts: Vec<_> = lines
        .iter()
        .filter(|line| !matches!(line.act.as_str(), "registered" | "sign_in"))
        .map(|line| (line.act.as_str(), line.target.as_deref().unwrap_or_default().to_owned()))
        .collect();
    acts.reverse();
    let (lins, message) = (format!("user:{}", lin.user), format!("message:{room}/{}", said.seq));
    let expected = [
        ("message_reported", message.clone()),
        ("message_deleted", message),
        ("member_muted", lins.clone()),
        ("member_unmuted", lins.clone()),
        ("member_removed", lins.clone()),
        ("person_banned", lins.clone()),
        ("ban_lifted", lins),
        ("address_banned", "address:192.0.2.7".into()),
        ("room_deleted", format!("room:{room}")),
    ];
    assert_eq!(acts, expected);
    let of = |act: &str| {
        let line = lines.iter().find(|line| line.act == act).expect("a line");
        Value::Object(line.detail.clone())
    };
    assert_eq!(of("message_deleted"), json!({"reason": "advertising"}));
    assert_eq!(of("person_banned")["reason"], "spam");
    let text = serde_json::to_string(&lines).expect("JSON");
    assert!(!text.contains("buy now"), "what somebody said is no part of the record");
}
