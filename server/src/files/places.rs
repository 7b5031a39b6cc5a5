//! Where files lie, page by page in the order of their names, for the look at what is nobody's.

use super::{Files, broken};
use crate::error::{Refusal, Result};
use futures_util::StreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeSet;

impl Files {
    /// The next places after one, at most so many. What has no name as we give them is not ours.
    pub async fn places(&self, after: &str, most: usize) -> Result<Vec<String>> {
        match self.folder.clone() {
            Some(folder) => {
                let after = after.to_owned();
                let read = tokio::task::spawn_blocking(move || in_folder(&folder, &after, most));
                let read = read.await.map_err(|error| Refusal::Broken(error.into()))?;
                read.map_err(|error| Refusal::Broken(anyhow::Error::new(error).context("files")))
            }
            None => self.in_bucket(after, most).await,
        }
    }

    async fn in_bucket(&self, after: &str, most: usize) -> Result<Vec<String>> {
        let mut listed = match after {
            "" => self.objects.list(None),
            // Behind everything that lies there: names go on with "/", which is just before "0".
            after => self.objects.list_with_offset(None, &Path::from(format!("{after}0"))),
        };
        let mut places: Vec<String> = Vec::new();
        while let Some(meta) = listed.next().await {
            let location = meta.map_err(broken)?.location;
            let Some(place) = place(location.as_ref()) else { continue };
            if place > after && places.last().is_none_or(|last| last != place) {
                if places.len() == most {
                    break;
                }
                places.push(place.to_owned());
            }
        }
        Ok(places)
    }
}

/// `TENANT/RANDOM` of a path below it.
fn place(path: &str) -> Option<&str> {
    let tenant = path.find('/')?;
    let end = tenant + 1 + path[tenant + 1..].find('/')?;
    let (of, name) = (&path[..tenant], &path[tenant + 1..end]);
    (is_tenant(of) && is_random(name)).then(|| &path[..end])
}

fn is_tenant(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_random(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn in_folder(folder: &std::path::Path, after: &str, most: usize) -> std::io::Result<Vec<String>> {
    let (mut places, first) = (Vec::new(), after.split('/').next().unwrap_or_default());
    for tenant in names(folder, "", usize::MAX, is_tenant)? {
        if tenant.as_str() < first || places.len() == most {
            continue;
        }
        let past = if tenant == first { after.split('/').nth(1).unwrap_or_default() } else { "" };
        let left = most - places.len();
        let random = names(&folder.join(&tenant), past, left, is_random)?;
        places.extend(random.into_iter().map(|name| format!("{tenant}/{name}")));
    }
    Ok(places)
}

/// The first names in a folder after one. However many there are, no more than those are held.
fn names(
    folder: &std::path::Path,
    after: &str,
    most: usize,
    fits: fn(&str) -> bool,
) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let listed = match std::fs::read_dir(folder) {
        // It may go while we look.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(names),
        listed => listed?,
    };
    for entry in listed {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if fits(&name) && name.as_str() > after {
            names.insert(name);
            if names.len() > most {
                names.pop_last();
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_its_name() {
        let name = "0123456789abcdef0123456789abcdef";
        let fine = format!("12/{name}");
        assert_eq!(place(&format!("{fine}/in/0")), Some(fine.as_str()));
        for odd in [fine.clone(), format!("a/{name}/file"), format!("12/{}x/file", &name[1..])] {
            assert_eq!(place(&odd), None, "{odd}");
        }
        assert_eq!(place("backup/of/something"), None);
    }

    #[test]
    fn pages_of_a_folder_are_all_of_it_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut all: Vec<_> =
            (0..23).map(|n| format!("{}/{:032x}", [12, 123, 5][n % 3], n)).collect();
        for place in &all {
            std::fs::create_dir_all(folder.path().join(place)).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("12/other")).unwrap();
        std::fs::write(folder.path().join("notes"), "").unwrap();
        all.sort();
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = in_folder(folder.path(), &after, 4).unwrap();
            assert!(page.len() <= 4);
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            found.extend(page);
        }
        assert_eq!(found, all);
    }
}
