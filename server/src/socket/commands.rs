//! What a client may say. A command goes to the store the moment it is read, so commands of a room
//! lie in the store's queue in the order in which they came; its answer is written whenever the
//! commit is done.

use super::call::call;
use super::signs;
use super::talk::Talk;
use crate::app::App;
use crate::commands::{self, Told};
use crate::error::{Refusal, Result};
use crate::messages::draft;
use crate::store::delta::{self, Pull};
use crate::store::{Me, Needs, Tx, deletions, marks, messages, own, reactions, sync};
use hallway_protocol::frames::{
    Bump, ClientFrame, Delta, Done, MinePatch, OwnFrame, Send as SendFrame, ServerFrame,
};
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rest::NewMessage;
use hallway_protocol::rows::Row;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Work of the store.
type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The room whose order a command keeps, and its key.
type Of = Option<(RoomId, Option<Key>)>;

/// A command on its way.
pub struct Pending {
    id: Option<u64>,
    of: Of,
    work: Work<Result<Outcome>>,
    began: Instant,
}

impl Pending {
    fn new(id: Option<u64>, of: Of, work: Work<Result<Outcome>>) -> Self {
        Pending { id, of, work, began: Instant::now() }
    }

    /// Of which nothing is said unless it fails.
    pub fn quiet(work: impl Future<Output = Result<()>> + Send + 'static) -> Self {
        let work = Box::pin(async { work.await.map(|()| Outcome::Quiet) });
        Pending::new(None, None, work)
    }
}

impl Future for Pending {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let outcome = std::task::ready!(self.work.as_mut().poll(cx));
        let took = Some(self.began.elapsed());
        Poll::Ready(Answered { id: self.id, of: self.of.take(), outcome, took })
    }
}

/// A command that was answered.
pub struct Answered {
    id: Option<u64>,
    of: Of,
    outcome: Result<Outcome>,
    /// How long it took; none: it was refused before it began.
    took: Option<Duration>,
}

/// How a command came out.
enum Outcome {
    /// `ok`.
    Done(Box<Done>),
    /// One frame of a `delta`, and the question for the next.
    Delta(Box<(Delta, Pull)>),
    /// One frame of an `own`.
    Own(OwnFrame),
    /// All heads.
    Heads(Vec<Bump>),
    /// Of a `call`.
    Answer(u16, serde_json::Value),
    /// Nothing is said.
    Quiet,
}

/// Hears one frame.
pub fn hear(talk: &mut Talk, frame: ClientFrame) {
    match frame {
        ClientFrame::Send(send) => post(talk, send),
        ClientFrame::Edit { id, room, key, seq, text } => {
            let text = crate::messages::any_text(&text, talk.text_max());
            change(talk, id, room, key, |app, me, key| {
                let text = text?;
                Ok(Box::pin(app.store.write(Needs::room(room), move |tx| {
                    messages::edit(tx, &me, room, Some(&key), seq, &text)
                })))
            });
        }
        ClientFrame::Delete { id, room, key, seq } => {
            change(talk, id, room, key, |app, me, key| {
                Ok(Box::pin(app.store.write(Needs::room(room), move |tx| {
                    deletions::create(tx, &me, room, Some(&key), seq, None)
                })))
            });
        }
        ClientFrame::React { id, room, key, seq, emoji, on } => {
            change(talk, id, room, key, |app, me, key| {
                let emoji = crate::reactions::emoji(&emoji)?;
                Ok(Box::pin(app.store.write(Needs::room(room), move |tx| {
                    reactions::set(tx, &me, room, Some(&key), seq, &emoji, on)
                })))
            });
        }
        ClientFrame::Pin { id, room, key, seq, on } => {
            change(talk, id, room, key, |app, me, key| {
                Ok(Box::pin(app.store.write(Needs::room(room), move |tx| {
                    messages::pin(tx, &me, room, Some(&key), seq, on)
                })))
            });
        }
        ClientFrame::Read { id, room, seq } => read(talk, id, room, seq),
        ClientFrame::Mine { id, room, patch } => mine(talk, id, room, patch),
        other => hear_question(talk, other),
    }
}

/// Questions, and what concerns the connection itself.
fn hear_question(talk: &mut Talk, frame: ClientFrame) {
    match frame {
        ClientFrame::Forget { id, room, key } => {
            talk.order.forget(room, &key);
            let done = Done { id, room: Some(room), seq: None, own: None, again: false, row: None };
            talk.say(&ServerFrame::Ok(done));
        }
        ClientFrame::Pull { id, room, since, floor, latest } => {
            ask(talk, id, |app, me| {
                pull(app, me, Pull { room, since, floor, latest, going: false })
            });
        }
        ClientFrame::Own { id, since } => ask(talk, id, |app, me| own_log(app, me, since)),
        ClientFrame::Heads { id } => ask(talk, id, |app, me| {
            let heads = app.store.read(move |read| sync::bumps(read, &me, None));
            Box::pin(async { Ok(Outcome::Heads(heads.await?)) })
        }),
        ClientFrame::Call { id, method, path, body, key } => {
            let who = (talk.present.me.clone(), talk.caller);
            ask(talk, id, |app, _| {
                let answer = call(app.clone(), who, method, path, body, key);
                Box::pin(async { answer.await.map(|(code, body)| Outcome::Answer(code, body)) })
            });
        }
        sign => signs::hear(talk, sign),
    }
}

fn post(talk: &mut Talk, send: SendFrame) {
    let SendFrame { id, room, key, text, reply, thread, files, meta, clears_draft } = send;
    talk.present.line.says(room);
    let mut message =
        NewMessage { key: key.clone(), text, reply, thread, files, meta, clears_draft };
    start(talk, id, room, Some(key), |app, me| {
        if let Some(asked) = app.commands.heard(me.tenant, &mut message.text) {
            crate::messages::text(&message.text, app.text_max(me.tenant))?;
            let told = commands::ask(app.clone(), me, room, message.key, asked, clears_draft);
            return Ok(Box::pin(async move { Ok(told.await?.outcome(id, room)) }));
        }
        let draft = draft(message, app.text_max(me.tenant))?;
        let posted = app.store.append(me, room, draft);
        Ok(Box::pin(async move {
            let posted = posted.await?;
            let (seq, again) = (Some(posted.message.seq), posted.again);
            let row = Some(Row::Message(posted.message));
            Ok(Outcome::Done(Box::new(Done { id, room: Some(room), seq, own: None, again, row })))
        }))
    });
}

impl Told {
    /// The `ok` of a `send` that asked a command names no message.
    fn outcome(self, id: u64, room: RoomId) -> Outcome {
        let (again, row) = match self {
            Told::Asked(again) => (again, None),
            Told::Said(message) => (true, Some(*message)),
        };
        let seq = row.as_ref().map(|message| message.seq);
        let row = row.map(Row::Message);
        Outcome::Done(Box::new(Done { id, room: Some(room), seq, own: None, again, row }))
    }
}

/// A change of a room with a key: `ok` names the number of the change and the row it wrote.
fn change(
    talk: &mut Talk,
    id: u64,
    room: RoomId,
    key: Key,
    make: impl FnOnce(&App, Me, Key) -> Result<Work<crate::store::Result<messages::Changed>>>,
) {
    start(talk, id, room, Some(key.clone()), |app, me| {
        let changed = make(app, me, key)?;
        Ok(Box::pin(async move {
            let messages::Changed { again, seq, row } = changed.await?;
            let seq = Some(seq);
            Ok(Outcome::Done(Box::new(Done { id, room: Some(room), seq, own: None, again, row })))
        }))
    });
}

fn read(talk: &mut Talk, id: u64, room: RoomId, seq: Seq) {
    match crate::marks::mark(seq) {
        Ok(()) => keep(talk, id, room, move |tx, me| marks::read(tx, me, room, seq)),
        Err(refusal) => talk.refuse(Some(id), &refusal),
    }
}

fn mine(talk: &mut Talk, id: u64, room: RoomId, patch: MinePatch) {
    match crate::marks::patch(patch, talk.text_max()) {
        Ok(patch) => keep(talk, id, room, move |tx, me| marks::update(tx, me, None, room, &patch)),
        Err(refusal) => talk.refuse(Some(id), &refusal),
    }
}

/// A change of what concerns one's own log alone: `ok` names the log's head and the row.
fn keep(
    talk: &mut Talk,
    id: u64,
    room: RoomId,
    mut change: impl FnMut(&mut Tx<'_>, &Me) -> crate::store::Result<Seq> + Send + 'static,
) {
    start(talk, id, room, None, |app, me| {
        let kept = app.store.write(Needs::person(me.user), move |tx| {
            let head = change(tx, &me)?;
            Ok((head, own::mine(tx, me.user, room)?))
        });
        Ok(Box::pin(async move {
            let (head, mine) = kept.await?;
            let (own, row) = (Some(head), mine.map(Row::Mine));
            let room = Some(room);
            Ok(Outcome::Done(Box::new(Done { id, room, seq: None, own, again: false, row })))
        }))
    });
}

/// Starts a command of a room, if its order allows.
fn start(
    talk: &mut Talk,
    id: u64,
    room: RoomId,
    key: Option<Key>,
    make: impl FnOnce(&App, Me) -> Result<Work<Result<Outcome>>>,
) {
    if let Err(refusal) = talk.spend() {
        talk.order.turned_away(room, key.as_ref(), &refusal.refused());
        return talk.refuse(Some(id), &refusal);
    }
    if let Err(refused) = talk.order.admit(room, key.as_ref()) {
        let frame = hallway_protocol::frames::ErrorFrame::new(Some(id), *refused);
        return talk.say(&ServerFrame::Error(frame));
    }
    let me = talk.present.me.clone();
    let of = Some((room, key));
    match make(&talk.app, me) {
        Ok(work) => go(talk, Pending::new(Some(id), of, work)),
        Err(refusal) => {
            answer(talk, Answered { id: Some(id), of, outcome: Err(refusal), took: None })
        }
    }
}

/// Starts a question.
fn ask(talk: &mut Talk, id: u64, make: impl FnOnce(&App, Me) -> Work<Result<Outcome>>) {
    if let Err(refusal) = talk.spend() {
        return talk.refuse(Some(id), &refusal);
    }
    let work = make(&talk.app, talk.present.me.clone());
    go(talk, Pending::new(Some(id), None, work));
}

/// What is answered at once (a full queue) is answered before the next command is read: only so the
/// next one of that room can be held back.
fn go(talk: &mut Talk, mut work: Pending) {
    match Pin::new(&mut work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answered) => answer(talk, answered),
        Poll::Pending => talk.pending.push(work),
    }
}

/// Asks how far quiet rooms are, to tell it unasked.
pub fn bump(talk: &mut Talk, rooms: Vec<RoomId>) {
    let me = talk.present.me.clone();
    let heads = talk.app.store.read(move |read| sync::bumps(read, &me, Some(&rooms)));
    let work = Box::pin(async { Ok(Outcome::Heads(heads.await?)) });
    talk.pending.push(Pending::new(None, None, work));
}

/// Says how a command came out.
pub fn answer(talk: &mut Talk, answered: Answered) {
    let Answered { id, of, outcome, took } = answered;
    let refused = outcome.as_ref().err().map(Refusal::refused);
    if let Some(took) = took {
        let sort = if of.is_some() { "room" } else { "question" };
        let outcome = refused.as_ref().map_or("ok", |refused| refused.code.as_str());
        talk.app.figures.command(sort, outcome, took);
    }
    if let Some((room, key)) = of {
        talk.order.answered(room, key.as_ref(), refused.as_ref());
    }
    let Some(id) = id else {
        // Nobody asked: quiet rooms moved on, or nothing is said.
        if let Ok(Outcome::Heads(rooms)) = outcome
            && !rooms.is_empty()
        {
            talk.say(&ServerFrame::Bump { rooms });
        }
        return;
    };
    if let Some(refused) = refused {
        let frame = hallway_protocol::frames::ErrorFrame::new(Some(id), refused);
        return talk.say(&ServerFrame::Error(frame));
    }
    match outcome {
        Ok(Outcome::Done(done)) => talk.say(&ServerFrame::Ok(*done)),
        Ok(Outcome::Delta(part)) => say_delta(talk, id, *part),
        Ok(Outcome::Own(frame)) => say_own(talk, id, frame),
        Ok(Outcome::Heads(rooms)) => talk.say(&ServerFrame::Bump { rooms }),
        Ok(Outcome::Answer(status, body)) => talk.say(&ServerFrame::Answer { id, status, body }),
        Ok(Outcome::Quiet) | Err(_) => {}
    }
}

/// One frame at a time: the next is asked for when this one is on its way, so a long replay never
/// lies in memory whole.
fn say_delta(talk: &mut Talk, id: u64, (delta, asked): (Delta, Pull)) {
    let next = (!delta.done).then_some(Pull { since: delta.to, going: true, ..asked });
    talk.say(&ServerFrame::Delta(Delta { id: Some(id), ..delta }));
    if let Some(next) = next {
        let work = pull(&talk.app, talk.present.me.clone(), next);
        go(talk, Pending::new(Some(id), None, work));
    }
}

fn say_own(talk: &mut Talk, id: u64, frame: OwnFrame) {
    let next = (!frame.done).then_some(frame.to);
    talk.say(&ServerFrame::Own(OwnFrame { id: Some(id), ..frame }));
    if let Some(since) = next {
        let work = own_log(&talk.app, talk.present.me.clone(), since);
        go(talk, Pending::new(Some(id), None, work));
    }
}

fn pull(app: &App, me: Me, asked: Pull) -> Work<Result<Outcome>> {
    let delta = app.store.read(move |read| delta::pull(read, &me, &asked));
    Box::pin(async move { Ok(Outcome::Delta(Box::new((delta.await?, asked)))) })
}

fn own_log(app: &App, me: Me, since: Seq) -> Work<Result<Outcome>> {
    let frame = app.store.read(move |read| sync::own(read, &me, since));
    Box::pin(async move { Ok(Outcome::Own(frame.await?)) })
}
