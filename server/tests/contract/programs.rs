//! Programs among people: bots, addresses that speak into a room, slash commands, and what pages say
//! of themselves.

use crate::cast::{Stage, key};
use hallway_protocol::ids::{RoomId, TenantId};
use hallway_protocol::rest::MemberRole;
use hallway_protocol::rows::Row;
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::bots::{self, BotKey, NewBot};
use hallway_server::store::commands::{self, Began, NewCommand};
use hallway_server::store::hooks::{self, NewHook};
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::previews::{self, Said};
use hallway_server::store::{Event, Me, Result, StoreError, accounts, members, messages, storage};
use hallway_server::tokens::digest;
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_bot_is_made_once_and_signs_in_by_its_latest_key,
    a_bot_that_is_taken_away_opens_nothing,
    another_tenants_bot_is_not_there,
    a_hook_speaks_as_a_member_until_it_is_taken_away,
    who_may_not_add_people_makes_no_hook,
    a_command_has_one_name_and_is_its_tenants,
    a_command_is_asked_once_by_who_may_speak,
    what_is_asked_survives_whoever_asks_it,
    a_page_is_remembered_for_a_while_and_for_one_tenant,
    a_deleted_message_takes_the_pages_it_named_with_it,
);

fn of(me: &Me) -> Admin {
    Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address: None }
}

fn elsewhere(me: &Me) -> Admin {
    Admin { tenant: Some(TenantId(4711)), ..of(me) }
}

fn opens(key: &str) -> BotKey {
    BotKey { id: key.into(), hash: digest(key) }
}

fn tea(key: &str) -> NewBot {
    NewBot { name: "kettle".into(), display_name: "Kettle".into(), key: opens(key) }
}

/// Whose key it is.
async fn whose(stage: &Stage, key: &str) -> Option<i64> {
    let hash = digest(key);
    let found = stage.read(move |read| {
        let sql = "select person from keys where hash = $1";
        read.one(sql, hallway_server::params![&hash], |row| row.get::<i64>(0))
    });
    found.await.expect("read")
}

async fn a_bot_is_made_once_and_signs_in_by_its_latest_key(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let (admin, once) = (of(&ada), key());
    let make = async |key: &str| {
        let (admin, once, new) = (admin.clone(), once.clone(), tea(key));
        stage.write(move |tx| bots::create(tx, &admin, Some(&once), &new)).await
    };
    let made = make("one").await.expect("a bot");
    let bot = made.answer.user;
    assert!(!made.again && made.answer.bot && made.answer.name == "kettle");
    let again = make("two").await.expect("the first");
    assert!(again.again && again.answer == made.answer);
    let taken = {
        let (admin, new) = (admin.clone(), tea("three"));
        stage.write(move |tx| bots::create(tx, &admin, None, &new)).await
    };
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
    assert_eq!(whose(&stage, "one").await, Some(bot.0));
    assert_eq!((whose(&stage, "two").await, whose(&stage, "three").await), (None, None));
    let (me, once) = (admin.clone(), key());
    for (new, again) in [("four", false), ("five", true)] {
        let (me, once, new) = (me.clone(), once.clone(), opens(new));
        let done = stage.write(move |tx| bots::rekey(tx, &me, Some(&once), bot, &new)).await;
        assert_eq!(done.expect("a key").again, again);
    }
    assert_eq!((whose(&stage, "one").await, whose(&stage, "four").await), (None, Some(bot.0)));
    assert_eq!(whose(&stage, "five").await, None);
    let ended = |event: &Event| matches!(event, Event::KeyEnded { key } if key == "one");
    assert!(stage.events.lock().iter().any(ended), "its connections end");
    let me = admin.clone();
    let list = stage.read(move |read| bots::list(read, &me, None, 50)).await.expect("a list").rows;
    assert!(matches!(&list[..], [Row::User(row)] if row.user == bot && row.bot), "{list:?}");
}

async fn a_bot_that_is_taken_away_opens_nothing(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let admin = of(&ada);
    let me = admin.clone();
    let made = stage.write(move |tx| bots::create(tx, &me, None, &tea("one"))).await;
    let bot = made.expect("a bot").answer.user;
    let (me, wanted) = (ada.clone(), MemberRole::default());
    let added = stage.write(move |tx| members::set(tx, &me, None, room, bot, &wanted)).await;
    added.expect("a member");
    let once = key();
    for again in [false, true] {
        let (me, once) = (admin.clone(), once.clone());
        let gone = stage.write(move |tx| bots::destroy(tx, &me, Some(&once), bot)).await;
        assert_eq!(gone.expect("gone").again, again);
    }
    assert_eq!(whose(&stage, "one").await, None);
    let me = admin.clone();
    let list = stage.read(move |read| bots::list(read, &me, None, 50)).await;
    assert_eq!(list.expect("a list").rows, []);
    let me = admin.clone();
    let late = stage.write(move |tx| bots::rekey(tx, &me, None, bot, &opens("two"))).await;
    assert!(matches!(late, Err(StoreError::NotFound("bot"))), "{late:?}");
    let shut = |event: &Event| matches!(event, Event::Shut { user } if *user == bot);
    assert!(stage.events.lock().iter().any(shut));
}

async fn another_tenants_bot_is_not_there(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let me = of(&ada);
    let made = stage.write(move |tx| bots::create(tx, &me, None, &tea("one"))).await;
    let bot = made.expect("a bot").answer.user;
    let me = elsewhere(&ada);
    let gone = stage.write(move |tx| bots::destroy(tx, &me, None, bot)).await;
    assert!(matches!(gone, Err(StoreError::NotFound("bot"))), "{gone:?}");
    let me = elsewhere(&ada);
    let keyed = stage.write(move |tx| bots::rekey(tx, &me, None, bot, &opens("two"))).await;
    assert!(matches!(keyed, Err(StoreError::NotFound("bot"))), "{keyed:?}");
    let me = elsewhere(&ada);
    let list = stage.read(move |read| bots::list(read, &me, None, 50)).await;
    assert_eq!(list.expect("a list").rows, []);
    // Nor is a person a bot.
    let (me, user) = (of(&ada), ada.user);
    let gone = stage.write(move |tx| bots::destroy(tx, &me, None, user)).await;
    assert!(matches!(gone, Err(StoreError::NotFound("bot"))), "{gone:?}");
    assert_eq!(whose(&stage, "one").await, Some(bot.0));
}

fn builds(id: &str) -> NewHook {
    NewHook { id: id.into(), name: "Builds".into(), hash: digest(id) }
}

async fn opened(stage: &Stage, token: &str) -> Option<(Me, RoomId)> {
    let hash = digest(token);
    stage.read(move |read| hooks::opened(read, &hash)).await.expect("read")
}

async fn a_hook_speaks_as_a_member_until_it_is_taken_away(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let once = key();
    let make = async |id: &str| {
        let (me, once, new) = (ada.clone(), once.clone(), builds(id));
        let made = stage.write(move |tx| hooks::create(tx, &me, Some(&once), room, &new)).await;
        made.expect("a hook")
    };
    let made = make("one").await;
    assert!(!made.again && made.answer.by == ada.user);
    let again = make("two").await;
    assert!(again.again && again.answer == made.answer);
    assert_eq!(opened(&stage, "two").await, None);
    let (bot, into) = opened(&stage, "one").await.expect("it is open");
    assert_eq!((bot.user, into), (made.answer.user, room));
    let said = stage.store.append(bot.clone(), room, crate::cast::draft("built")).await;
    assert_eq!(said.expect("said").message.sender, bot.user);
    let me = ada.clone();
    let list = stage.read(move |read| hooks::list(read, &me, room, None, 50)).await;
    assert_eq!(list.expect("a list").items[..], [made.answer]);
    // Shown out it is silent, and may be let in again.
    let (me, user) = (ada.clone(), bot.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    let silent = stage.store.append(bot.clone(), room, crate::cast::draft("x")).await;
    assert!(matches!(silent, Err(StoreError::NotFound("room"))), "{silent:?}");
    let once = key();
    for again in [false, true] {
        let (me, once) = (ada.clone(), once.clone());
        let gone = stage.write(move |tx| hooks::destroy(tx, &me, Some(&once), room, "one")).await;
        assert_eq!(gone.expect("gone").again, again);
    }
    assert_eq!(opened(&stage, "one").await, None);
    let me = ada.clone();
    let late = stage.write(move |tx| hooks::destroy(tx, &me, None, room, "one")).await;
    assert!(matches!(late, Err(StoreError::NotFound("hook"))), "{late:?}");
}

async fn who_may_not_add_people_makes_no_hook(stage: Arc<Stage>) {
    let (ada, lin, eve) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("eve").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let other = stage.group(&[&ada]).await.room;
    let me = ada.clone();
    stage.write(move |tx| hooks::create(tx, &me, None, room, &builds("one"))).await.expect("made");
    for (who, refused) in [(&lin, "forbidden"), (&eve, "room")] {
        let fits = |error: &StoreError| match refused {
            "forbidden" => matches!(error, StoreError::Forbidden(_)),
            _ => matches!(error, StoreError::NotFound("room")),
        };
        let me = who.clone();
        let made = stage.write(move |tx| hooks::create(tx, &me, None, room, &builds("two"))).await;
        assert!(made.as_ref().is_err_and(fits), "{made:?}");
        let me = who.clone();
        let list = stage.read(move |read| hooks::list(read, &me, room, None, 50)).await;
        assert!(list.as_ref().is_err_and(fits), "{list:?}");
        let me = who.clone();
        let gone = stage.write(move |tx| hooks::destroy(tx, &me, None, room, "one")).await;
        assert!(gone.as_ref().is_err_and(fits), "{gone:?}");
    }
    // Nor is it there by the way of another room.
    let me = ada.clone();
    let gone = stage.write(move |tx| hooks::destroy(tx, &me, None, other, "one")).await;
    assert!(matches!(gone, Err(StoreError::NotFound("hook"))), "{gone:?}");
    assert!(opened(&stage, "one").await.is_some() && opened(&stage, "two").await.is_none());
}

fn brews(id: &str, name: &str) -> NewCommand {
    NewCommand {
        id: id.into(),
        name: name.into(),
        url: "https://a.example/".into(),
        description: "Makes tea.".into(),
        secret: "sealed".into(),
    }
}

async fn commands_of(stage: &Stage, me: &Me) -> Vec<String> {
    let me = me.clone();
    let list = stage.read(move |read| commands::list(read, &me, None, 50)).await;
    list.expect("a list").items.into_iter().map(|one| one.name).collect()
}

async fn a_command_has_one_name_and_is_its_tenants(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let once = key();
    for (id, again) in [("one", false), ("two", true)] {
        let (admin, once, new) = (of(&ada), once.clone(), brews(id, "tea"));
        let made = stage.write(move |tx| commands::create(tx, &admin, Some(&once), &new)).await;
        let made = made.expect("a command");
        assert_eq!((made.again, made.answer.id.as_str()), (again, "one"));
        assert_eq!(made.answer.secret, None, "it is in no answer of the store");
    }
    let admin = of(&ada);
    let taken = stage.write(move |tx| commands::create(tx, &admin, None, &brews("x", "tea"))).await;
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
    let admin = of(&ada);
    stage
        .write(move |tx| commands::create(tx, &admin, None, &brews("b", "a")))
        .await
        .expect("made");
    assert_eq!(commands_of(&stage, &ada).await, ["a", "tea"]);
    let every = stage.read(commands::every).await.expect("all");
    assert_eq!(every.len(), 2);
    let stranger = Me { tenant: TenantId(4711), ..ada.clone() };
    assert_eq!(commands_of(&stage, &stranger).await, Vec::<String>::new());
    let admin = elsewhere(&ada);
    let gone = stage.write(move |tx| commands::destroy(tx, &admin, None, "one")).await;
    assert!(matches!(gone, Err(StoreError::NotFound("command"))), "{gone:?}");
    let once = key();
    for again in [false, true] {
        let (admin, once) = (of(&ada), once.clone());
        let gone = stage.write(move |tx| commands::destroy(tx, &admin, Some(&once), "one")).await;
        assert_eq!(gone.expect("gone").again, again);
    }
    assert_eq!(commands_of(&stage, &ada).await, ["a"]);
}

async fn asks(
    stage: &Stage,
    me: &Me,
    room: RoomId,
    key: &hallway_protocol::ids::Key,
) -> Result<Began> {
    let (me, key) = (me.clone(), key.clone());
    stage.write(move |tx| commands::begin(tx, &me, room, &key, ("one", "green"), true)).await
}

/// The calls that are to be made, as a worker takes them.
async fn lent(stage: &Stage) -> Vec<jobs::Job> {
    let lent = stage.write(|tx| jobs::lease(tx, "worker", Side::Outside, 10)).await;
    lent.expect("a lease").into_iter().filter(|job| job.kind == Some(jobs::Kind::Ask)).collect()
}

async fn due(stage: &Stage, id: &str) -> Option<commands::Ask> {
    let id = id.to_owned();
    stage.read(move |read| commands::due(read, &id)).await.expect("read")
}

async fn a_command_is_asked_once_by_who_may_speak(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada]).await.room;
    let admin = of(&ada);
    let new = brews("one", "tea");
    stage.write(move |tx| commands::create(tx, &admin, None, &new)).await.expect("a command");
    let refused = asks(&stage, &lin, room, &key()).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    let once = key();
    assert_eq!(asks(&stage, &ada, room, &once).await.expect("asked"), Began::Asked(false));
    assert_eq!(asks(&stage, &ada, room, &once).await.expect("asked"), Began::Asked(true));
    let jobs = lent(&stage).await;
    assert_eq!(jobs.len(), 1);
    let ask = due(&stage, &jobs[0].target).await.expect("it is to be asked");
    assert_eq!((ask.words.as_str(), ask.room, ask.id.as_str()), ("green", room, &*jobs[0].target));
    assert_eq!(ask.me.map(|me| me.user), Some(ada.user));
    assert_eq!(ask.asked.map(|asked| asked.name), Some("tea".into()));
    // A key of a message is that message, from before there was the command.
    let said = stage.says(&ada, room, "/tea").await;
    let again = asks(&stage, &ada, room, said.key.as_ref().expect("a key")).await.expect("said");
    assert!(matches!(again, Began::Said(message) if message.seq == said.seq));
    let other = stage.group(&[&ada]).await.room;
    let elsewhere = asks(&stage, &ada, other, &once).await;
    assert!(matches!(elsewhere, Err(StoreError::Conflict(_))), "{elsewhere:?}");
    let (me, id) = (ada.clone(), jobs[0].target.clone());
    stage.write(move |tx| commands::over(tx, &id)).await.expect("over");
    assert_eq!(due(&stage, &jobs[0].target).await, None);
    assert_eq!(asks(&stage, &me, room, &once).await.expect("asked"), Began::Asked(true));
}

async fn what_is_asked_survives_whoever_asks_it(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let admin = of(&ada);
    let new = brews("one", "tea");
    stage.write(move |tx| commands::create(tx, &admin, None, &new)).await.expect("a command");
    asks(&stage, &ada, room, &key()).await.expect("asked");
    let first = lent(&stage).await;
    let call = due(&stage, &first[0].target).await.expect("it is to be asked");
    // The worker is dead, as far as anybody can tell: the next one makes the same call.
    assert_eq!(lent(&stage).await.len(), 0);
    stage.clock.turn(Duration::from_millis(jobs::LEASE.unsigned_abs() + 1));
    let second = lent(&stage).await;
    assert_eq!((second.len(), &second[0].target), (1, &first[0].target));
    assert_eq!(due(&stage, &second[0].target).await.expect("the same"), call);
    // One that is alone with its data waits for nobody's lease.
    stage.write(jobs::orphaned).await.expect("let go");
    assert_eq!(lent(&stage).await.len(), 1);
    // Who is gone asks nothing, nor is a command asked that is not there any more.
    asks(&stage, &lin, room, &key()).await.expect("asked");
    let hers = lent(&stage).await.remove(0).target;
    let admin = of(&ada);
    stage.write(move |tx| commands::destroy(tx, &admin, None, "one")).await.expect("gone");
    assert_eq!(due(&stage, &call.id).await.expect("it is there").asked, None);
    let me = lin.clone();
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("closed");
    assert_eq!(due(&stage, &hers).await, None, "her words are gone with her");
}

async fn keeps(stage: &Stage, tenant: TenantId, url: &str, title: &str) {
    let (hash, said) = (previews::hash(url), Said { title: Some(title.into()), ..Said::default() });
    let kept = stage.write(move |tx| previews::keep(tx, tenant, &hash, &said, None, 60_000)).await;
    kept.expect("kept");
}

async fn known(stage: &Stage, tenant: TenantId, url: &str) -> Option<String> {
    let hash = previews::hash(url);
    let found = stage.read(move |read| previews::known(read, tenant, &hash)).await;
    found.expect("read").and_then(|said| said.title)
}

async fn a_page_is_remembered_for_a_while_and_for_one_tenant(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let (page, tenant) = ("https://a.example/x", ada.tenant);
    assert_eq!(known(&stage, tenant, page).await, None);
    keeps(&stage, tenant, page, "Tea").await;
    keeps(&stage, tenant, page, "More tea").await;
    assert_eq!(known(&stage, tenant, page).await.as_deref(), Some("More tea"));
    assert_eq!(known(&stage, TenantId(4711), page).await, None);
    stage.clock.turn(Duration::from_secs(61));
    assert_eq!(known(&stage, tenant, page).await, None, "its time is over");
    // One at a time: whether there is more is known when there is none.
    let gone = stage.write(|tx| previews::forget(tx, 1)).await.expect("forgotten");
    assert_eq!(
        (gone, stage.write(|tx| previews::forget(tx, 1)).await.expect("none")),
        (true, false)
    );
    let wants = async || {
        let me = ada.clone();
        stage.read(move |read| previews::wanted(read, &me)).await.expect("read")
    };
    assert!(wants().await);
    for (said, wanted) in [("false", false), ("true", true)] {
        let me = ada.clone();
        let set = stage.write(move |tx| storage::put(tx, &me, None, previews::SETTING, said)).await;
        set.expect("set");
        assert_eq!(wants().await, wanted);
    }
}

async fn a_deleted_message_takes_the_pages_it_named_with_it(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let (page, other) = ("https://a.example/x", "https://b.example/y");
    let said = stage.says(&ada, room, &format!("see [this]({page}).")).await;
    keeps(&stage, ada.tenant, page, "Tea").await;
    keeps(&stage, ada.tenant, other, "Milk").await;
    let (me, seq) = (ada.clone(), said.seq);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
    assert_eq!(known(&stage, ada.tenant, page).await, None);
    assert_eq!(known(&stage, ada.tenant, other).await.as_deref(), Some("Milk"));
}
