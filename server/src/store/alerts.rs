//! How somebody wants to be told: their keywords, the hours in which nothing is pushed or mailed, how
//! long they are offline before unread notices come by mail.

use super::engine::{Outcome, Record};
use super::{Me, Once, Read, Result, Tx, keywords, ops};
use crate::params;
use crate::quiet::Hours;
use hallway_protocol::ids::{Key, UserId};
use hallway_protocol::rest::NoticeSettings;

/// As it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Alerts {
    /// When nothing is pushed or mailed.
    pub hours: Option<Hours>,
    /// Where these hours are.
    pub zone: String,
    /// Unread so long while offline, notices are mailed; 0: never.
    pub digest_minutes: i64,
}

/// What I set.
pub fn show(read: &mut Read<'_>, me: &Me) -> Result<NoticeSettings> {
    let Alerts { hours, zone, digest_minutes } = of(read, me.user)?;
    let keywords = keywords::list(read, me.user)?;
    Ok(NoticeSettings { keywords, quiet: hours.map(|hours| hours.wire()), digest_minutes, zone })
}

/// What somebody set, or what holds where they set nothing.
pub(super) fn of(read: &mut Read<'_>, person: UserId) -> Result<Alerts> {
    let found = read.one(
        "select quiet_from, quiet_to, quiet_days, zone, digest_minutes from alerts
         where person = $1",
        params![person],
        row,
    )?;
    Ok(found.unwrap_or_else(|| Alerts { zone: "UTC".into(), ..Alerts::default() }))
}

/// Sets it anew.
pub fn set(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    keywords: &[String],
    alerts: &Alerts,
) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "alerts", "")?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    have(tx, me.user)?;
    let (from, to, days) = match &alerts.hours {
        Some(hours) => (Some(hours.from), Some(hours.to), hours.days_text()),
        None => (None, None, String::new()),
    };
    tx.exec(
        "update alerts set quiet_from = $1, quiet_to = $2, quiet_days = $3, zone = $4,
            digest_minutes = $5 where person = $6",
        params![from, to, &days, &alerts.zone, alerts.digest_minutes, me.user],
    )?;
    keywords::set(tx, me.tenant, me.user, keywords)?;
    ops::keep(tx, me, key, "alerts", "", None)?;
    Ok(Once { again: false, answer: () })
}

/// Makes the row of somebody who has none.
pub(super) fn have(tx: &mut Tx<'_>, person: UserId) -> Result<()> {
    tx.exec(
        "insert into alerts (person, read_n, quiet_from, quiet_to, quiet_days, zone,
            digest_minutes, digest_n, digest_at)
         values ($1, 0, null, null, '', 'UTC', 0, 0, 0) on conflict (person) do nothing",
        params![person],
    )?;
    Ok(())
}

fn row(row: &Record<'_>) -> Outcome<Alerts> {
    let minutes = row.get::<Option<i64>>(0)?.zip(row.get::<Option<i64>>(1)?);
    let days = row.get::<String>(2)?;
    let hours = minutes.map(|(from, to)| Hours::stored(from, to, &days));
    Ok(Alerts { hours, zone: row.get(3)?, digest_minutes: row.get(4)? })
}
