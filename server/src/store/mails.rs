//! Mails to people. A row says to whom and why; its text is made when it is sent, and the token of
//! its link is derived from its id ([`super::links`]). Whether an address is known shows in nothing
//! that is answered: what is asked for an unknown one becomes a row to nobody.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::{Event, Me, Read, Result, StoreError, Tx, chores, jobs, own, users};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId, UserId};
use hallway_protocol::rows::TenantRole;
use hallway_protocol::text::folded;
use std::net::IpAddr;

/// A link opens for so long.
pub const LINK: Millis = 3_600_000;
/// A mail without a link is of interest for so long.
const NOTICE: Millis = 4 * 24 * 3_600_000;
/// An account may wait for its first verification so long, in hours the server runs.
pub const UNVERIFIED: i64 = 7 * 24;
/// Accounts that may wait for one address and are all written to.
pub const CLAIMS: usize = 3;

/// Why somebody is written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// To prove that an address is theirs; with a link.
    Verify,
    /// To set a new password; with a link.
    Reset,
    /// Somebody wanted an account with the address of an account that is there.
    Known,
    /// The address changed.
    Address,
    /// The password changed.
    Password,
    /// A second factor is asked for from now on.
    FactorOn,
    /// No second factor is asked for any more.
    FactorOff,
    /// An account with the sign-in provider opens theirs from now on.
    OidcOn,
    /// No account with the provider opens theirs any more.
    OidcOff,
    /// Somebody signed in with a code on paper.
    Recovery,
    /// What is unread after a while away.
    Digest,
}

impl Kind {
    /// Each of them, with the word it is stored as; the texts are named so too.
    pub const ALL: [(Kind, &str); 11] = [
        (Kind::Verify, "verify"),
        (Kind::Reset, "reset"),
        (Kind::Known, "known"),
        (Kind::Address, "address"),
        (Kind::Password, "password"),
        (Kind::FactorOn, "factor-on"),
        (Kind::FactorOff, "factor-off"),
        (Kind::OidcOn, "oidc-on"),
        (Kind::OidcOff, "oidc-off"),
        (Kind::Recovery, "recovery"),
        (Kind::Digest, "digest"),
    ];

    /// Its word.
    pub fn text(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, text)| text)
    }

    fn of(stored: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|(_, text)| *text == stored).map(|(kind, _)| *kind)
    }
}

/// A mail with a link, before it is known to whom: its id, and the hash of the token made of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slip {
    /// The row's id, random.
    pub id: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
}

/// A mail as it is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// The row's id.
    pub id: String,
    /// To whom.
    pub person: UserId,
    /// Why; none: a kind of a later version.
    pub kind: Option<Kind>,
    /// Where to.
    pub address: String,
    /// In which language.
    pub language: String,
    /// Its link opens something.
    pub link: bool,
    /// From then on nobody wants it.
    pub expires_at: Millis,
    /// User name of the one it is about.
    pub account: String,
    /// As others see them.
    pub display_name: String,
    /// Title of the tenant.
    pub server: String,
}

/// A person, as far as mail concerns them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reader {
    pub user: UserId,
    pub email: Option<String>,
    pub email_next: Option<String>,
    language: String,
}

/// The mail of a job; none once it is forgotten, or is to nobody.
pub fn load(read: &mut Read<'_>, id: &str) -> Result<Option<Mail>> {
    read.one(
        "select m.id, m.kind, m.address, m.language, m.hash, m.expires_at, u.name, u.display_name,
            t.title, u.id
         from mails m join users u on u.id = m.person join tenants t on t.id = m.tenant
         where m.id = $1 and m.used_at is null and u.deleted_at is null and t.suspended = 0",
        params![id],
        |row| {
            Ok(Mail {
                id: row.get(0)?,
                kind: Kind::of(&row.get::<String>(1)?),
                address: row.get(2)?,
                language: row.get(3)?,
                link: row.get::<Option<Vec<u8>>>(4)?.is_some(),
                expires_at: row.get(5)?,
                account: row.get(6)?,
                display_name: row.get(7)?,
                server: row.get(8)?,
                person: row.get(9)?,
            })
        },
    )
}

/// A newcomer named an address. To one that somebody has already its holder is told so; the newcomer
/// is not.
pub(super) fn welcome(tx: &mut Tx<'_>, tenant: TenantId, user: UserId, slip: &Slip) -> Result<()> {
    let Some(Reader { email_next: Some(address), .. }) = reader(tx, user)? else { return Ok(()) };
    claim(tx, tenant, user, &address, slip)
}

/// Sends the link that makes an address somebody's, or word to the one whose it is.
fn claim(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    user: UserId,
    address: &str,
    slip: &Slip,
) -> Result<()> {
    match holder(tx, tenant, address)?.filter(|holder| holder.user != user) {
        Some(holder) => notice(tx, tenant, &holder, Kind::Known, address),
        None => {
            let reader = reader(tx, user)?.ok_or(StoreError::NotFound("person"))?;
            insert(tx, tenant, Some(&reader), Kind::Verify, address, Some(slip))
        }
    }
}

/// Sends the link again to whoever waits for this address to be verified.
pub fn resend(tx: &mut Tx<'_>, tenant: TenantId, address: &str, slips: &[Slip]) -> Result<()> {
    let mut waiting = match holder(tx, tenant, address)? {
        Some(_) => Vec::new(),
        None => tx.all(
            "select id, email, email_next, language from users
             where tenant = $1 and email_next_folded = $2 and deleted_at is null
             order by created_at desc limit $3",
            params![tenant, &folded(address), CLAIMS as i64],
            read_reader,
        )?,
    };
    let first = waiting.pop();
    for (place, slip) in slips.iter().enumerate() {
        let reader = if place == 0 { first.clone() } else { waiting.pop() };
        let to = reader.as_ref().and_then(|reader| reader.email_next.clone());
        match (place, &to) {
            // Known or not, a row is written.
            (0, _) | (_, Some(_)) => {
                let to = to.as_deref().unwrap_or(address);
                insert(tx, tenant, reader.as_ref(), Kind::Verify, to, Some(slip))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Sends the link to a new password, where the address is somebody's.
pub fn forgot(tx: &mut Tx<'_>, tenant: TenantId, address: &str, slip: &Slip) -> Result<()> {
    let reader = holder(tx, tenant, address)?;
    let to = reader.as_ref().and_then(|reader| reader.email.clone());
    let to = to.as_deref().unwrap_or(address);
    insert(tx, tenant, reader.as_ref(), Kind::Reset, to, Some(slip))
}

/// Tells somebody at their address that something of their account changed.
pub fn tell(tx: &mut Tx<'_>, me: &Me, kind: Kind) -> Result<()> {
    match reader(tx, me.user)? {
        Some(Reader { email: Some(address), user, language, email_next }) => {
            let reader = Reader { user, email: None, email_next, language };
            notice(tx, me.tenant, &reader, kind, &address)
        }
        _ => Ok(()),
    }
}

/// I have another address: with a slip once it is verified, without one at once.
pub fn change_address(
    tx: &mut Tx<'_>,
    me: &Me,
    address: &str,
    slip: Option<&Slip>,
    from: Option<IpAddr>,
) -> Result<()> {
    access::may_in_tenant(me, TenantAct::Account)?;
    tx.hold_people(&[me.user])?;
    let now = reader(tx, me.user)?.ok_or(StoreError::SignedOut)?;
    let same = now.email.as_deref() == Some(address);
    let waits = now.email_next.is_some();
    let Some(slip) = slip.filter(|_| !same) else {
        if same && !waits {
            return Ok(());
        }
        if !same {
            audit::note(tx, &Note::by(me, "address_changed").from(from))?;
        }
        return set_address(tx, me.tenant, me.user, address);
    };
    audit::note(tx, &Note::by(me, "address_asked").from(from))?;
    let rev = own::next(tx, me.user)?;
    tx.exec(
        "update users set email_next = $1, email_next_folded = $2, rev = $3 where id = $4",
        params![address, &folded(address), rev, me.user],
    )?;
    users::publish(tx, me)?;
    claim(tx, me.tenant, me.user, address, slip)
}

/// I have no address any more. Where this can be done there is no mail, so nobody is told.
pub fn drop_address(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    access::may_in_tenant(me, TenantAct::Account)?;
    let now = reader(tx, me.user)?.ok_or(StoreError::SignedOut)?;
    if now.email.is_none() && now.email_next.is_none() {
        return Ok(());
    }
    let rev = own::next(tx, me.user)?;
    tx.exec(
        "update users set email = null, email_folded = null, email_next = null,
            email_next_folded = null, rev = $1 where id = $2",
        params![rev, me.user],
    )?;
    users::publish(tx, me)
}

/// Whether somebody may not sign in before their address is verified.
pub fn waits(read: &mut Read<'_>, user: UserId) -> Result<bool> {
    let sql = "select count(*) from users where id = $1 and unverified_hour is not null";
    Ok(read.number(sql, params![user])? > 0)
}

/// Accounts that nobody verified in time, a few at once.
pub(super) fn unverified(tx: &mut Tx<'_>, most: i64) -> Result<Vec<(TenantId, UserId)>> {
    let before = chores::hours(tx)? - UNVERIFIED;
    tx.all(
        "select tenant, id from users where unverified_hour < $1 and deleted_at is null
         order by unverified_hour, id limit $2",
        params![before, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Forgets mails whose time is over; how many.
pub(super) fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let now = tx.now();
    // A link is kept a while longer, so that the same key again finds what it did.
    tx.exec(
        "delete from mails where id in
            (select id from mails where expires_at < $1 order by expires_at limit $2)",
        params![now - LINK, most],
    )
}

/// An account is closed: nothing of its mail stays.
pub(super) fn forget_of(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("delete from mails where person = $1", params![user])?;
    Ok(())
}

/// From now on this is their address, and the account is verified; a guest who stays has one now.
pub(super) fn set_address(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    user: UserId,
    address: &str,
) -> Result<()> {
    if holder(tx, tenant, address)?.is_some_and(|holder| holder.user != user) {
        return Err(StoreError::Taken("email"));
    }
    let rev = own::next(tx, user)?;
    tx.exec(
        "update users set email = $1, email_folded = $2, email_next = null,
            email_next_folded = null, unverified_hour = null, guest = 0, rev = $3 where id = $4",
        params![address, &folded(address), rev, user],
    )?;
    tx.emit(Event::Changed { user });
    let (role, session) = (TenantRole::Member, String::new());
    users::publish(tx, &Me { tenant, user, role, guest: false, session })
}

/// Whose address this is.
fn holder(read: &mut Read<'_>, tenant: TenantId, address: &str) -> Result<Option<Reader>> {
    read.one(
        "select id, email, email_next, language from users
         where tenant = $1 and email_folded = $2 and deleted_at is null",
        params![tenant, &folded(address)],
        read_reader,
    )
}

/// Somebody with an open account.
pub(super) fn reader(read: &mut Read<'_>, user: UserId) -> Result<Option<Reader>> {
    read.one(
        "select id, email, email_next, language from users where id = $1 and deleted_at is null",
        params![user],
        read_reader,
    )
}

fn read_reader(row: &Record<'_>) -> Outcome<Reader> {
    Ok(Reader {
        user: row.get(0)?,
        email: row.get(1)?,
        email_next: row.get(2)?,
        language: row.get(3)?,
    })
}

/// A mail without a link.
pub(super) fn notice(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    reader: &Reader,
    kind: Kind,
    address: &str,
) -> Result<()> {
    insert(tx, tenant, Some(reader), kind, address, None)
}

/// Writes a mail down, with its job.
fn insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    reader: Option<&Reader>,
    kind: Kind,
    address: &str,
    slip: Option<&Slip>,
) -> Result<()> {
    let (id, lasts) = match slip {
        Some(slip) => (slip.id.clone(), LINK),
        None => (format!("{:032x}", rand::random::<u128>()), NOTICE),
    };
    let language = reader.map_or("en", |reader| reader.language.as_str());
    let (now, hash) = (tx.now(), slip.map(|slip| slip.hash));
    tx.exec(
        "insert into mails (id, tenant, person, kind, address, language, hash, made_at, expires_at,
            used_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, null)",
        params![
            &id,
            tenant,
            reader.map(|reader| reader.user),
            kind.text(),
            address,
            language,
            hash.as_ref().map(|hash| &hash[..]),
            now,
            now + lasts
        ],
    )?;
    jobs::enqueue(tx, Some(tenant), jobs::Kind::Mail, &id, None)
}
