//! What is said, changed, deleted, pinned; reactions; who is concerned.

use crate::cast::{Stage, draft, key};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::limits::EMOJI_KINDS;
use hallway_protocol::rest::MemberRole;
use hallway_protocol::rows::{History, Message, Row};
use hallway_server::store::{
    Event, Me, Result, StoreError, marks, members, messages, own, pages, reactions,
};
use std::sync::Arc;

contract!(
    a_key_done_before_is_answered_even_to_who_was_removed,
    editing_keeps_the_earlier_texts,
    only_the_author_edits,
    a_deleted_message_leaves_a_tombstone_and_nothing_else,
    deletion_is_for_the_author_and_those_above,
    what_changes_nothing_takes_no_number,
    a_message_carries_twenty_different_emoji,
    pins_are_for_admins_and_listed,
    a_thread_is_its_first_message_and_the_replies,
    unread_and_mentions_are_what_the_protocol_says,
    an_answer_to_what_is_not_seen_concerns_nobody,
    sending_clears_my_draft_when_it_says_so,
    everything_i_wrote_is_listed,
);

pub async fn edit(stage: &Stage, me: &Me, room: RoomId, seq: Seq, text: &str) -> Result<Seq> {
    let (me, text) = (me.clone(), text.to_owned());
    let once = key();
    let done =
        stage.write(move |tx| messages::edit(tx, &me, room, Some(&once), seq, &text)).await?;
    assert!(!done.again);
    Ok(done.seq)
}

pub async fn delete(stage: &Stage, me: &Me, room: RoomId, seq: Seq) -> Result<Seq> {
    let me = me.clone();
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.map(|done| done.seq)
}

pub async fn react(
    stage: &Stage,
    me: &Me,
    room: RoomId,
    seq: Seq,
    emoji: &str,
    on: bool,
) -> Result<Seq> {
    let (me, emoji) = (me.clone(), emoji.to_owned());
    let done = stage.write(move |tx| reactions::set(tx, &me, room, None, seq, &emoji, on)).await;
    done.map(|done| done.seq)
}

pub async fn pin(stage: &Stage, me: &Me, room: RoomId, seq: Seq, on: bool) -> Result<Seq> {
    let me = me.clone();
    stage.write(move |tx| messages::pin(tx, &me, room, None, seq, on)).await.map(|done| done.seq)
}

async fn show(stage: &Stage, me: &Me, room: RoomId, seq: Seq) -> Message {
    let me = me.clone();
    stage.read(move |read| messages::show(read, &me, room, seq)).await.expect("a message")
}

async fn counts(stage: &Stage, me: &Me, room: RoomId) -> (i64, i64) {
    let user = me.user;
    let mine = stage.read(move |read| own::mine(read, user, room)).await;
    let mine = mine.expect("an answer").expect("a row");
    (mine.unread, mine.mentions)
}

async fn a_key_done_before_is_answered_even_to_who_was_removed(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let once = draft("tea?");
    let first = stage.store.append(lin.clone(), room, once.clone()).await.expect("a message");
    assert!(!first.again);
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("a removal");
    let again = stage.store.append(lin.clone(), room, once).await.expect("the first answer");
    assert_eq!((again.again, &again.message), (true, &first.message));
    let refused = stage.store.append(lin, room, draft("more")).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    assert_eq!(stage.heard(room), [1, 2, 3]);
}

async fn editing_keeps_the_earlier_texts(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let said = stage.says(&ada, room, "tea?").await;
    assert_eq!(edit(&stage, &ada, room, said.seq, "@lin coffee?").await.expect("an edit"), 3);
    let once = key();
    for again in [false, true] {
        let (me, once) = (ada.clone(), once.clone());
        let done = stage
            .write(move |tx| messages::edit(tx, &me, room, Some(&once), said.seq, "soup?"))
            .await
            .expect("an edit");
        assert_eq!((done.again, done.seq), (again, 4));
        assert!(matches!(&done.row, Some(Row::Message(m)) if m.text == "soup?"));
    }
    let now = show(&stage, &lin, room, said.seq).await;
    assert_eq!((now.text.as_str(), now.rev, now.n, now.seq), ("soup?", 4, 1, 2));
    assert!(now.edited_at.is_some() && now.mentions.is_empty());
    assert_eq!((now.key, now.at), (said.key, said.at));
    let me = lin;
    let edits =
        stage.read(move |read| messages::edits(read, &me, (room, said.seq), None, 50)).await;
    let texts: Vec<String> =
        edits.expect("a list").items.into_iter().map(|edit| edit.text).collect();
    assert_eq!(texts, ["tea?", "@lin coffee?"]);
}

async fn only_the_author_edits(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let said = stage.says(&lin, room, "tea?").await;
    let refused = edit(&stage, &ada, room, said.seq, "beer?").await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let notice = edit(&stage, &ada, room, 1, "x").await;
    assert!(matches!(notice, Err(StoreError::Forbidden(_))), "{notice:?}");
    let nothing = edit(&stage, &ada, room, 99, "x").await;
    assert!(matches!(nothing, Err(StoreError::NotFound("message"))), "{nothing:?}");
    delete(&stage, &lin, room, said.seq).await.expect("a deletion");
    let gone = edit(&stage, &lin, room, said.seq, "back").await;
    assert!(matches!(gone, Err(StoreError::Conflict(_))), "{gone:?}");
}

async fn a_deleted_message_leaves_a_tombstone_and_nothing_else(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let mut first = draft("@lin the hidden word");
    first.meta.insert("note".into(), "hidden meta".into());
    let said = stage.store.append(ada.clone(), room, first).await.expect("a message").message;
    assert_eq!(said.mentions, [lin.user]);
    edit(&stage, &ada, room, said.seq, "@lin the next hidden word").await.expect("an edit");
    react(&stage, &lin, room, said.seq, "👍", true).await.expect("a reaction");
    pin(&stage, &ada, room, said.seq, true).await.expect("a pin");
    let mut reply = draft("indeed");
    reply.reply = Some(said.seq);
    let reply = stage.store.append(lin.clone(), room, reply).await.expect("a reply").message;
    assert_eq!(counts(&stage, &lin, room).await, (1, 1));
    assert_eq!(delete(&stage, &ada, room, said.seq).await.expect("a deletion"), 7);
    let left = show(&stage, &lin, room, said.seq).await;
    let bare = Message {
        rev: 7,
        deleted: true,
        text: String::new(),
        mentions: Vec::new(),
        meta: serde_json::Map::new(),
        ..said.clone()
    };
    assert_eq!(left, bare);
    assert_eq!(counts(&stage, &lin, room).await, (0, 0));
    let me = lin.clone();
    let edits =
        stage.read(move |read| messages::edits(read, &me, (room, said.seq), None, 50)).await;
    assert_eq!(edits.expect("a list").items, []);
    let me = lin.clone();
    let page = stage.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 50)).await;
    let rows = page.expect("a page").rows;
    assert!(!rows.iter().any(|row| matches!(row, Row::Reaction(_))), "{rows:?}");
    // A quote is looked up, so there is nothing left to quote.
    let me = lin.clone();
    let alone = stage
        .read(move |read| pages::page(read, &me, room, pages::Part::After(reply.seq - 1), 1))
        .await
        .expect("a page");
    let quoted = alone.rows.iter().find_map(|row| match row {
        Row::Message(message) if message.seq == said.seq => Some(message),
        _ => None,
    });
    assert!(quoted.is_some_and(|quoted| quoted.deleted && quoted.text.is_empty()));
    assert!(!format!("{rows:?}").contains("hidden"));
}

async fn deletion_is_for_the_author_and_those_above(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let said = stage.says(&lin, room, "tea?").await;
    let refused = delete(&stage, &bob, room, said.seq).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let notice = delete(&stage, &ada, room, 1).await;
    assert!(matches!(notice, Err(StoreError::Forbidden(_))), "{notice:?}");
    let nothing = delete(&stage, &bob, room, 99).await;
    assert!(matches!(nothing, Err(StoreError::NotFound("message"))), "{nothing:?}");
    assert_eq!(delete(&stage, &ada, room, said.seq).await.expect("by the owner"), 3);
    assert_eq!(delete(&stage, &lin, room, said.seq).await.expect("nothing to do"), 3);
    let mut admin = stage.person("eve").await;
    admin.role = hallway_protocol::rows::TenantRole::Admin;
    let next = stage.says(&lin, room, "again").await;
    assert_eq!(delete(&stage, &admin, room, next.seq).await.expect("from outside"), 5);
}

async fn what_changes_nothing_takes_no_number(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let seq = stage.says(&ada, room, "tea?").await.seq;
    assert_eq!(edit(&stage, &ada, room, seq, "tea?").await.expect("the same text"), 2);
    assert_eq!(react(&stage, &ada, room, seq, "👍", false).await.expect("off already"), 2);
    assert_eq!(react(&stage, &ada, room, seq, "👍", true).await.expect("on"), 3);
    assert_eq!(react(&stage, &ada, room, seq, "👍", true).await.expect("on already"), 3);
    assert_eq!(pin(&stage, &ada, room, seq, false).await.expect("out already"), 2);
    assert_eq!(pin(&stage, &ada, room, seq, true).await.expect("in"), 4);
    assert_eq!(pin(&stage, &ada, room, seq, true).await.expect("in already"), 4);
    assert_eq!(react(&stage, &ada, room, seq, "👍", false).await.expect("off"), 5);
    assert_eq!(delete(&stage, &ada, room, seq).await.expect("gone"), 6);
    assert_eq!(delete(&stage, &ada, room, seq).await.expect("gone already"), 6);
    assert_eq!(stage.heard(room), [1, 2, 3, 4, 5, 6]);
    for late in
        [react(&stage, &ada, room, seq, "👍", true).await, pin(&stage, &ada, room, seq, true).await]
    {
        assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    }
}

async fn a_message_carries_twenty_different_emoji(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let seq = stage.says(&ada, room, "tea?").await.seq;
    for i in 0..EMOJI_KINDS {
        react(&stage, &ada, room, seq, &format!("e{i}"), true).await.expect("a reaction");
    }
    let many = react(&stage, &lin, room, seq, "one more", true).await;
    assert!(matches!(many, Err(StoreError::Invalid("emoji", _))), "{many:?}");
    react(&stage, &lin, room, seq, "e3", true).await.expect("one that is there");
    let once = key();
    for again in [false, true] {
        let (me, once) = (lin.clone(), once.clone());
        let done = stage
            .write(move |tx| reactions::set(tx, &me, room, Some(&once), seq, "e4", true))
            .await
            .expect("a reaction");
        assert_eq!((done.again, done.seq), (again, 24));
        assert!(matches!(&done.row, Some(Row::Reaction(row)) if row.on && row.rev == 24));
    }
}

async fn pins_are_for_admins_and_listed(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let mut seqs = Vec::new();
    for i in 0..3 {
        seqs.push(stage.says(&lin, room, &format!("{i}")).await.seq);
    }
    let refused = pin(&stage, &lin, room, seqs[0], true).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    for seq in &seqs {
        pin(&stage, &ada, room, *seq, true).await.expect("a pin");
    }
    let me = lin.clone();
    let first = stage.read(move |read| pages::pins(read, &me, room, None, 2)).await.expect("pins");
    let listed: Vec<Seq> = first.rows.iter().filter_map(message_seq).collect();
    assert_eq!(listed, [seqs[2], seqs[1]]);
    let rest =
        stage.read(move |read| pages::pins(read, &lin, room, first.next.as_deref(), 2)).await;
    let listed: Vec<Seq> = rest.expect("pins").rows.iter().filter_map(message_seq).collect();
    assert_eq!(listed, [seqs[0]]);
}

fn message_seq(row: &Row) -> Option<Seq> {
    if let Row::Message(message) = row { Some(message.seq) } else { None }
}

async fn a_thread_is_its_first_message_and_the_replies(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let first = stage.says(&ada, room, "tea?").await;
    stage.says(&ada, room, "beside").await;
    let mut inside = draft("in the thread");
    inside.thread = Some(first.seq);
    let second = stage.store.append(ada.clone(), room, inside).await.expect("a reply").message;
    // Named by a message inside, it is still the same thread.
    let mut deeper = draft("deeper");
    deeper.thread = Some(second.seq);
    let third = stage.store.append(ada.clone(), room, deeper).await.expect("a reply").message;
    assert_eq!(third.thread, Some(first.seq));
    let me = ada.clone();
    let thread = stage
        .read(move |read| pages::thread(read, &me, room, first.seq, None, 50))
        .await
        .expect("a thread");
    let seqs: Vec<Seq> = thread.rows.iter().filter_map(message_seq).collect();
    assert_eq!(seqs, [first.seq, second.seq, third.seq]);
    let mut lost = draft("lost");
    lost.thread = Some(99);
    let refused = stage.store.append(ada, room, lost).await;
    assert!(matches!(refused, Err(StoreError::Invalid("thread", _))), "{refused:?}");
}

async fn unread_and_mentions_are_what_the_protocol_says(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let mine = stage.says(&lin, room, "mine").await;
    stage.says(&ada, room, "plain").await;
    stage.says(&ada, room, "to @Lin.").await;
    stage.says(&ada, room, "to @everyone").await;
    let mut reply = draft("to you");
    reply.reply = Some(mine.seq);
    stage.store.append(ada.clone(), room, reply).await.expect("a reply");
    let both = stage.says(&ada, room, "@lin and @everyone").await;
    assert_eq!((both.mentions.as_slice(), both.everyone), ([lin.user].as_slice(), true));
    assert_eq!(counts(&stage, &lin, room).await, (5, 4));
    // My own message does not move my mark, and counts for nobody but others.
    assert_eq!(counts(&stage, &ada, room).await, (1, 0));
    delete(&stage, &ada, room, both.seq).await.expect("a deletion");
    assert_eq!(counts(&stage, &lin, room).await, (4, 3));
    let (me, at) = (lin.clone(), both.seq - 1);
    stage.write(move |tx| marks::read(tx, &me, room, at)).await.expect("a mark");
    assert_eq!(counts(&stage, &lin, room).await, (0, 0));
    for _ in 0..110 {
        stage.says(&ada, room, "@lin").await;
    }
    assert_eq!(counts(&stage, &lin, room).await, (100, 100));
    let bob = stage.person("bob").await;
    let (me, user) = (ada.clone(), bob.user);
    stage
        .write(move |tx| members::set(tx, &me, None, room, user, &MemberRole::default()))
        .await
        .expect("added");
    assert_eq!(counts(&stage, &bob, room).await, (0, 0));
}

/// Where history begins with joining: an answer to what one no longer sees is a message like others,
/// unless it names one.
async fn an_answer_to_what_is_not_seen_concerns_nobody(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada, &lin], |new| new.history = Some(History::Joined)).await.room;
    let mine = stage.says(&lin, room, "mine").await.seq;
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    let me = ada.clone();
    stage
        .write(move |tx| members::set(tx, &me, None, room, user, &MemberRole::default()))
        .await
        .expect("back");
    for (text, expected) in [("to you", (1, 0)), ("to you, @lin", (2, 1)), ("all", (3, 1))] {
        let mut said = draft(text);
        said.reply = (text != "all").then_some(mine);
        stage.store.append(ada.clone(), room, said).await.expect("an answer");
        assert_eq!(counts(&stage, &lin, room).await, expected, "{text}");
    }
}

async fn sending_clears_my_draft_when_it_says_so(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let keep = |text: Option<&str>| hallway_protocol::frames::MinePatch {
        draft: Some(text.map(str::to_owned)),
        ..Default::default()
    };
    let (me, patch) = (ada.clone(), keep(Some("te")));
    stage.write(move |tx| marks::update(tx, &me, None, room, &patch)).await.expect("a draft");
    let user = ada.user;
    let kept = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
    assert_eq!(kept.expect("a row").draft.as_deref(), Some("te"));
    stage.says(&ada, room, "beside").await;
    let rev = stage.read(move |read| own::head(read, user)).await.expect("a head");
    let mut sent = draft("tea?");
    sent.clears_draft = true;
    let seq = stage.store.append(ada.clone(), room, sent).await.expect("sent").message.seq;
    let mine = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
    let mine = mine.expect("a row");
    assert_eq!((mine.draft, mine.rev, mine.head), (None, rev + 1, seq));
    let mut plain = draft("more");
    plain.clears_draft = true;
    stage.store.append(ada.clone(), room, plain).await.expect("sent");
    assert_eq!(stage.read(move |read| own::head(read, user)).await.expect("a head"), rev + 1);
    let told = stage.events.lock().iter().any(|event| {
        matches!(event, Event::Own { rows, .. }
            if matches!(&rows[0], Row::Mine(row) if row.rev == rev + 1 && row.head == seq))
    });
    assert!(told);
}

async fn everything_i_wrote_is_listed(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let (one, two) = (stage.group(&[&ada, &lin]).await.room, stage.group(&[&ada, &lin]).await.room);
    let mut said = Vec::new();
    for i in 0..5 {
        let room = if i % 2 == 0 { one } else { two };
        said.push((room, stage.says(&lin, room, &format!("{i}")).await.seq));
        stage.says(&ada, room, "other").await;
    }
    said.sort_unstable();
    let (mut seen, mut next) = (Vec::new(), None::<String>);
    loop {
        let (me, at) = (lin.clone(), next.take());
        let part = stage
            .read(move |read| pages::written(read, &me, at.as_deref(), 2))
            .await
            .expect("some");
        seen.extend(part.rows.iter().filter_map(|row| match row {
            Row::Message(message) => Some((message.room, message.seq)),
            _ => None,
        }));
        next = part.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, said);
}
