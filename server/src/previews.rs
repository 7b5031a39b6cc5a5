//! Previews of links, made by the server so that no reader's machine calls a stranger's: what a page
//! says of itself, asked for once by however many look at it, through the one guarded client. Its
//! picture is fetched in the same way, made anew and small, and is a file of ours from then on. Off
//! where the tenant says so (`previews` of its configuration), and for who says so themselves
//! (`false` in their own storage under `previews`).

mod page;

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::Query;
use crate::files::kinds;
use crate::media::random;
use crate::outbound::{Answer, BODY, Call, Fault, address};
use crate::store::media::{self, Found, NewMedia};
use crate::store::previews::{self, Said};
use crate::store::tenants::Tenant;
use crate::store::{Me, Needs};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use hallway_protocol::ids::{Millis, TenantId};
use hallway_protocol::rest::Preview;
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// What a page says is believed so long.
const LASTS_MS: Millis = 24 * 3_600_000;
/// That there is nothing is believed so long.
const NOTHING_MS: Millis = 15 * 60_000;
/// So much of a page is read, bytes: what it says of itself stands at its head.
const READ: usize = 512 * 1024;
/// What is asked for as a picture; what it is shows in its bytes.
const PICTURES: &str = "image/webp,image/png,image/jpeg,image/gif";
/// The file of a preview is called so.
const NAME: &str = "preview";

/// Pages that are being asked for.
#[derive(Debug, Default)]
pub struct Looking(Mutex<HashMap<Page, Arc<tokio::sync::Mutex<()>>>>);

/// Whose preview of what, by the hash of its address.
type Page = (TenantId, [u8; 32]);

/// Which page.
#[derive(Debug, Deserialize)]
pub struct Which {
    url: String,
}

/// `GET /previews?url=`.
pub async fn show(
    State(app): State<App>,
    Session(me): Session,
    Query(which): Query<Which>,
) -> Result<axum::Json<Preview>> {
    let url: String = address(&which.url).map_err(Fault::of_url)?.into();
    let tenant = app.settings.of(&app.store, me.tenant).await?;
    let asked = me.clone();
    let wanted = app.store.read(move |read| previews::wanted(read, &asked)).await?;
    if tenant.config.previews == Some(false) || !wanted {
        return Err(Refusal::Forbidden("previews are off"));
    }
    let said = look(&app, &me, &tenant, &url).await?;
    let Said { title, description, image } = said;
    Ok(axum::Json(Preview { url, title, description, image }))
}

/// What the page says: as it is known, or asked for by one of those who want to know.
async fn look(app: &App, me: &Me, settings: &Tenant, url: &str) -> Result<Said> {
    let (tenant, hash) = (me.tenant, previews::hash(url));
    let known = || app.store.read(move |read| previews::known(read, tenant, &hash));
    if let Some(said) = known().await? {
        return Ok(said);
    }
    let turn = app.looking.0.lock().entry((tenant, hash)).or_default().clone();
    let held = turn.lock().await;
    let said = match known().await? {
        Some(said) => said,
        None => {
            let (said, from) = ask(app, tenant, url).await;
            let (image, found) = picture(app, me, settings, from).await.unzip();
            let said = Said { image, ..said };
            let lasts = if said.title.is_some() { LASTS_MS } else { NOTHING_MS };
            let keeping = app.store.write(Needs::tenant(tenant), move |tx| {
                previews::keep(tx, tenant, &hash, &said, found.as_ref(), lasts)
            });
            keeping.await?
        }
    };
    drop(held);
    let mut looking = app.looking.0.lock();
    // The map's and ours: nobody else waits.
    if looking.get(&(tenant, hash)).is_some_and(|turn| Arc::strong_count(turn) <= 2) {
        looking.remove(&(tenant, hash));
    }
    Ok(said)
}

/// Asks the page, and where its picture is. Whatever goes wrong is nothing to show, and why is told to
/// nobody: it would say what stands in our own network.
async fn ask(app: &App, tenant: TenantId, url: &str) -> (Said, Option<Url>) {
    let Some(answer) = got(app, tenant, url, "text/html,application/xhtml+xml", READ).await else {
        return (Said::default(), None);
    };
    let kind = answer.header(header::CONTENT_TYPE).unwrap_or_default();
    let (said, picture) = page::said(kind, &answer.body);
    // Without a title there is nothing to show, and a picture's place may be told from the page's.
    let picture = picture.filter(|_| said.title.is_some());
    (said, picture.and_then(|place| answer.url.join(&place).ok()))
}

async fn got(
    app: &App,
    tenant: TenantId,
    url: &str,
    kinds: &'static str,
    most: usize,
) -> Option<Answer> {
    let call = Call::get("preview", url).ok()?;
    let call = call.of(tenant).at_most(most);
    let call = call.header(header::ACCEPT, HeaderValue::from_static(kinds));
    app.outbound.call(call).await.ok().filter(|answer| answer.status.is_success())
}

/// Fetches a picture and keeps a small one of ours. None where it cannot be had, is none, or there is
/// no room for it: a preview is a preview without.
async fn picture(
    app: &App,
    me: &Me,
    settings: &Tenant,
    from: Option<Url>,
) -> Option<(String, Found)> {
    let answer = got(app, me.tenant, from?.as_str(), PICTURES, BODY).await;
    let answer = answer.filter(|answer| !answer.cut)?;
    let kind = kinds::of(&answer.body[..answer.body.len().min(kinds::HEAD)], "");
    let made = app.files.small(answer.body.to_vec(), kind).await.ok()?;
    let place = format!("{}/{}", me.tenant, random());
    let new = NewMedia {
        id: random(),
        place: place.clone(),
        name: NAME.into(),
        kind: made.kind.into(),
        size: made.bytes.len() as i64,
        sha256: Sha256::digest(&made.bytes).into(),
        quota: settings.config.quota_bytes,
    };
    let found = Found {
        kind: new.kind.clone(),
        size: new.size,
        sha256: new.sha256,
        width: Some(made.width.into()),
        height: Some(made.height.into()),
    };
    let (me, id) = (me.clone(), new.id.clone());
    // The row first: what comes to no end is swept as an upload that came to none.
    app.store.write(Needs::person(me.user), move |tx| media::make(tx, &me, &new)).await.ok()?;
    app.files.keep(&format!("{place}/file"), made.bytes).await.ok()?;
    Some((id, found))
}
