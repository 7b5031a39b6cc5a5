//! Sign-in with OpenID Connect, at a provider of our own with keys of its own: who comes by it comes
//! back as the same person, a way back is good once and in its own browser, an account can be linked
//! to it, and who is kept out is kept out by this door too.

use hallway_kit::Clock;
use hallway_outside::provider::{CLIENT, SECRET};
use hallway_tests::rest::client;
use hallway_tests::wire::{PASSWORD, Socket};
use hallway_tests::{Answer, Engine, Hand, House, Provider, Rest, Setup};
use reqwest::redirect::Policy;
use serde_json::json;
use std::time::Duration;

on_both!(
    who_comes_by_a_provider_is_the_same_the_next_time_and_after_a_restart,
    a_way_back_is_good_once_and_in_its_own_browser,
    an_account_is_linked_and_who_is_kept_out_is_kept_out_here_too,
);

/// A server that signs people in with the provider.
pub fn setup(engine: Engine, provider: &Provider) -> Setup {
    let setup = Setup::new(engine).unlimited().env("HALLWAY_OIDC_ISSUER", provider.issuer());
    let setup = setup.env("HALLWAY_OIDC_CLIENT_ID", CLIENT);
    setup.env("HALLWAY_OIDC_CLIENT_SECRET", SECRET).env("HALLWAY_OIDC_REGISTER", "on")
}

/// A browser that began to sign in: its cookie, and where it was sent.
struct Browser {
    http: reqwest::Client,
    url: String,
    cookie: String,
    location: String,
}

impl Browser {
    async fn begins(url: &str) -> Browser {
        let http = client().redirect(Policy::none()).build().expect("a client");
        let said = http.get(format!("{url}/api/v1/auth/oidc/start?device=desk")).send().await;
        let said = said.expect("answered");
        assert_eq!(said.status().as_u16(), 302);
        let header = |name: &str| {
            let value = said.headers()[name].to_str().expect("text");
            value.to_owned()
        };
        let (cookie, location) = (header("set-cookie"), header("location"));
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Browser { http, url: url.to_owned(), cookie, location }
    }

    /// Comes back with this: status, and the code in the link of the page, if there is one.
    async fn returns(&self, query: &str) -> (u16, Option<String>) {
        let url = format!("{}/api/v1/auth/oidc/callback?{query}", self.url);
        let said = self.http.get(url).header("cookie", &self.cookie).send().await;
        let said = said.expect("answered");
        let status = said.status().as_u16();
        let page = said.text().await.expect("a page");
        let link = page.split("href=\"hallway://").nth(1).and_then(|rest| rest.split('"').next());
        let code = link.and_then(|link| link.rsplit_once("/signin/"));
        (status, code.map(|(_, code)| code.to_owned()))
    }
}

/// The whole way through a browser; the code at its end.
async fn code(url: &str, provider: &Provider) -> String {
    let browser = Browser::begins(url).await;
    let (status, code) = browser.returns(&provider.visit(&browser.location)).await;
    code.unwrap_or_else(|| panic!("{status}, and no link"))
}

async fn exchanges(url: &str, code: &str) -> Answer {
    Rest::at(url).post("/auth/oidc/session", json!({"code": code})).await
}

/// Somebody who comes by the provider.
pub async fn comes(url: &str, provider: &Provider) -> Rest {
    let said = exchanges(url, &code(url, provider).await).await.good();
    let mut who = Rest::at(url);
    who.user = hallway_protocol::ids::UserId(said["user"]["user"].as_i64().expect("a user row"));
    who.takes(&said["session"]);
    who
}

async fn who_comes_by_a_provider_is_the_same_the_next_time_and_after_a_restart(engine: Engine) {
    let provider = Provider::open(&Clock::system()).await;
    let mut house = House::with(setup(engine, &provider)).await;
    let url = house.url();
    provider.is(json!({"sub": "l-1", "preferred_username": "lin", "name": "Lin",
        "email": "lin@example.org", "email_verified": true}));
    let lin = comes(&url, &provider).await;
    let me = lin.get("/users/me").await.good();
    assert_eq!((&me["name"], &me["display_name"]), (&json!("lin"), &json!("Lin")));
    let room = lin.groups("kitchen", &[&house.owner]).await;
    let mut socket = Socket::open(&lin).await;
    let said = house.owner.says(room, "you came by the other door?").await;
    socket.event(room, said.seq).await;
    // There they have another name by now, and are who they are.
    provider.is(json!({"sub": "l-1", "preferred_username": "bob", "email": "b@example.org"}));
    assert_eq!(comes(&url, &provider).await.user, lin.user);
    house.crash().await;
    let again = comes(&url, &provider).await;
    assert_eq!(again.user, lin.user);
    assert_eq!(again.history(room).await, lin.history(room).await);
    // Somebody else of the same name is somebody else.
    provider.is(json!({"sub": "l-2", "preferred_username": "lin"}));
    let other = comes(&url, &provider).await;
    assert_ne!(other.user, lin.user);
    assert_eq!(other.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    assert_eq!(comes(&url, &provider).await.user, other.user);
}

async fn a_way_back_is_good_once_and_in_its_own_browser(engine: Engine) {
    let (clock, hand) = (Clock::system(), Hand::of_dates());
    let provider = Provider::open(&clock).await;
    let house = House::with(setup(engine, &provider).clock(&hand)).await;
    let url = house.url();
    provider.is(json!({"sub": "l-1", "preferred_username": "lin"}));
    let (browser, thief) = (Browser::begins(&url).await, Browser::begins(&url).await);
    let back = provider.visit(&browser.location);
    assert_eq!(thief.returns(&back).await, (400, None), "a stolen way back opens nothing");
    let (_, code) = browser.returns(&back).await;
    let code = code.expect("and was not used up by the thief");
    assert_eq!(browser.returns(&back).await, (400, None), "it is good once");
    exchanges(&url, &code).await.good();
    assert_eq!(exchanges(&url, &code).await.refused(), (422, "invalid"), "and so is its code");
    // One's own state with the code of another's way: it was asked for with another secret.
    let (mine, theirs) = (Browser::begins(&url).await, Browser::begins(&url).await);
    let part = |query: &str, name: &str| {
        let mut parts = query.split('&');
        parts.find(|part| part.starts_with(name)).expect("it is there").to_owned()
    };
    let (own, other) = (provider.visit(&mine.location), provider.visit(&theirs.location));
    let mixed = own.replace(&part(&own, "code="), &part(&other, "code="));
    assert_eq!(mine.returns(&mixed).await.1, None);
    // A token for another nonce is a replayed one.
    provider.behaves(|manner| manner.claims = json!({"nonce": "of another day"}));
    let browser = Browser::begins(&url).await;
    assert_eq!(browser.returns(&provider.visit(&browser.location)).await, (400, None));
    provider.behaves(|_| {});
    for wrong in ["", "state=x&code=y", "code=y"] {
        assert_eq!(browser.returns(wrong).await, (400, None), "{wrong}");
    }
    // Ten minutes are enough to sign in.
    let late = Browser::begins(&url).await;
    let back = provider.visit(&late.location);
    hand.turn(Duration::from_secs(601));
    clock.turn(Duration::from_secs(601));
    assert_eq!(late.returns(&back).await, (400, None));
    comes(&url, &provider).await;
}

async fn an_account_is_linked_and_who_is_kept_out_is_kept_out_here_too(engine: Engine) {
    let provider = Provider::open(&Clock::system()).await;
    let house = House::with(setup(engine, &provider)).await;
    let (ada, lin, url) = (house.owner.clone(), house.person("lin").await, house.url());
    provider.is(json!({"sub": "l-1", "preferred_username": "lin"}));
    let link = async |who: &Rest, password: &str| {
        let body = json!({"code": code(&url, &provider).await, "password": password});
        who.post("/users/me/oidc", body).await
    };
    assert_eq!(link(&lin, "not hers at all").await.refused(), (401, "wrong_credentials"));
    link(&lin, PASSWORD).await.good();
    let by_it = comes(&url, &provider).await;
    assert_eq!(by_it.user, lin.user, "she is who she was");
    assert_eq!(link(&ada, PASSWORD).await.refused(), (409, "conflict"), "and nobody else");
    let socket = Socket::open(&by_it).await;
    let ban = ada.post("/bans", json!({"user": lin.user, "reason": "noise"})).await.good();
    assert_eq!(socket.ends().await.0, Some(4003));
    let refused = exchanges(&url, &code(&url, &provider).await).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    assert_eq!(by_it.get("/users/me").await.refused(), (401, "signed_out"));
    ada.delete(&format!("/bans/{}", ban["id"].as_str().expect("an id"))).await.good();
    assert_eq!(comes(&url, &provider).await.user, lin.user);
    // Unlinked she comes by her password, and the provider's way leads to somebody new.
    let body = json!({"password": PASSWORD});
    let lin = Rest::sign_in(&url, "lin").await;
    lin.call("DELETE", "/users/me/oidc", Some(body)).await.good();
    assert_ne!(comes(&url, &provider).await.user, lin.user);
}
