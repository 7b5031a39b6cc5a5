//! What pages say of themselves, kept for a while, for each tenant apart. The key is the hash of an
//! address; deleting a message that names the address, or changing it to one that does not, takes it
//! away, and its picture with it. Others who name the same address ask for it anew: who names what is
//! written down nowhere, which is the point.

use super::media::{self, Found};
use super::{Me, Read, Result, Tx, attachments, tenants};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Addresses of one text that are looked for when it is deleted.
const LINKS: usize = 50;
/// Addresses that one step of erasing a room forgets, or a little more.
const FORGOTTEN: usize = 500;
/// The place in a person's own storage that says `false` where they want none.
pub const SETTING: &str = "previews";

/// What a page says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// Its title; none: there is nothing to show.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The media id of its picture.
    pub image: Option<String>,
}

/// The hash under which an address is kept.
pub fn hash(url: &str) -> [u8; 32] {
    Sha256::digest(url.as_bytes()).into()
}

/// Whether this person wants previews.
pub fn wanted(read: &mut Read<'_>, me: &Me) -> Result<bool> {
    let sql = "select value from storage where person = $1 and name = $2";
    let set = read.one(sql, params![me.user, SETTING], |row| row.get::<String>(0))?;
    Ok(set.is_none_or(|set| set.trim() != "false"))
}

/// What is known of an address.
pub fn known(read: &mut Read<'_>, tenant: TenantId, hash: &[u8; 32]) -> Result<Option<Said>> {
    let now = read.now();
    read.one(
        "select title, description, image from previews
         where tenant = $1 and hash = $2 and expires_at > $3",
        params![tenant, hash, now],
        |row| Ok(Said { title: row.get(0)?, description: row.get(1)?, image: row.get(2)? }),
    )
}

/// Whether I would be shown a preview with this picture.
pub(super) fn shows(read: &mut Read<'_>, me: &Me, id: &str) -> Result<bool> {
    let now = read.now();
    let sql = "select count(*) from previews where image = $1 and tenant = $2 and expires_at > $3";
    if read.number(sql, params![id, me.tenant, now])? == 0 {
        return Ok(false);
    }
    let on = tenants::by_id(read, me.tenant)?.config.previews != Some(false);
    Ok(on && wanted(read, me)?)
}

/// Keeps it for so long, with the picture that was made for it; as it is kept.
pub fn keep(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    hash: &[u8; 32],
    said: &Said,
    found: Option<&Found>,
    lasts: Millis,
) -> Result<Said> {
    forget_one(tx, tenant, hash)?;
    let image = match (&said.image, found) {
        (Some(image), Some(found)) if media::made(tx, tenant, image, found)? => Some(image.clone()),
        _ => None,
    };
    let said = Said { image, ..said.clone() };
    let (title, about, image) =
        (said.title.as_deref(), said.description.as_deref(), said.image.as_deref());
    let until = tx.now() + lasts;
    tx.exec(
        "insert into previews (tenant, hash, title, description, image, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant, hash) do nothing",
        params![tenant, hash, title, about, image, until],
    )?;
    Ok(said)
}

/// Forgets what a text that is deleted named.
pub(super) fn forget_of(tx: &mut Tx<'_>, tenant: TenantId, text: &str) -> Result<()> {
    forget_all(tx, tenant, &hashes(text))
}

/// Forgets what a text named and what stands in its place now does not.
pub(super) fn forget_changed(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    old: &str,
    new: &str,
) -> Result<()> {
    let (old, new) = (hashes(old), hashes(new));
    forget_all(tx, tenant, &old.difference(&new).copied().collect())
}

/// Forgets what the first `most` messages of a room named that still say something; the last of those
/// that were looked at. Many addresses end a step early.
pub(super) fn forget_in(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    room: RoomId,
    most: i64,
) -> Result<Option<Seq>> {
    let said = tx.all(
        "select seq, text from messages where room = $1 and deleted_at is null
         order by seq limit $2",
        params![room, most],
        |row| Ok((row.get::<Seq>(0)?, row.get::<String>(1)?)),
    )?;
    let (mut found, mut last) = (BTreeSet::new(), None);
    for (seq, text) in said {
        found.extend(hashes(&text));
        last = Some(seq);
        if found.len() >= FORGOTTEN {
            break;
        }
    }
    forget_all(tx, tenant, &found)?;
    Ok(last)
}

/// Forgets what has had its time; true: there is more.
pub fn forget(tx: &mut Tx<'_>, most: i64) -> Result<bool> {
    let now = tx.now();
    let old = tx.all(
        "select tenant, hash from previews where expires_at <= $1 order by expires_at limit $2",
        params![now, most],
        |row| Ok((row.get::<TenantId>(0)?, row.get::<[u8; 32]>(1)?)),
    )?;
    for (tenant, hash) in &old {
        forget_one(tx, *tenant, hash)?;
    }
    Ok(old.len() as i64 == most)
}

fn forget_all(tx: &mut Tx<'_>, tenant: TenantId, hashes: &BTreeSet<[u8; 32]>) -> Result<()> {
    hashes.iter().try_for_each(|hash| forget_one(tx, tenant, hash))
}

/// A preview goes, and its picture with the next sweep.
fn forget_one(tx: &mut Tx<'_>, tenant: TenantId, hash: &[u8; 32]) -> Result<()> {
    let sql = "select image from previews where tenant = $1 and hash = $2";
    let image = tx.one(sql, params![tenant, hash], |row| row.get::<Option<String>>(0))?;
    let Some(image) = image else { return Ok(()) };
    tx.exec("delete from previews where tenant = $1 and hash = $2", params![tenant, hash])?;
    image.map_or(Ok(()), |image| attachments::loosen(tx, &image))
}

/// Under what the addresses in a text are kept.
fn hashes(text: &str) -> BTreeSet<[u8; 32]> {
    links(text).iter().map(|url| hash(url)).collect()
}

/// The addresses in a text, in the form in which they are asked for. One that ends a sentence or
/// stands in brackets is tried with and without what follows it.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for scheme in ["http://", "https://"] {
        for (at, _) in text.match_indices(scheme).take(LINKS) {
            let rest = &text[at..];
            let end = rest.find(|c: char| c.is_whitespace() || "<>\"`".contains(c));
            let mut link = &rest[..end.unwrap_or(rest.len())];
            loop {
                links.extend(crate::outbound::address(link).map(String::from));
                let cut = link.trim_end_matches(|c: char| ".,;:!?)]}'*_".contains(c));
                let inner = cut.find([')', ']']).map_or(cut, |end| &cut[..end]);
                if inner == link {
                    break;
                }
                link = if cut == link { inner } else { cut };
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        for (text, url) in [
            ("https://a.example/x", "https://a.example/x"),
            ("see https://A.example, please", "https://a.example/"),
            ("[here](https://a.example/x)", "https://a.example/x"),
            ("[here](https://a.example/x).", "https://a.example/x"),
            ("<https://a.example/x>", "https://a.example/x"),
            ("(https://a.example/x_(y))", "https://a.example/x_(y))"),
            ("http://a.example/x#y and more", "http://a.example/x"),
        ] {
            assert!(links(text).contains(&url.to_owned()), "{text}: {:?}", links(text));
        }
        assert_eq!(links("no link, mailto:a@b.example"), Vec::<String>::new());
    }
}
