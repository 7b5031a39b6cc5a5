//! Sign-in with a provider, as a browser, an app and a thief meet it. The provider is a real one of
//! the harness, over HTTP, with keys of its own.

use crate::house::{Answer, Call, House, PASSWORD, Person, key, list};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_kit::Clock;
use hallway_outside::Post;
use hallway_outside::provider::{CLIENT, Provider, SECRET};
use hallway_server::config::{Config, Hidden, Switch};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A server that signs people in with a provider; both go by one clock.
async fn house(change: impl FnOnce(&mut Config)) -> (House, Provider) {
    let clock = Clock::system();
    let provider = Provider::open(&clock).await;
    let issuer = provider.issuer();
    let house = House::at(clock, |config| {
        config.oidc_issuer = Some(issuer);
        config.oidc_client_id = Some(CLIENT.into());
        config.oidc_client_secret = Some(Hidden(SECRET.into()));
        config.oidc_name = Some("Tea Club".into());
        config.oidc_register = Switch::On;
        change(config);
    })
    .await;
    (house, provider)
}

/// A browser that began to sign in: its cookie, and where it was sent.
struct Browser {
    cookie: String,
    location: String,
}

impl Browser {
    async fn begins(house: &House, query: &str) -> Browser {
        let said = Call::new("GET", &format!("/auth/oidc/start{query}")).to(house.address).await;
        assert_eq!(said.status, 302, "{said:?}");
        let cookie = &said.headers["set-cookie"];
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Browser { cookie, location: said.headers["location"].clone() }
    }

    /// Comes back with this.
    async fn returns(&self, house: &House, query: &str) -> Answer {
        let call = Call::new("GET", &format!("/auth/oidc/callback?{query}"));
        call.header("cookie", &format!("theme=red; {}", self.cookie)).to(house.address).await
    }

    /// The whole way: the page at its end.
    async fn goes(house: &House, provider: &Provider) -> Answer {
        let browser = Browser::begins(house, "?device=desk").await;
        let back = provider.visit(&browser.location);
        browser.returns(house, &back).await
    }
}

/// The code in the link of the page.
#[track_caller]
fn code(page: Answer) -> String {
    let host = page.headers["refresh"].clone();
    let text = page.ok(200);
    let text = text.as_str().expect("a page");
    let link = text.split("href=\"hallway://").nth(1).expect("a link");
    let link = link.split('"').next().unwrap_or_default();
    assert_eq!(host, format!("0;url=hallway://{link}"));
    link.rsplit("/signin/").next().unwrap_or_default().to_owned()
}

/// The page says that it came to nothing, in its words, and has no link.
#[track_caller]
fn nothing(page: &Answer, status: u16, word: &str) {
    let text = page.body.as_str().unwrap_or_default();
    assert_eq!(page.status, status, "{page:?}");
    assert!(text.contains(&format!("data-said=\"{word}\"")) && !text.contains("hallway://"));
    assert!(!page.headers.contains_key("refresh"), "{page:?}");
}

async fn exchange(house: &House, code: &str) -> Answer {
    house.call("POST", "/auth/oidc/session", json!({"code": code})).await
}

async fn signs_in(house: &House, provider: &Provider) -> Answer {
    let code = code(Browser::goes(house, provider).await);
    exchange(house, &code).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_comes_in_by_the_provider_and_is_the_same_the_next_time() {
    let (house, provider) = house(|_| {}).await;
    let ada = house.ada().await;
    let shown = house.call("GET", "/auth/oidc", Value::Null).await.ok(200);
    assert_eq!(shown["name"], "Tea Club");
    assert_eq!(shown["start"], format!("http://{}/api/v1/auth/oidc/start", house.address));
    provider.is(json!({"sub": "u-7", "preferred_username": "Ada", "name": "Ada the Second",
        "email": "ada2@example.org", "email_verified": true}));
    let page = Browser::goes(&house, &provider).await;
    assert!(page.headers["content-security-policy"].contains("default-src 'none'"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.headers["set-cookie"].contains("Max-Age=0"), "the cookie has done its work");
    let code = code(page);
    let said = exchange(&house, &code).await.ok(200);
    let user = &said["user"];
    assert_ne!(user["name"], "ada", "hers is taken");
    assert!(user["name"].as_str().is_some_and(|name| name.starts_with("Ada-")), "{user}");
    assert_eq!(
        (&user["display_name"], &user["email"]),
        (&json!("Ada the Second"), &json!("ada2@example.org"))
    );
    let second = Person::of(house.address, &said);
    assert_ne!(second.user, ada.user);
    // No password opens it: without the provider nothing would.
    assert_eq!(second.get("/users/me").await.ok(200)["oidc"], true);
    let unlinked = second.call("DELETE", "/users/me/oidc", json!({"password": PASSWORD})).await;
    assert_eq!(unlinked.refused(), (409, "conflict"));
    let devices = second.get("/auth/sessions").await.ok(200);
    assert_eq!(devices["rows"][0]["device"], "desk");
    second.socket().await;
    let again = exchange(&house, &code).await;
    assert!(again.refused() == (422, "invalid") && again.blames("code"), "{again:?}");
    // Told apart by the subject alone, whatever else they are called there by now.
    provider.is(json!({"sub": "u-7", "preferred_username": "other", "email": "ada@example.org"}));
    let said = signs_in(&house, &provider).await.ok(200);
    assert_eq!(said["user"]["user"], second.user);
    assert_eq!(said["user"]["email"], "ada2@example.org");
    provider.is(json!({"sub": "u-8"}));
    let said = signs_in(&house, &provider).await.ok(200);
    assert_ne!(said["user"]["user"], second.user);
    assert_eq!(said["user"]["name"], "person");
    let audit = ada.get("/admin/audit?act=registered").await.ok(200);
    assert_eq!(audit["items"][0]["detail"]["by"], "oidc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_is_good_once_in_its_browser_and_for_ten_minutes() {
    let (house, provider) = house(|_| {}).await;
    let browser = Browser::begins(&house, "").await;
    let back = provider.visit(&browser.location);
    // In another browser, or in none, a stolen way back opens nothing, and is not used up by it.
    let thief = Browser::begins(&house, "").await;
    nothing(&thief.returns(&house, &back).await, 400, "spent");
    let bare = Call::new("GET", &format!("/auth/oidc/callback?{back}")).to(house.address).await;
    nothing(&bare, 400, "spent");
    code(browser.returns(&house, &back).await);
    nothing(&browser.returns(&house, &back).await, 400, "spent");
    // Another sign-in's code with one's own state: the verifier does not fit.
    let (mine, other) = (Browser::begins(&house, "").await, Browser::begins(&house, "").await);
    let state = |query: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
        found.map(|(_, value)| value.into_owned()).expect("a state")
    };
    let (own, theirs) = (provider.visit(&mine.location), provider.visit(&other.location));
    let mixed = theirs.replace(&state(&theirs), &state(&own));
    nothing(&mine.returns(&house, &mixed).await, 502, "away");
    for query in ["", "code=x", "state=x", "code=x&state=y"] {
        nothing(&other.returns(&house, query).await, 400, "spent");
    }
    let late = Browser::begins(&house, "").await;
    let back = provider.visit(&late.location);
    house.clock.turn(Duration::from_secs(601));
    nothing(&late.returns(&house, &back).await, 400, "spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_for_us_now_and_signed_by_the_provider_is_not_believed() {
    let (house, provider) = house(|_| {}).await;
    let ada = house.ada().await;
    let now = house.clock.now() / 1000;
    let claims = [
        json!({"aud": "another client"}),
        json!({"aud": [CLIENT, "another client"]}),
        json!({"azp": "another client"}),
        json!({"aud": null}),
        json!({"iss": "http://127.0.0.1:1"}),
        json!({"iss": null}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"exp": now - 61}),
        json!({"exp": null}),
        json!({"iat": now + 3_600}),
        json!({"iat": now - 3_600}),
        json!({"iat": null}),
        json!({"nbf": now + 3_600}),
        json!({"sub": ""}),
        json!({"sub": null}),
    ];
    for claims in claims {
        provider.behaves(|manner| manner.claims = claims.clone());
        let page = Browser::goes(&house, &provider).await;
        assert_eq!(page.status, 400, "{claims}");
        nothing(&page, 400, "refused");
    }
    provider.behaves(|manner| manner.unsigned = true);
    nothing(&Browser::goes(&house, &provider).await, 400, "refused");
    provider.behaves(|manner| manner.with_secret = true);
    nothing(&Browser::goes(&house, &provider).await, 400, "refused");
    provider.behaves(|manner| manner.forged = true);
    nothing(&Browser::goes(&house, &provider).await, 400, "refused");
    // Several audiences, where it says that it was given to us.
    provider.behaves(|manner| manner.claims = json!({"aud": [CLIENT, "other"], "azp": CLIENT}));
    code(Browser::goes(&house, &provider).await);
    // It is another than the one that was asked.
    provider.behaves(|_| {});
    let browser = Browser::begins(&house, "").await;
    let back = provider.visit(&browser.location).replace("iss=http", "iss=https");
    nothing(&browser.returns(&house, &back).await, 400, "refused");
    let browser = Browser::begins(&house, "").await;
    let back = provider.visit(&browser.location).replace("code=", "error=access_denied&x=");
    nothing(&browser.returns(&house, &back).await, 400, "refused");
    let audit = ada.get("/admin/audit?act=sign_in_failed").await.ok(200);
    assert_eq!(list(&audit["items"]).len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_fetched_when_one_is_unknown_and_the_old_ones_kept_meanwhile() {
    let (house, provider) = house(|_| {}).await;
    signs_in(&house, &provider).await.ok(200);
    assert_eq!(provider.asked(), ["discovery", "keys", "token"]);
    signs_in(&house, &provider).await.ok(200);
    assert_eq!(provider.asked(), ["token"]);
    provider.rotates("two");
    // Not more often than now and then: a token of an unknown key is no way to have us fetch.
    nothing(&Browser::goes(&house, &provider).await, 400, "refused");
    assert_eq!(provider.asked(), ["token"]);
    house.clock.turn(Duration::from_secs(11));
    signs_in(&house, &provider).await.ok(200);
    assert_eq!(provider.asked(), ["token", "discovery", "keys"]);
    house.clock.turn(Duration::from_secs(3_600));
    signs_in(&house, &provider).await.ok(200);
    assert_eq!(provider.asked(), ["discovery", "keys", "token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_another_is_said_so() {
    let (house, provider) = house(|_| {}).await;
    provider.behaves(|manner| manner.down = true);
    let said = Call::new("GET", "/auth/oidc/start").header("accept-language", "de");
    let said = said.to(house.address).await;
    nothing(&said, 502, "away");
    assert!(said.body.as_str().is_some_and(|text| text.contains("Der Anbieter antwortet nicht")));
    for says in [
        json!({"issuer": "http://127.0.0.1:1"}),
        json!({"token_endpoint": null}),
        json!({"jwks_uri": "file:///etc/passwd"}),
    ] {
        provider.behaves(|manner| manner.says = says.clone());
        let said = Call::new("GET", "/auth/oidc/start").to(house.address).await;
        nothing(&said, 502, "away");
    }
    let in_body = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]});
    provider.behaves(|manner| manner.says = in_body.clone());
    signs_in(&house, &provider).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lasts_a_minute_and_is_its_apps_alone() {
    let (house, provider) = house(|_| {}).await;
    let late = code(Browser::goes(&house, &provider).await);
    house.clock.turn(Duration::from_secs(61));
    assert!(exchange(&house, &late).await.blames("code"));
    assert!(exchange(&house, "").await.blames("code"));
    let verifier = "an app's own secret, long enough to be one";
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let browser = Browser::begins(&house, &format!("?challenge={challenge}")).await;
    let code = code(browser.returns(&house, &provider.visit(&browser.location)).await);
    assert!(exchange(&house, &code).await.blames("code"), "a thief has the link alone");
    let with = |verifier: &str| json!({"code": code, "verifier": verifier});
    let said = house.call("POST", "/auth/oidc/session", with("another")).await;
    assert!(said.blames("code"), "{said:?}");
    house.call("POST", "/auth/oidc/session", with(verifier)).await.ok(200);
    for wrong in ["?challenge=x", "?device=a%00b"] {
        let said = Call::new("GET", &format!("/auth/oidc/start{wrong}")).to(house.address).await;
        assert_eq!(said.refused(), (422, "invalid"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_makes_nobody_somebody_else_and_linking_takes_the_password() {
    let post = Post::open().await;
    let mail = post.url();
    let (house, provider) = house(|config| {
        config.mail = mail;
        config.registration = hallway_protocol::rest::Registration::Open;
    })
    .await;
    let email = "lin@example.org";
    let body = json!({"name": "lin", "password": PASSWORD, "email": email});
    house.call("POST", "/auth/register", body).await.ok(201);
    let verify = json!({"token": post.next().await.secret()});
    house.call("POST", "/auth/verify-email", verify).await.ok(204);
    let lin = house.login("lin").await;
    provider.is(json!({"sub": "l-1", "email": "Lin@Example.org", "email_verified": true}));
    assert_eq!(signs_in(&house, &provider).await.refused(), (409, "conflict"));
    // Linked by who is signed in, with the password; then it opens.
    let code = code(Browser::goes(&house, &provider).await);
    let link = async |password: &str, once: &str| {
        let call = lin.begins("POST", "/users/me/oidc").header("idempotency-key", once);
        call.body(json!({"code": code, "password": password})).to(house.address).await
    };
    let once = key();
    assert_eq!(link("wrong wrong", &once).await.refused(), (401, "wrong_credentials"));
    let linked = async || lin.get("/users/me").await.ok(200)["oidc"] == true;
    assert!(!linked().await);
    link(PASSWORD, &once).await.ok(204);
    link(PASSWORD, &once).await.ok(200);
    assert!(linked().await);
    let notice = post.next().await;
    assert_eq!(notice.header("subject"), "An account elsewhere opens yours at Hallway now");
    assert_eq!(notice.to, "lin@example.org");
    assert!(link(PASSWORD, &key()).await.blames("code"), "it is used up");
    let said = signs_in(&house, &provider).await.ok(200);
    assert_eq!(said["user"]["user"], lin.user);
    // Nobody else links it, and nobody has two.
    let bob = house.ada().await;
    let take = |who: &Person, code: String| {
        let body = json!({"code": code, "password": PASSWORD});
        who.begins("POST", "/users/me/oidc").body(body).to(house.address)
    };
    let other = self::code(Browser::goes(&house, &provider).await);
    assert_eq!(take(&bob, other).await.refused(), (409, "conflict"));
    provider.is(json!({"sub": "l-2"}));
    let second = self::code(Browser::goes(&house, &provider).await);
    assert_eq!(take(&lin, second).await.refused(), (409, "conflict"));
    let body = json!({"password": PASSWORD});
    lin.call("DELETE", "/users/me/oidc", json!({"password": "wrong wrong"})).await.refused();
    assert!(linked().await);
    lin.call("DELETE", "/users/me/oidc", body.clone()).await.ok(204);
    assert!(!linked().await);
    lin.call("DELETE", "/users/me/oidc", body).await.ok(204);
    let subject = post.next().await.header("subject");
    assert_eq!(subject, "The sign-in provider no longer opens your account at Hallway");
    for act in ["identity_linked", "identity_unlinked"] {
        let audit = bob.get(&format!("/admin/audit?act={act}")).await.ok(200);
        let by: Vec<_> = list(&audit["items"]).iter().map(|line| &line["actor"]).collect();
        assert_eq!(by, [&json!(lin.user)], "{act}: once, for what changed");
    }
    provider.is(json!({"sub": "l-1", "email": "Lin@Example.org", "email_verified": true}));
    assert_eq!(signs_in(&house, &provider).await.refused(), (409, "conflict"));
    // An address that the provider has not verified is none.
    provider.is(json!({"sub": "l-3", "email": "eve@example.org", "email_verified": false}));
    let said = signs_in(&house, &provider).await.ok(200);
    assert_eq!(said["user"].get("email"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_come_in_does_not_by_this_door_either() {
    let (house, provider) = house(|config| config.oidc_register = Switch::Off).await;
    let ada = house.ada().await;
    assert_eq!(signs_in(&house, &provider).await.refused(), (403, "forbidden"));
    let lin = house.newcomer(&ada, "lin").await;
    let link = json!({"code": code(Browser::goes(&house, &provider).await), "password": PASSWORD});
    lin.post("/users/me/oidc", link).await.ok(204);
    signs_in(&house, &provider).await.ok(200);
    let ban = json!({"user": lin.user, "reason": "spam"});
    let ban = ada.post("/bans", ban).await.ok(201);
    let said = signs_in(&house, &provider).await;
    assert!(said.body.get("session").is_none() && said.status == 403, "{said:?}");
    let id = ban["id"].as_str().expect("an id");
    ada.delete(&format!("/bans/{id}")).await.ok(204);
    let lin = Person::of(house.address, &signs_in(&house, &provider).await.ok(200));
    lin.delete("/users/me").await.ok(204);
    assert_eq!(signs_in(&house, &provider).await.refused(), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_by_this_door_too() {
    let (house, provider) = house(|_| {}).await;
    let said = signs_in(&house, &provider).await.ok(200);
    let lin = Person::of(house.address, &said);
    let (phone, recovery) = crate::totp::turns_on(&house, &lin).await;
    let code = code(Browser::goes(&house, &provider).await);
    let with = async |factor: Option<&str>| {
        let body = json!({"code": code, "factor": factor});
        house.call("POST", "/auth/oidc/session", body).await
    };
    for wrong in [None, Some("000000x")] {
        let said = with(wrong).await;
        assert!(said.refused() == (401, "wrong_credentials") && said.blames("factor"), "{said:?}");
    }
    with(Some(&recovery[0])).await.ok(200);
    assert!(with(Some(&recovery[1])).await.blames("code"), "the code is used up");
    // Without a password it is turned off by itself.
    let said = lin.call("DELETE", "/users/me/totp", json!({})).await;
    assert!(said.refused() == (401, "wrong_credentials") && said.blames("code"), "{said:?}");
    lin.call("DELETE", "/users/me/totp", json!({"code": phone.next()})).await.ok(204);
    signs_in(&house, &provider).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_none_is_configured_there_is_none() {
    let house = House::open().await;
    let ada = house.ada().await;
    for path in ["/auth/oidc", "/auth/oidc/start", "/auth/oidc/callback?code=x&state=y"] {
        assert_eq!(house.call("GET", path, Value::Null).await.refused(), (404, "not_found"));
    }
    assert_eq!(exchange(&house, "x").await.refused(), (404, "not_found"));
    let said = ada.post("/users/me/oidc", json!({"code": "x", "password": PASSWORD})).await;
    assert_eq!(said.refused(), (404, "not_found"));
}
