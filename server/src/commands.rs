//! Slash commands: a line that begins with one is no message. It goes to whoever made the command,
//! and the answer is shown: to the room, said by the command's bot in the name of who asked, or to
//! who asked alone, as a frame that nothing keeps.

use crate::accounts::checked;
use crate::admin::{Manage, secret};
use crate::app::App;
use crate::auth::{Session, admit};
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::front::Caller;
use crate::jobs::outside::Done;
use crate::messages::draft;
use crate::outbound::Call;
use crate::routes::{PREFIX, done};
use crate::store::commands::{self, Ask, Asked, Began, NewCommand};
use crate::store::jobs::Job;
use crate::store::{self, Me, Needs, Tx, users};
use crate::webhooks::{DELIVERY, SIGNATURE, needs, signature, url};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::future::BoxFuture;
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::limits::{NAME_MAX, TOPIC_MAX};
use hallway_protocol::rest::{
    AnswerTo, CommandAnswer, CommandCall, Commanded, Items, NewCommand as New, NewMessage,
    SlashCommand,
};
use hallway_protocol::rows::{Message, TenantRole};
use hallway_protocol::text;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::Future;

/// How long a command may answer later.
const REPLIES_MS: Millis = 30 * 60_000;
/// After a start who asked before it has so long to come back and hear the answer.
const BACK_MS: Millis = 20_000;
/// And it is looked so often whether they did.
const LOOK_MS: Millis = 500;
/// So much of an answer is read, bytes.
const READ: usize = 64 * 1024;

/// The words that begin a command, of each tenant.
#[derive(Debug, Default)]
pub struct Commands(Mutex<HashMap<(TenantId, String), String>>);

impl Commands {
    /// There is such a command.
    pub fn add(&self, tenant: TenantId, name: &str, id: &str) {
        self.0.lock().insert((tenant, name.to_owned()), id.to_owned());
    }

    fn remove(&self, tenant: TenantId, id: &str) {
        self.0.lock().retain(|(of, _), known| *of != tenant || known != id);
    }

    fn find(&self, tenant: TenantId, word: &str) -> Option<String> {
        self.0.lock().get(&(tenant, text::folded(word))).cloned()
    }

    /// The command that a text asks, with the rest of its line. Two slashes before the name of one
    /// are one slash of an ordinary text.
    pub fn heard(&self, tenant: TenantId, said: &mut String) -> Option<(String, String)> {
        let line = said.strip_prefix('/')?;
        let escaped = line.strip_prefix('/');
        let (word, rest) = {
            let line = escaped.unwrap_or(line);
            line.split_once(char::is_whitespace).unwrap_or((line, ""))
        };
        let id = self.find(tenant, word)?;
        if escaped.is_some() {
            said.remove(0);
            return None;
        }
        Some((id, rest.trim().to_owned()))
    }
}

/// `POST /commands`: its secret is shown this once.
pub async fn create(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Json(body): Json<New>,
) -> Result<Response> {
    let plain = secret(&app, "command", &admin, key.as_ref())?;
    let id = hex::encode(crate::folder::random::<8>().map_err(Refusal::Broken)?);
    let sealed = app.seal.seal(&place(&id), plain.as_bytes()).map_err(Refusal::Broken)?;
    let new = NewCommand {
        name: word(&body.name)?,
        url: url(&app, &body.url)?,
        description: checked("description", text::checked(&body.description, TOPIC_MAX))?,
        secret: sealed,
        id,
    };
    let tenant = admin.tenant;
    let made =
        app.store.write(needs(tenant), move |tx| commands::create(tx, &admin, key.as_ref(), &new));
    let store::Once { again, answer } = made.await?;
    if let Some(tenant) = tenant {
        app.commands.add(tenant, &answer.name, &answer.id);
    }
    let answer = SlashCommand { secret: Some(plain), ..answer };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `GET /commands`: what one may write.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<SlashCommand>>> {
    part.read(&app, move |read, next, limit| commands::list(read, &me, next, limit)).await
}

/// `DELETE /commands/{id}`.
pub async fn destroy(
    State(app): State<App>,
    Manage(admin): Manage,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let (tenant, gone) = (admin.tenant, id.clone());
    let ended =
        app.store.write(needs(tenant), move |tx| commands::destroy(tx, &admin, key.as_ref(), &id));
    let ended = ended.await?;
    if let Some(tenant) = tenant {
        app.commands.remove(tenant, &gone);
    }
    Ok(done(ended, StatusCode::NO_CONTENT))
}

fn word(given: &str) -> Result<String> {
    let name = checked("name", text::name(given.trim_start_matches('/')))?;
    match name.chars().count() {
        0..=NAME_MAX => Ok(text::folded(&name)),
        _ => Err(Refusal::invalid("name", "is too long")),
    }
}

fn place(id: &str) -> String {
    format!("command:{id}")
}

/// What a line that asked a command is answered with.
pub enum Told {
    /// It is asked, or was before.
    Asked(bool),
    /// It had been said as a message before.
    Said(Box<Message>),
}

/// Asks a command; it is in the store's queue when this returns. The asking itself comes after.
pub fn ask(
    app: App,
    me: Me,
    room: RoomId,
    key: Key,
    (id, words): (String, String),
    clears_draft: bool,
) -> impl Future<Output = Result<Told>> + Send + 'static {
    let begin =
        move |tx: &mut Tx<'_>| commands::begin(tx, &me, room, &key, (&id, &words), clears_draft);
    let began: BoxFuture<'static, _> = Box::pin(app.store.write(Needs::room(room), begin));
    async move {
        Ok(match began.await? {
            Began::Asked(again) => Told::Asked(again),
            Began::Said(message) => Told::Said(message),
        })
    }
}

/// Asks what the job is for. Whoever dies in between, it is asked again under the same name, and an
/// answer to the room is said once.
pub async fn run(app: &App, job: &Job) -> anyhow::Result<Done> {
    let id = job.target.clone();
    let Some(ask) = app.store.read(move |read| commands::due(read, &id)).await? else {
        return Ok(Done::Finished);
    };
    if let Some(me) = &ask.me {
        let (now, up) = (app.clock.now(), app.hub.age());
        let before = ask.at < now - up;
        if before && up < BACK_MS && app.hub.lines(me.user).is_empty() {
            return Ok(Done::Later(now + LOOK_MS));
        }
        match &ask.asked {
            Some(asked) => errand_of(app, me, &ask, asked).await,
            None => tracing::debug!(id = ask.id, "the command is gone"),
        }
    }
    app.store.write(Needs::default(), move |tx| commands::over(tx, &ask.id)).await?;
    Ok(Done::Finished)
}

/// The answer to a message that was a command.
pub fn answered(told: Told, line: &str) -> Response {
    match told {
        Told::Asked(again) => {
            let word = line.trim_start_matches('/').split(char::is_whitespace).next();
            let answer = Commanded { command: text::folded(word.unwrap_or_default()) };
            done(store::Once { again, answer }, StatusCode::ACCEPTED)
        }
        Told::Said(message) => {
            let answer = hallway_protocol::rows::Row::Message(*message);
            done(store::Once { again: true, answer }, StatusCode::CREATED)
        }
    }
}

/// Asks whoever made the command, and shows what they say. A command that cannot be asked says so
/// to who asked.
async fn errand_of(app: &App, me: &Me, ask: &Ask, asked: &Asked) {
    let room = ask.room;
    let shown = match call(app, me, ask, asked).await {
        Ok(Some(answer)) => show(app, me, room, (asked.bot, ask.key.clone()), answer).await,
        Ok(None) => Ok(()),
        Err(error) => Err(Refusal::Broken(error)),
    };
    if let Err(refusal) = shown {
        tracing::debug!(command = asked.name, ?refusal, "a command failed");
        let text = format!("/{} did not answer", asked.name);
        whisper(app, me, room, asked.bot, text).await;
    }
}

async fn call(
    app: &App,
    me: &Me,
    ask: &Ask,
    asked: &Asked,
) -> anyhow::Result<Option<CommandAnswer>> {
    let room = ask.room;
    let reply = Reply {
        tenant: me.tenant,
        user: me.user,
        guest: me.guest,
        room,
        command: asked.id.clone(),
        until: app.clock.now() + REPLIES_MS,
    };
    let token = app.seal.seal("reply", &serde_json::to_vec(&reply)?)?;
    let token = token.replace('+', "-").replace('/', "_");
    let said = CommandCall {
        command: asked.name.clone(),
        text: ask.words.clone(),
        room,
        user: me.user,
        reply_url: format!("{}{PREFIX}/commands/replies/{token}", app.base()),
    };
    let body = serde_json::to_string(&said)?;
    let secret = app.seal.open(&place(&asked.id), &asked.secret)?;
    let signed = HeaderValue::try_from(signature(&secret, app.clock.now(), &body))?;
    let call = Call::post("command", &asked.url, "application/json", body)?;
    let call = call.of(me.tenant).at_most(READ).secret(SIGNATURE, signed);
    let call = call.header(DELIVERY, HeaderValue::try_from(&ask.id)?);
    let answer = app.outbound.call(call).await?;
    anyhow::ensure!(answer.status.is_success() && !answer.cut, "{}", answer.status);
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let answer: CommandAnswer = serde_json::from_slice(&answer.body)?;
    Ok(Some(answer).filter(|answer| !answer.text.trim().is_empty()))
}

/// What a later answer is for; sealed, it is the address itself.
#[derive(Debug, Serialize, Deserialize)]
struct Reply {
    tenant: TenantId,
    user: UserId,
    guest: bool,
    room: RoomId,
    command: String,
    until: Millis,
}

/// `POST /commands/replies/{token}`: a later answer.
pub async fn reply(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    Json(answer): Json<CommandAnswer>,
) -> Result<StatusCode> {
    let none = || Refusal::NotFound("reply");
    let sealed = token.replace('-', "+").replace('_', "/");
    let bytes = app.seal.open("reply", &sealed).map_err(|_| none())?;
    let reply: Reply = serde_json::from_slice(&bytes).map_err(|_| none())?;
    if reply.until < app.clock.now() {
        return Err(none());
    }
    let (tenant, user, guest) = (reply.tenant, reply.user, reply.guest);
    let me = Me { tenant, user, role: TenantRole::Member, guest, session: "reply".into() };
    let (id, asker) = (reply.command, me.clone());
    let found = app.store.read(move |read| {
        let open = store::bans::admit(read, asker.user, None).is_ok();
        Ok(commands::known(read, asker.tenant, &id)?.filter(|_| open))
    });
    let asked = found.await?.ok_or_else(none)?;
    admit(&app, &me, Some(caller.address), None).await?;
    if answer.text.trim().is_empty() {
        return Err(Refusal::invalid("text", "is empty"));
    }
    let key = Key::new(app.clock.now());
    show(&app, &me, reply.room, (asked.bot, key), answer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows an answer.
async fn show(
    app: &App,
    me: &Me,
    room: RoomId,
    (bot, key): (UserId, Key),
    answer: CommandAnswer,
) -> Result<()> {
    let most = app.text_max(me.tenant);
    let text: String = text::composed(&answer.text).replace('\0', "");
    let text = match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    };
    match answer.to {
        AnswerTo::Me => {
            whisper(app, me, room, bot, text).await;
            Ok(())
        }
        AnswerTo::Room => {
            let said = NewMessage {
                key,
                text,
                reply: None,
                thread: None,
                files: Vec::new(),
                meta: serde_json::Map::new(),
                clears_draft: false,
            };
            let bot = Me { user: bot, guest: false, session: "command".into(), ..me.clone() };
            app.store.answer(bot, me.clone(), room, draft(said, most)?).await?;
            Ok(())
        }
    }
}

/// Tells one person something, on the connections they have; nothing keeps it.
async fn whisper(app: &App, me: &Me, room: RoomId, bot: UserId, text: String) {
    let rows = app.store.read(move |read| users::rows(read, [bot])).await.unwrap_or_default();
    let at = app.clock.now();
    app.hub.whisper(me.user, &ServerFrame::Whisper { room, user: bot, text, at, rows });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_word_behind_a_slash_is_a_command() {
        let commands = Commands::default();
        commands.add(TenantId(1), "deploy", "c1");
        for (said, asked, left) in [
            ("/deploy", Some(("c1", "")), "/deploy"),
            ("/Deploy  to  here ", Some(("c1", "to  here")), "/Deploy  to  here "),
            ("/deploy\nnow", Some(("c1", "now")), "/deploy\nnow"),
            ("//deploy now", None, "/deploy now"),
            ("///deploy", None, "///deploy"),
            ("// a remark", None, "// a remark"),
            ("/deployed", None, "/deployed"),
            ("/", None, "/"),
            ("deploy", None, "deploy"),
            (" /deploy", None, " /deploy"),
        ] {
            let mut text = said.to_owned();
            let heard = commands.heard(TenantId(1), &mut text);
            let expected = asked.map(|(id, rest)| (id.to_owned(), rest.to_owned()));
            assert_eq!((heard, text.as_str()), (expected, left), "{said}");
        }
        assert_eq!(commands.heard(TenantId(2), &mut "/deploy".to_owned()), None);
        commands.remove(TenantId(1), "c1");
        assert_eq!(commands.heard(TenantId(1), &mut "/deploy".to_owned()), None);
    }
}
