//! Previews of links, made by the server so that no reader's machine calls a stranger's: what a page
//! says of itself, asked for once by however many look at it, through the one guarded client. Off
//! where the tenant says so (`previews` of its configuration), and for who says so themselves
//! (`false` in their own storage under `previews`).

mod page;

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::Query;
use crate::outbound::{Call, Fault, address};
use crate::store::Needs;
use crate::store::previews::{self, Said};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use hallway_protocol::ids::{Millis, TenantId};
use hallway_protocol::rest::Preview;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// What a page says is believed so long.
const LASTS_MS: Millis = 24 * 3_600_000;
/// That there is nothing is believed so long.
const NOTHING_MS: Millis = 15 * 60_000;
/// So much of a page is read, bytes: what it says of itself stands at its head.
const READ: usize = 512 * 1024;

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
    let said = look(&app, me.tenant, &url).await?;
    let Said { title, description } = said;
    Ok(axum::Json(Preview { url, title, description, image: None }))
}

/// What the page says: as it is known, or asked for by one of those who want to know.
async fn look(app: &App, tenant: TenantId, url: &str) -> Result<Said> {
    let hash = previews::hash(url);
    let known = || app.store.read(move |read| previews::known(read, tenant, &hash));
    if let Some(said) = known().await? {
        return Ok(said);
    }
    let turn = app.looking.0.lock().entry((tenant, hash)).or_default().clone();
    let held = turn.lock().await;
    let said = match known().await? {
        Some(said) => said,
        None => {
            let said = ask(app, tenant, url).await;
            let lasts = if said.title.is_some() { LASTS_MS } else { NOTHING_MS };
            let kept = said.clone();
            let keeping = app.store.write(Needs::tenant(tenant), move |tx| {
                previews::keep(tx, tenant, &hash, &kept, lasts)
            });
            keeping.await?;
            said
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

/// Asks the page. Whatever goes wrong is nothing to show, and why is told to nobody: it would say
/// what stands in our own network.
async fn ask(app: &App, tenant: TenantId, url: &str) -> Said {
    let Ok(call) = Call::get("preview", url) else { return Said::default() };
    let accepts = HeaderValue::from_static("text/html,application/xhtml+xml");
    let call = call.of(tenant).at_most(READ).header(header::ACCEPT, accepts);
    match app.outbound.call(call).await {
        Ok(answer) if answer.status.is_success() => {
            let kind = answer.header(header::CONTENT_TYPE).unwrap_or_default();
            page::said(kind, &answer.body)
        }
        _ => Said::default(),
    }
}
