//! What pages say of themselves, kept for a while, for each tenant apart. The key is the hash of an
//! address; deleting a message that names the address takes it away.

use super::{Me, Read, Result, Tx};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId};
use sha2::{Digest, Sha256};

/// Addresses of one text that are looked for when it is deleted.
const LINKS: usize = 50;
/// The place in a person's own storage that says `false` where they want none.
pub const SETTING: &str = "previews";

/// What a page says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// Its title; none: there is nothing to show.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
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
        "select title, description from previews
         where tenant = $1 and hash = $2 and expires_at > $3",
        params![tenant, hash, now],
        |row| Ok(Said { title: row.get(0)?, description: row.get(1)? }),
    )
}

/// Keeps it for so long.
pub fn keep(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    hash: &[u8; 32],
    said: &Said,
    lasts: Millis,
) -> Result<()> {
    let until = tx.now() + lasts;
    tx.exec(
        "insert into previews (tenant, hash, title, description, expires_at)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant, hash) do update set title = excluded.title,
            description = excluded.description, expires_at = excluded.expires_at",
        params![tenant, hash, said.title.as_deref(), said.description.as_deref(), until],
    )?;
    Ok(())
}

/// Forgets what a text that is deleted named.
pub(super) fn forget_of(tx: &mut Tx<'_>, tenant: TenantId, text: &str) -> Result<()> {
    for url in links(text) {
        let hash = hash(&url);
        tx.exec("delete from previews where tenant = $1 and hash = $2", params![tenant, &hash])?;
    }
    Ok(())
}

/// Forgets what has had its time, at most `most`.
pub fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let now = tx.now();
    tx.exec(
        "delete from previews where (tenant, hash) in
            (select tenant, hash from previews where expires_at <= $1 limit $2)",
        params![now, most],
    )
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
