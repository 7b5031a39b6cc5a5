//! What a person can do, one method each; the shell's commands are one line into these. What goes
//! through the outbox is answered once it is on disk, online or not; the rest needs the server and
//! says `offline` without it.

use crate::account::Core;
use crate::error::{Fault, Result};
use crate::feed::{Found, LinkState, MemberView, Members, PersonView, RoomView};
use crate::lists::Part;
use crate::refusals::Waiting;
use crate::store::views;
use crate::world::{Intent, Target};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::{MinePatch, Presence};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rest::{
    Invite, Items, JoinCode, MemberRole, NewDirect, NewInvite, NewRoom, ProfilePatch, Receipt,
    RoomPatch, Rows,
};
use hallway_protocol::rows::{Role, Room, Row, User};
use hallway_protocol::search::Query;
use hallway_protocol::text::composed;
use reqwest::Method;

const NOTHING: Option<&()> = None;

/// Parts of one list that are followed: more than any list of people has.
const PARTS: usize = 1_000;

impl Core {
    /// Says something; the answer is its key.
    pub async fn send(
        &self,
        room: RoomId,
        text: String,
        reply: Option<Target>,
        thread: Option<Seq>,
    ) -> Result<Key> {
        let (key, at) = (self.key(), self.inner().clock.now());
        self.act(Intent::Send { room, key: key.clone(), at, text, reply, thread }).await?;
        Ok(key)
    }

    /// Changes a text; the answer is the key of the message where it was pending and is a new one,
    /// else of the change.
    pub async fn edit(&self, room: RoomId, target: Target, text: String) -> Result<Key> {
        let key = self.key();
        self.act(Intent::Edit { room, key: key.clone(), target, text }).await?;
        Ok(key)
    }

    /// Deletes a message.
    pub async fn delete(&self, room: RoomId, target: Target) -> Result<Key> {
        let key = self.key();
        self.act(Intent::Delete { room, key: key.clone(), target }).await?;
        Ok(key)
    }

    /// Sets or takes back an emoji.
    pub async fn react(
        &self,
        room: RoomId,
        target: Target,
        emoji: String,
        on: bool,
    ) -> Result<Key> {
        let key = self.key();
        let emoji = composed(&emoji);
        self.act(Intent::React { room, key: key.clone(), target, emoji, on }).await?;
        Ok(key)
    }

    /// Pins or unpins.
    pub async fn pin(&self, room: RoomId, target: Target, on: bool) -> Result<Key> {
        let key = self.key();
        self.act(Intent::Pin { room, key: key.clone(), target, on }).await?;
        Ok(key)
    }

    /// Moves the read mark forward; without a number, to the newest message.
    pub async fn read(&self, room: RoomId, seq: Option<Seq>) -> Result<()> {
        let view = self.room(room).await?.ok_or_else(|| Fault::not_found("room"))?;
        let seq = match seq {
            Some(seq) => seq.min(view.head),
            None => view.head,
        };
        if seq <= view.read {
            return self.unmark(&view).await;
        }
        self.act(Intent::Read { room, key: self.key(), seq }).await
    }

    /// Reading on where the read mark stands already takes the mark away that was set by hand.
    async fn unmark(&self, view: &RoomView) -> Result<()> {
        if !view.unread_mark {
            return Ok(());
        }
        self.mine(view.room, MinePatch { unread_mark: Some(false), ..MinePatch::default() }).await
    }

    /// Changes what I keep about a room.
    pub async fn mine(&self, room: RoomId, patch: MinePatch) -> Result<()> {
        self.act(Intent::Mine { room, key: self.key(), patch }).await
    }

    /// Keeps a text that was begun; an empty one is none.
    pub async fn draft(&self, room: RoomId, text: String) -> Result<()> {
        let draft = Some((!text.is_empty()).then(|| composed(&text)));
        let view = self.room(room).await?.ok_or_else(|| Fault::not_found("room"))?;
        if Some(&view.draft) == draft.as_ref() {
            return Ok(());
        }
        self.mine(room, MinePatch { draft, ..MinePatch::default() }).await
    }

    /// Tries a failed operation again, with the same key.
    pub async fn retry(&self, key: Key) -> Result<()> {
        self.act(Intent::Retry { key }).await
    }

    /// Gives an unsent message up.
    pub async fn discard(&self, key: Key) -> Result<()> {
        self.act(Intent::Discard { key }).await
    }

    /// What waited over a week shall go.
    pub async fn send_anyway(&self) -> Result<()> {
        self.act(Intent::SendAnyway).await
    }

    /// Be connected, or be not; answered when that is so, or was tried.
    pub async fn set_online(&self, on: bool) -> Result<()> {
        self.api().set_away(!on);
        self.act(Intent::Online(on)).await
    }

    /// The network changed: try at once.
    pub async fn network_changed(&self) -> Result<()> {
        self.inner().tell(crate::world::Input::Network).await
    }

    /// The rooms on screen: fetched first, and their receipts are asked for.
    pub async fn focus(&self, rooms: Vec<RoomId>) -> Result<()> {
        self.act(Intent::Focus(rooms)).await
    }

    /// Whose presence I want to see.
    pub async fn watch(&self, users: Vec<UserId>, room: Option<RoomId>) -> Result<()> {
        self.act(Intent::Watch { users, room }).await
    }

    /// I am typing.
    pub async fn typing(&self, room: RoomId) -> Result<()> {
        self.act(Intent::Typing(room)).await
    }

    /// My own presence.
    pub async fn presence(&self, state: Presence) -> Result<()> {
        self.act(Intent::Presence(state)).await
    }

    /// Finds messages in what is held; [`Query`] says what may be asked.
    pub async fn search(&self, query: String, room: Option<RoomId>, limit: usize) -> Result<Found> {
        let query = Query::parse(&query)
            .map_err(|wrong| Fault::local("invalid", format!("the search {wrong}")))?;
        let me = self.me();
        let job =
            move |conn: &rusqlite::Connection| crate::search::find(conn, me, &query, room, limit);
        self.inner().reader.read(job).await
    }

    /// Makes a room; answered once it is here. Asked again because that failed, it makes the same one.
    pub async fn create(&self, new: NewRoom) -> Result<RoomView> {
        let (held, clock) = (&self.inner().held, &self.inner().clock);
        let key = new.key.clone().unwrap_or_else(|| held.key(clock, "room", &new));
        let topic = new.topic.as_deref().map(composed);
        let new = NewRoom { key: Some(key.clone()), name: composed(&new.name), topic, ..new };
        let room: Room = self.api().call(Method::POST, "/rooms", Some(&new), Some(&key)).await?;
        let view = self.arrived(room.room).await?;
        held.done(&key);
        Ok(view)
    }

    /// The direct room of these people and me.
    pub async fn direct(&self, users: Vec<UserId>) -> Result<RoomView> {
        let body = NewDirect { users };
        let room: Room =
            self.api().call(Method::POST, "/rooms/direct", Some(&body), Some(&self.key())).await?;
        self.arrived(room.room).await
    }

    /// Enters a public room: online answered once it is here, offline once that is noted.
    pub async fn join(&self, room: RoomId) -> Result<Option<RoomView>> {
        let key = self.key();
        let waiting = self.inner().refusals.wait(&key);
        self.act(Intent::Join { room, key }).await?;
        if !matches!(self.link(), LinkState::Live | LinkState::CatchingUp) {
            return Ok(None);
        }
        tokio::select! {
            // Or it stands in the outbox, and the room comes when the server does.
            view = self.arrived(room) => Ok(view.ok()),
            refused = self.refused(&waiting) => Err(Fault::Refused(refused?)),
        }
    }

    /// Enters a room by its code; that needs the server.
    pub async fn join_code(&self, code: String) -> Result<RoomView> {
        let body = JoinCode { code };
        let path = "/rooms/join";
        let room: Room =
            self.api().call(Method::POST, path, Some(&body), Some(&self.key())).await?;
        self.arrived(room.room).await
    }

    /// Waits until it is refused.
    async fn refused(&self, waiting: &Waiting) -> Result<Refused> {
        let mut moved = self.inner().moved();
        loop {
            moved.mark_unchanged();
            if let Some(refused) = waiting.refused() {
                return Ok(refused);
            }
            moved.changed().await.map_err(|_| Fault::Offline)?;
        }
    }

    /// Leaves a room.
    pub async fn leave(&self, room: RoomId) -> Result<()> {
        self.act(Intent::Leave { room, key: self.key() }).await
    }

    /// Changes a room.
    pub async fn update_room(&self, room: RoomId, patch: RoomPatch) -> Result<()> {
        let path = format!("/rooms/{room}");
        let (name, topic) = (patch.name.as_deref(), patch.topic.as_deref());
        let patch = RoomPatch { name: name.map(composed), topic: topic.map(composed), ..patch };
        self.api().tell(Method::PATCH, &path, Some(&patch), Some(&self.key())).await
    }

    /// Deletes a room.
    pub async fn delete_room(&self, room: RoomId) -> Result<()> {
        self.api().tell(Method::DELETE, &format!("/rooms/{room}"), NOTHING, Some(&self.key())).await
    }

    /// Makes or shows the room's join code.
    pub async fn room_code(&self, room: RoomId) -> Result<JoinCode> {
        let path = format!("/rooms/{room}/code");
        self.api().call(Method::POST, &path, NOTHING, Some(&self.key())).await
    }

    /// Who is in a room: from the server, and without it those that are known.
    pub async fn members(&self, room: RoomId) -> Result<Members> {
        let path = format!("/rooms/{room}/members?limit=100");
        match self.all::<Rows>(&path).await {
            Ok(rows) => Ok(members(rows)),
            Err(Fault::Offline) => {
                let job = move |conn: &rusqlite::Connection| {
                    let rows = views::members(conn, room)?;
                    let people = views::people(conn, rows.iter().map(|row| row.user))?;
                    Ok(Members { rows, people })
                };
                self.inner().reader.read(job).await
            }
            Err(other) => Err(other),
        }
    }

    /// Adds a member, or gives one a role.
    pub async fn set_member(&self, room: RoomId, user: UserId, role: Option<Role>) -> Result<()> {
        let path = format!("/rooms/{room}/members/{user}");
        self.api()
            .tell(
                Method::PUT,
                &path,
                Some(&MemberRole { role, ..MemberRole::default() }),
                Some(&self.key()),
            )
            .await
    }

    /// Removes a member.
    pub async fn remove_member(&self, room: RoomId, user: UserId) -> Result<()> {
        let path = format!("/rooms/{room}/members/{user}");
        self.api().tell(Method::DELETE, &path, NOTHING, Some(&self.key())).await
    }

    /// Public rooms.
    pub async fn directory(&self, query: &str) -> Result<Vec<Room>> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let path = format!("/rooms/directory?limit=100&query={query}");
        let rows: Rows = self.api().call(Method::GET, &path, NOTHING, None).await?;
        Ok(rows
            .rows
            .into_iter()
            .filter_map(|row| if let Row::Room(room) = row { Some(room) } else { None })
            .collect())
    }

    /// People of the tenant.
    pub async fn people(&self, query: &str) -> Result<Vec<PersonView>> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let path = format!("/users?limit=100&query={query}");
        let rows: Rows = self.api().call(Method::GET, &path, NOTHING, None).await?;
        Ok(rows.rows.into_iter().filter_map(person).collect())
    }

    /// Makes an invite.
    pub async fn invite(&self, new: NewInvite) -> Result<Invite> {
        let (held, clock) = (&self.inner().held, &self.inner().clock);
        let key = held.key(clock, "invite", &new);
        let invite = self.api().call(Method::POST, "/invites", Some(&new), Some(&key)).await?;
        held.done(&key);
        Ok(invite)
    }

    /// How far the members of a room have read and received: from the server, and without it what is
    /// known.
    pub async fn receipts(&self, room: RoomId) -> Result<Vec<Receipt>> {
        let path = format!("/rooms/{room}/receipts?limit=100");
        match self.all::<Items<Receipt>>(&path).await {
            Err(Fault::Offline) => {
                let held = move |conn: &rusqlite::Connection| views::receipts(conn, room);
                self.inner().reader.read(held).await
            }
            known => known,
        }
    }

    /// Changes how others see me.
    pub async fn update_me(&self, patch: ProfilePatch) -> Result<()> {
        let said = |text: Option<String>| text.map(|text| composed(text.trim()));
        let ProfilePatch { display_name, status, .. } = patch;
        let patch = ProfilePatch {
            display_name: said(display_name),
            status: said(status),
            ..ProfilePatch::default()
        };
        self.api().tell(Method::PATCH, "/users/me", Some(&patch), Some(&self.key())).await
    }

    /// All of a list, part by part.
    pub(crate) async fn all<P: Part>(&self, path: &str) -> Result<Vec<P::Element>> {
        let mut out = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PARTS {
            let part = match &next {
                None => path.to_owned(),
                Some(next) => {
                    let next: String =
                        url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
                    format!("{path}&next={next}")
                }
            };
            let part: P = self.api().call(Method::GET, &part, NOTHING, None).await?;
            let (elements, on) = part.open();
            out.extend(elements);
            next = on;
            if next.is_none() {
                return Ok(out);
            }
        }
        Err(Fault::Refused(Refused::new(Code::Unknown, "a list without an end")))
    }
}

fn members(rows: Vec<Row>) -> Members {
    let mut out = Members { rows: Vec::new(), people: Vec::new() };
    for row in rows {
        match row {
            Row::Member(member) if member.left_seq.is_none() => {
                out.rows.push(MemberView { user: member.user, role: member.role });
            }
            other => out.people.extend(person(other)),
        }
    }
    out
}

fn person(row: Row) -> Option<PersonView> {
    let Row::User(User { user, name, display_name, avatar, status, bot, guest, deleted, .. }) = row
    else {
        return None;
    };
    Some(PersonView { user, name, display_name, avatar, status, bot, guest, deleted })
}
