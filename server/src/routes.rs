//! The whole HTTP surface, one line a route: method, path, who may, handler. What is not in the
//! table is answered in our words; the tests of access and of idempotency walk the same table.
//!
//! To add one: its line here; what it is for, takes and answers in `openapi/entries` (an example of
//! each new body stands in the tests of the wire, and shapes follow from it); who may in the table
//! of `tests/web/access.rs`. Tests compare the three and fail on any difference.

use crate::access::Act;
use crate::app::App;
use crate::error::Refusal;
use crate::media::content;
use crate::store::Once;
use crate::{
    accounts, admin, bans, bots, codes, commands, estate, front, guests, health, hooks, invites,
    keys, mails, marks, media, members, messages, notices, oidc, openapi, pages, people, previews,
    push, reactions, reminders, reports, rooms, saved, scheduled, search, server, sessions, socket,
    storage, sync, tenants, totp, users, webhooks,
};
use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use axum::{Router, middleware};
use hallway_protocol::rest::Scope;
use serde::Serialize;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Under which the interface lives.
pub const PREFIX: &str = "/api/v1";

/// Who may call a route. Of rooms the last word is [`crate::access::may`]'s, inside the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Anybody.
    Anyone,
    /// Whoever is signed in.
    Person,
    /// An owner or admin of the tenant.
    Operator,
    /// Whoever looks after the tenant; the store leaves out what is not theirs to see. A key with
    /// `admin` sees what its admins see.
    Oversees,
    /// Whoever may do this in the room.
    Room(Act),
    /// Whoever is signed in, and a key that reads.
    Reads,
    /// The operator; within a tenant its owner, and a key with `admin`.
    Runs,
    /// An owner or admin of the tenant, and a key with `admin`.
    Manages,
    /// A tenant's backend, by a key with this scope.
    Backend(Scope),
}

/// One route.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path below [`PREFIX`].
    pub path: &'static str,
    /// Who may.
    pub rule: Rule,
    handler: fn() -> MethodRouter<App>,
}

const fn route(
    method: &'static str,
    path: &'static str,
    rule: Rule,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route { method, path, rule, handler }
}

use Rule::{Anyone, Backend, Manages, Operator, Oversees, Person, Reads, Room, Runs};

/// Every route of the interface.
#[rustfmt::skip]
pub const TABLE: &[Route] = &[
    route("GET",    "/server",                              Anyone,             || get(server::show)),
    route("POST",   "/auth/register",                       Anyone,             || post(accounts::register)),
    route("POST",   "/auth/verify-email",                   Anyone,             || post(mails::verify)),
    route("POST",   "/auth/resend-verification",            Anyone,             || post(mails::resend)),
    route("POST",   "/auth/forgot-password",                Anyone,             || post(mails::forgot)),
    route("POST",   "/auth/reset-password",                 Anyone,             || post(mails::reset)),
    route("POST",   "/auth/login",                          Anyone,             || post(accounts::login)),
    route("POST",   "/auth/guest",                          Anyone,             || post(guests::create)),
    route("POST",   "/auth/refresh",                        Anyone,             || post(sessions::refresh)),
    route("POST",   "/auth/logout",                         Person,             || post(sessions::logout)),
    route("GET",    "/auth/oidc",                           Anyone,             || get(oidc::show)),
    route("GET",    "/auth/oidc/start",                     Anyone,             || get(oidc::start)),
    route("GET",    "/auth/oidc/callback",                  Anyone,             || get(oidc::callback)),
    route("POST",   "/auth/oidc/session",                   Anyone,             || post(oidc::session)),
    route("GET",    "/auth/sessions",                       Person,             || get(sessions::list)),
    route("DELETE", "/auth/sessions/{id}",                  Person,             || delete(sessions::destroy)),
    route("POST",   "/invites",                             Operator,           || post(invites::create)),
    route("GET",    "/invites",                             Oversees,           || get(invites::list)),
    route("DELETE", "/invites/{id}",                        Operator,           || delete(invites::destroy)),
    route("GET",    "/users",                               Reads,              || get(users::list)),
    route("GET",    "/users/me",                            Person,             || get(users::me)),
    route("PATCH",  "/users/me",                            Person,             || patch(users::update)),
    route("DELETE", "/users/me",                            Person,             || delete(accounts::destroy)),
    route("PUT",    "/users/me/password",                   Person,             || put(accounts::change_password)),
    route("POST",   "/users/me/oidc",                       Person,             || post(oidc::link)),
    route("DELETE", "/users/me/oidc",                       Person,             || delete(oidc::unlink)),
    route("POST",   "/users/me/totp",                       Person,             || post(totp::create)),
    route("PUT",    "/users/me/totp",                       Person,             || put(totp::update)),
    route("DELETE", "/users/me/totp",                       Person,             || delete(totp::destroy)),
    route("POST",   "/users/me/account",                    Person,             || post(guests::stay)),
    route("PUT",    "/users/me/avatar",                     Person,             || put(media::portray)),
    route("DELETE", "/users/me/avatar",                     Person,             || delete(media::unportray)),
    route("GET",    "/users/me/messages",                   Person,             || get(messages::mine)),
    route("GET",    "/users/me/storage/{key}",              Person,             || get(storage::show)),
    route("PUT",    "/users/me/storage/{key}",              Person,             || put(storage::update)),
    route("DELETE", "/users/me/storage/{key}",              Person,             || delete(storage::destroy)),
    route("GET",    "/users/{user}",                        Reads,              || get(users::show)),
    route("POST",   "/users/{user}/sessions",               Backend(Scope::Act), || post(keys::mint)),
    route("POST",   "/rooms",                               Person,             || post(rooms::create)),
    route("GET",    "/rooms",                               Person,             || get(rooms::list)),
    route("POST",   "/rooms/direct",                        Person,             || post(rooms::direct)),
    route("GET",    "/rooms/directory",                     Reads,              || get(rooms::directory)),
    route("POST",   "/rooms/join",                          Person,             || post(members::join_by_code)),
    route("GET",    "/rooms/{room}",                        Room(Act::See),     || get(rooms::show)),
    route("PATCH",  "/rooms/{room}",                        Room(Act::Rename),  || patch(rooms::update)),
    route("DELETE", "/rooms/{room}",                        Room(Act::Destroy), || delete(rooms::destroy)),
    route("POST",   "/rooms/{room}/join",                   Room(Act::Join),    || post(members::join)),
    route("POST",   "/rooms/{room}/leave",                  Room(Act::Mine),    || post(members::leave)),
    route("POST",   "/rooms/{room}/code",                   Room(Act::Code),    || post(codes::create)),
    route("DELETE", "/rooms/{room}/code",                   Room(Act::Code),    || delete(codes::destroy)),
    route("GET",    "/rooms/{room}/guests",                 Room(Act::See),     || get(guests::show)),
    route("PUT",    "/rooms/{room}/guests",                 Room(Act::Settings), || put(guests::update)),
    route("GET",    "/rooms/{room}/members",                Room(Act::See),     || get(members::list)),
    route("PUT",    "/rooms/{room}/members/{user}",         Room(Act::Add),     || put(members::update)),
    route("DELETE", "/rooms/{room}/members/{user}",         Room(Act::Add),     || delete(members::destroy)),
    route("PUT",    "/rooms/{room}/read-mark",              Room(Act::Mine),    || put(marks::read)),
    route("PATCH",  "/rooms/{room}/mine",                   Room(Act::Mine),    || patch(marks::mine)),
    route("GET",    "/rooms/{room}/why",                    Room(Act::Mine),    || get(marks::why)),
    route("GET",    "/rooms/{room}/receipts",               Room(Act::See),     || get(marks::receipts)),
    route("POST",   "/rooms/{room}/messages",               Room(Act::Post),    || post(messages::create)),
    route("GET",    "/rooms/{room}/messages",               Room(Act::See),     || get(messages::list)),
    route("GET",    "/rooms/{room}/messages/{seq}",         Room(Act::See),     || get(messages::show)),
    route("PATCH",  "/rooms/{room}/messages/{seq}",         Room(Act::Post),    || patch(messages::update)),
    route("DELETE", "/rooms/{room}/messages/{seq}",         Room(Act::DeleteOwn), || delete(messages::destroy)),
    route("GET",    "/rooms/{room}/messages/{seq}/deletion", Room(Act::See),    || get(messages::deletion)),
    route("GET",    "/rooms/{room}/messages/{seq}/thread",  Room(Act::See),     || get(messages::thread)),
    route("GET",    "/rooms/{room}/messages/{seq}/edits",   Room(Act::See),     || get(messages::edits)),
    route("PUT",    "/rooms/{room}/messages/{seq}/reactions/{emoji}", Room(Act::React), || put(reactions::update)),
    route("DELETE", "/rooms/{room}/messages/{seq}/reactions/{emoji}", Room(Act::React), || delete(reactions::destroy)),
    route("PUT",    "/rooms/{room}/messages/{seq}/pin",     Room(Act::Pin),     || put(messages::pin)),
    route("DELETE", "/rooms/{room}/messages/{seq}/pin",     Room(Act::Pin),     || delete(messages::unpin)),
    route("GET",    "/rooms/{room}/pins",                   Room(Act::See),     || get(messages::pins)),
    route("POST",   "/media",                               Person,             || post(media::create)),
    route("GET",    "/media/{id}",                          Reads,              || get(media::show)),
    route("POST",   "/media/{id}/parts",                    Person,             || post(media::parts)),
    route("POST",   "/media/{id}/complete",                 Person,             || post(media::complete)),
    route("GET",    "/media/{id}/content",                  Reads,              || get(content::show)),
    route("GET",    "/media/{id}/thumbnail",                Reads,              || get(content::thumbnail)),
    route("POST",   "/reports",                             Person,             || post(reports::create)),
    route("GET",    "/reports",                             Oversees,           || get(reports::list)),
    route("PATCH",  "/reports/{id}",                        Person,             || patch(reports::update)),
    route("GET",    "/bans",                                Oversees,           || get(bans::list)),
    route("POST",   "/bans",                                Operator,           || post(bans::create)),
    route("DELETE", "/bans/{id}",                           Operator,           || delete(bans::destroy)),
    route("GET",    "/users/me/notifications",              Person,             || get(notices::settings)),
    route("PUT",    "/users/me/notifications",              Person,             || put(notices::set_settings)),
    route("GET",    "/notifications",                       Person,             || get(notices::list)),
    route("POST",   "/notifications",                       Backend(Scope::Write), || post(notices::create)),
    route("PUT",    "/notifications/read",                  Person,             || put(notices::read)),
    route("GET",    "/push/key",                            Person,             || get(push::key)),
    route("GET",    "/push/endpoints",                      Person,             || get(push::list)),
    route("POST",   "/push/endpoints",                      Person,             || post(push::create)),
    route("DELETE", "/push/endpoints/{id}",                 Person,             || delete(push::destroy)),
    route("GET",    "/reminders",                           Person,             || get(reminders::list)),
    route("POST",   "/reminders",                           Person,             || post(reminders::create)),
    route("DELETE", "/reminders/{id}",                      Person,             || delete(reminders::destroy)),
    route("GET",    "/saved",                               Person,             || get(saved::list)),
    route("POST",   "/saved",                               Person,             || post(saved::create)),
    route("DELETE", "/saved/{id}",                          Person,             || delete(saved::destroy)),
    route("GET",    "/scheduled",                           Person,             || get(scheduled::list)),
    route("POST",   "/scheduled",                           Person,             || post(scheduled::create)),
    route("PATCH",  "/scheduled/{id}",                      Person,             || patch(scheduled::update)),
    route("DELETE", "/scheduled/{id}",                      Person,             || delete(scheduled::destroy)),
    route("GET",    "/previews",                            Person,             || get(previews::show)),
    route("POST",   "/commands",                            Manages,            || post(commands::create)),
    route("GET",    "/commands",                            Person,             || get(commands::list)),
    route("DELETE", "/commands/{id}",                       Manages,            || delete(commands::destroy)),
    route("POST",   "/commands/replies/{token}",            Anyone,             || post(commands::reply)),
    route("POST",   "/bots",                                Manages,            || post(bots::create)),
    route("GET",    "/bots",                                Manages,            || get(bots::list)),
    route("POST",   "/bots/{user}/key",                     Manages,            || post(bots::rekey)),
    route("DELETE", "/bots/{user}",                         Manages,            || delete(bots::destroy)),
    route("POST",   "/rooms/{room}/hooks",                  Room(Act::Add),     || post(hooks::create)),
    route("GET",    "/rooms/{room}/hooks",                  Room(Act::Add),     || get(hooks::list)),
    route("DELETE", "/rooms/{room}/hooks/{hook}",           Room(Act::Add),     || delete(hooks::destroy)),
    route("POST",   "/hooks/{token}",                       Anyone,             || post(hooks::speak)),
    route("POST",   "/webhooks",                            Manages,            || post(webhooks::create)),
    route("GET",    "/webhooks",                            Manages,            || get(webhooks::list)),
    route("GET",    "/webhooks/{id}",                       Manages,            || get(webhooks::show)),
    route("PATCH",  "/webhooks/{id}",                       Manages,            || patch(webhooks::update)),
    route("DELETE", "/webhooks/{id}",                       Manages,            || delete(webhooks::destroy)),
    route("GET",    "/webhooks/{id}/deliveries",            Manages,            || get(webhooks::deliveries)),
    route("POST",   "/webhooks/{id}/deliveries/{delivery}/replay", Manages,     || post(webhooks::replay)),
    route("GET",    "/search",                              Reads,              || get(search::list)),
    route("POST",   "/sync",                                Person,             || post(sync::create)),
    route("GET",    "/admin/tenants",                       Runs,               || get(tenants::list)),
    route("POST",   "/admin/tenants",                       Runs,               || post(tenants::create)),
    route("GET",    "/admin/tenants/{id}",                  Runs,               || get(tenants::show)),
    route("PATCH",  "/admin/tenants/{id}",                  Runs,               || patch(tenants::update)),
    route("DELETE", "/admin/tenants/{id}",                  Runs,               || delete(tenants::destroy)),
    route("GET",    "/admin/tenants/{id}/keys",             Runs,               || get(keys::list)),
    route("POST",   "/admin/tenants/{id}/keys",             Runs,               || post(keys::create)),
    route("DELETE", "/admin/tenants/{id}/keys/{key}",       Runs,               || delete(keys::destroy)),
    route("GET",    "/admin/users",                         Runs,               || get(people::list)),
    route("POST",   "/admin/users",                         Runs,               || post(people::create)),
    route("GET",    "/admin/users/{id}",                    Runs,               || get(people::show)),
    route("PATCH",  "/admin/users/{id}",                    Runs,               || patch(people::update)),
    route("DELETE", "/admin/users/{id}",                    Runs,               || delete(people::destroy)),
    route("DELETE", "/admin/users/{id}/sessions",           Runs,               || delete(people::sign_out)),
    route("DELETE", "/admin/users/{id}/totp",               Runs,               || delete(people::remove_factor)),
    route("POST",   "/admin/users/{id}/reset",              Runs,               || post(people::reset)),
    route("GET",    "/admin/rooms",                         Runs,               || get(estate::list)),
    route("GET",    "/admin/rooms/{id}",                    Runs,               || get(estate::show)),
    route("PATCH",  "/admin/rooms/{id}",                    Runs,               || patch(estate::update)),
    route("DELETE", "/admin/rooms/{id}",                    Runs,               || delete(estate::destroy)),
    route("GET",    "/admin/audit",                         Runs,               || get(admin::audit)),
    route("GET",    "/admin/dead-letters",                  Runs,               || get(admin::dead_letters)),
    route("POST",   "/admin/dead-letters/{id}/retry",       Runs,               || post(admin::retry)),
    route("DELETE", "/admin/dead-letters/{id}",             Runs,               || delete(admin::drop_letter)),
    route("GET",    "/admin/stats",                         Runs,               || get(admin::stats)),
    route("GET",    "/openapi.json",                        Anyone,             || get(openapi::show)),
    route("GET",    "/docs",                                Anyone,             || get(openapi::page)),
    route("GET",    "/docs/page.js",                        Anyone,             || get(openapi::script)),
    route("GET",    "/docs/page.css",                       Anyone,             || get(openapi::style)),
    route("GET",    "/socket",                              Anyone,             || get(socket::open)),
];

/// The rule of the route that a request found; an unknown one is nobody's but a person's.
pub fn rule(parts: &Parts) -> Rule {
    let matched = parts.extensions.get::<MatchedPath>();
    let path = matched.and_then(|path| path.as_str().strip_prefix(PREFIX));
    let method = parts.method.as_str();
    let route = TABLE.iter().find(|route| route.method == method && Some(route.path) == path);
    route.map_or(Rule::Person, |route| route.rule)
}

/// What somebody needs who has to set up a second factor before anything else.
const SETS_UP: [(&str, &str); 4] = [
    ("GET", "/users/me"),
    ("POST", "/users/me/totp"),
    ("PUT", "/users/me/totp"),
    ("POST", "/auth/logout"),
];

/// Whether a request is for one of these.
pub fn sets_up(parts: &Parts) -> bool {
    let matched = parts.extensions.get::<MatchedPath>();
    let path = matched.and_then(|path| path.as_str().strip_prefix(PREFIX));
    SETS_UP.iter().any(|known| parts.method.as_str() == known.0 && path == Some(known.1))
}

/// The routes with everything that stands before them.
pub fn router(app: &App) -> Router {
    let mut api = Router::new();
    for route in TABLE {
        api = api.route(&format!("{PREFIX}{}", route.path), (route.handler)());
    }
    let routes = api
        .route("/health", get(health::alive))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::figures))
        .route("/files/{token}", get(content::signed).put(content::put))
        .route("/", get(pages::welcome))
        .route("/mail/verify", get(pages::verify))
        .route("/mail/reset", get(pages::reset))
        .route("/mail/page.js", get(pages::script))
        .route("/mail/page.css", get(pages::style))
        .fallback(nowhere)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::disable())
        .with_state(app.clone());
    let panics = Arc::new(app.clone());
    let routes =
        routes.layer(CatchPanicLayer::custom(move |panic: Box<dyn std::any::Any + Send>| {
            front::panicked(&panics, &*panic)
        }));
    // A `call` comes through the socket, which has been through the door already.
    let _ = app.routes.set(routes.clone());
    routes.layer(middleware::from_fn_with_state(app.clone(), front::front))
}

async fn nowhere() -> Refusal {
    Refusal::NotFound("page")
}

async fn no_method() -> Refusal {
    Refusal::Unsupported(StatusCode::METHOD_NOT_ALLOWED, "this page has no such method")
}

/// The answer to a call that may carry a key: `first` when it was done now, 200 when before.
pub fn done<T: Serialize>(done: Once<T>, first: StatusCode) -> Response {
    let status = if done.again { StatusCode::OK } else { first };
    match serde_json::to_value(&done.answer) {
        // A call without a stated answer has no body, the second time either.
        Ok(serde_json::Value::Null) => status.into_response(),
        Ok(body) => (status, axum::Json(body)).into_response(),
        Err(error) => Refusal::Broken(error.into()).into_response(),
    }
}

/// The same answer as the row it is on the wire.
pub fn row<T, R>(done: Once<T>, row: impl FnOnce(T) -> R) -> Once<R> {
    Once { again: done.again, answer: row(done.answer) }
}
