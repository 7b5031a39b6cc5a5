//! What a client asks before anybody has signed in: whose server it is and who may come in.

use crate::app::App;
use crate::error::Result;
use crate::store::tenants;
use axum::Json;
use axum::extract::State;
use hallway_protocol::rest::ServerInfo;

/// `GET /server`.
pub async fn show(State(app): State<App>) -> Result<Json<ServerInfo>> {
    let tenant = app.store.read(|read| tenants::by_name(read, None)).await?;
    Ok(Json(ServerInfo {
        name: tenant.title,
        version: env!("CARGO_PKG_VERSION").into(),
        registration: tenant.registration.unwrap_or(app.config.registration),
        mail: false,
        guests: false,
        epoch: app.store.epoch(),
    }))
}
