//! What a client asks before anybody has signed in: whose server it is and who may come in.

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::extract::Query;
use crate::guests;
use crate::store::tenants;
use axum::Json;
use axum::extract::State;
use hallway_protocol::rest::{Guests, ServerInfo};
use serde::Deserialize;

/// Whose tenant is asked about; the default one when nothing is said.
#[derive(Debug, Default, Deserialize)]
pub struct Whose {
    tenant: Option<String>,
}

/// `GET /server`.
pub async fn show(State(app): State<App>, Query(whose): Query<Whose>) -> Result<Json<ServerInfo>> {
    let found = app.store.read(move |read| tenants::by_name(read, whose.tenant.as_deref()));
    let tenant = found.await?;
    if tenant.suspended && tenant.name != tenants::DEFAULT {
        return Err(Refusal::NotFound("tenant"));
    }
    let guests = guests::allowed(&app, &tenant) != Guests::Off;
    Ok(Json(ServerInfo {
        name: tenant.title,
        version: env!("CARGO_PKG_VERSION").into(),
        registration: tenant.registration.unwrap_or(app.config.registration),
        mail: app.mailer.is_on(),
        guests,
        epoch: app.store.epoch(),
    }))
}
