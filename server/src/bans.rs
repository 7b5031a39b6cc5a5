//! Bans: keeping somebody out, or an address; and the door's memory of barred addresses, which every
//! request and every socket passes.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once, Part, Path, Query};
use crate::front::Caller;
use crate::limits::network;
use crate::reports::reason;
use crate::routes::done;
use crate::store::bans::{self, NewBan, Whom};
use crate::store::{Me, Needs};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{Millis, TenantId};
use hallway_protocol::rest::{self, Ban, Items};
use hallway_protocol::rows::TenantRole;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::net::IpAddr;

/// `POST /bans`: one person, or one address.
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<rest::NewBan>,
) -> Result<Response> {
    let (id, whom) = (format!("{:032x}", rand::random::<u128>()), whom(&body)?);
    let (until, from) = (body.until, Some(caller.address));
    let new = NewBan { id, whom, until, reason: reason(&body.reason)?, from };
    let needs = Needs::person(me.user).and(body.user);
    let made = app.store.write(needs, move |tx| bans::create(tx, &me, key.as_ref(), &new));
    Ok(done(made.await?, StatusCode::CREATED))
}

fn whom(body: &rest::NewBan) -> Result<Whom> {
    match (body.user, &body.address) {
        (Some(user), None) => Ok(Whom::Person(user)),
        (None, Some(text)) => match text.trim().parse() {
            Ok(address) => Ok(Whom::Address(address)),
            Err(_) => Err(Refusal::invalid("address", "is no address")),
        },
        (Some(_), Some(_)) => Err(Refusal::invalid("address", "beside user is one too many")),
        (None, None) => Err(Refusal::invalid("user", "or address is missing")),
    }
}

/// `GET /bans`: those that hold, newest first.
pub async fn list(
    State(app): State<App>,
    Session(me): Session,
    Query(part): Query<Part>,
) -> Result<axum::Json<Items<Ban>>> {
    part.read(&app, move |read, next, limit| bans::list(read, &me, next, limit)).await
}

/// `DELETE /bans/{id}`: lifts it.
pub async fn destroy(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Path(id): Path<String>,
) -> Result<Response> {
    let lifted = app.store.write(Needs::person(me.user), move |tx| {
        bans::destroy(tx, &me, key.as_ref(), &id, Some(caller.address))
    });
    Ok(done(lifted.await?, StatusCode::NO_CONTENT))
}

/// The barred addresses of each tenant, and until when.
#[derive(Debug, Default)]
pub struct Barred(RwLock<HashMap<(TenantId, IpAddr), Millis>>);

impl Barred {
    /// A network is barred until then, or not any more.
    pub fn set(&self, tenant: TenantId, network: IpAddr, until: Option<Millis>) {
        let mut barred = self.0.write();
        match until {
            Some(until) => barred.insert((tenant, network), until),
            None => barred.remove(&(tenant, network)),
        };
    }

    /// Refuses who comes from a barred address, unless the tenant is theirs.
    pub fn admit(&self, me: &Me, from: IpAddr, now: Millis) -> Result<()> {
        let until = self.0.read().get(&(me.tenant, network(from))).copied();
        if until.is_some_and(|until| until > now) && me.role != TenantRole::Owner {
            return Err(Refusal::Forbidden("this address is banned"));
        }
        Ok(())
    }
}
