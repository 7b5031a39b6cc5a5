//! The second factor: codes by time as authenticator apps make them (RFC 6238 with SHA-1, 30 seconds,
//! six digits, one step off either way), and ten codes on paper. When a code counts is the store's to
//! say (`store::totp`); here is how one is made and read.

use crate::accounts::own_password;
use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Json, Once};
use crate::front::Caller;
use crate::invites::letters;
use crate::routes::done;
use crate::store::totp::{self, Given, Wrong};
use crate::store::{self, Me, Needs, StoreError, accounts, tenants, users};
use crate::tokens::digest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hallway_protocol::ids::{Key, Millis, UserId};
use hallway_protocol::rest::{Recovery, TotpCode, TotpOff, TotpSecret};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::sync::Arc;

/// Bytes of a secret, as many as SHA-1 gives (RFC 4226 §4).
const SECRET: usize = 20;
/// A step, milliseconds.
const STEP: Millis = 30_000;
/// A code is good in its own step and so many beside it: clocks are off, and typing takes time.
const BESIDE: i64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Codes on paper.
const PAPER: u8 = 10;
/// Longer than any code, with whatever stands between its letters.
const TYPED_MAX: usize = 64;

/// `POST /users/me/totp`: a secret for an app.
pub async fn create(
    State(app): State<App>,
    Session(me): Session,
    Once(key): Once,
) -> Result<Response> {
    let secret = bytes(&app, "totp", &me, key.as_ref())?;
    let secret = &secret[..SECRET];
    let sealed = app.seal.seal(&place(me.user), secret).map_err(Refusal::Broken)?;
    let asked = me.clone();
    let offered = app
        .store
        .write(Needs::person(me.user), move |tx| totp::offer(tx, &asked, key.as_ref(), &sealed));
    let store::Once { again, .. } = offered.await?;
    let answer = TotpSecret { secret: base32(secret), uri: uri(&app, &me, secret).await? };
    Ok(done(store::Once { again, answer }, StatusCode::CREATED))
}

/// `PUT /users/me/totp`: from now on it is asked for; where it is on, new codes on paper.
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<TotpCode>,
) -> Result<Response> {
    app.rates.sign_in_to(me.user)?;
    let bytes = bytes(&app, "recovery", &me, key.as_ref())?;
    let recovery: Vec<String> = (0..PAPER).map(|n| paper(&bytes, n)).collect();
    let hashes: Vec<_> = recovery.iter().map(|code| digest(&plain(code))).collect();
    let given = given(&app, Some(&body.code), &caller);
    let confirmed = app.store.write(Needs::person(me.user), move |tx| {
        totp::confirm(tx, &me, key.as_ref(), &given, &hashes)
    });
    let confirmed = confirmed.await?.map_err(|_| Refusal::invalid("code", WRONG))?;
    Ok(done(crate::routes::row(confirmed, |()| Recovery { recovery }), StatusCode::OK))
}

/// `DELETE /users/me/totp`: nothing but the password is asked for any more.
pub async fn destroy(
    State(app): State<App>,
    caller: Caller,
    Session(me): Session,
    Once(key): Once,
    Json(body): Json<TotpOff>,
) -> Result<Response> {
    if crate::accounts::done_before(&app, &me, key.clone(), "totp-off").await? {
        return Ok(done(store::Once { again: true, answer: () }, StatusCode::NO_CONTENT));
    }
    let asked = me.clone();
    let own = app.store.read(move |read| accounts::own_credentials(read, &asked)).await?;
    let seen = match own.password {
        Some(_) => {
            let password = body.password.ok_or(Refusal::invalid("password", "is missing"))?;
            Some(own_password(&app, &me, password).await?)
        }
        None => None,
    };
    let given = given(&app, body.code.as_deref(), &caller);
    let user = me.user;
    let off = app.store.write(Needs::person(user), move |tx| {
        totp::destroy(tx, &me, key.as_ref(), seen.as_deref(), &given)
    });
    let off = off.await?.map_err(|wrong| refused("code", wrong))?;
    crate::auth::disarmed(&app, user);
    Ok(done(off, StatusCode::NO_CONTENT))
}

/// What is wrong with a code; that too many were tried is not said.
const WRONG: &str = "is wrong or was used";

/// The refusal of a sign-in that lacks but the second factor, which stands in `field`.
pub fn refused(field: &'static str, wrong: Wrong) -> Refusal {
    let what = match wrong {
        Wrong::Missing => "is needed",
        Wrong::Code => WRONG,
    };
    Refusal::SecondFactor(field, what)
}

/// A second factor as somebody typed it, with how it is read.
pub fn given(app: &App, code: Option<&str>, caller: &Caller) -> Given {
    let code = code.map(|code| plain(&code.chars().take(TYPED_MAX).collect::<String>()));
    let app = app.clone();
    Given {
        hash: digest(code.as_deref().unwrap_or_default()),
        code,
        mail: app.mailer.is_on(),
        address: Some(caller.address),
        steps: Arc::new(move |user, sealed, now, last, code| {
            let secret = app.seal.open(&place(user), sealed).map_err(StoreError::Broken)?;
            Ok(step(&secret, now, last, code))
        }),
    }
}

/// Where the secret of a person lies.
fn place(user: UserId) -> String {
    format!("totp:{user}")
}

/// Bytes to make secrets of: the same for a call that comes again.
fn bytes(app: &App, purpose: &str, me: &Me, key: Option<&Key>) -> Result<[u8; 32]> {
    match key {
        Some(key) => Ok(app.tokens.derived(purpose, &me.user.to_string(), key)),
        None => crate::folder::random::<32>().map_err(Refusal::Broken),
    }
}

/// The `n`th code on paper: 80 bits, so that the hash of one says nothing of it.
fn paper(bytes: &[u8; 32], n: u8) -> String {
    letters(&digest(&format!("{}:{n}", hex::encode(bytes))))
}

/// A code without what people put between its letters.
fn plain(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_uppercase()
}

/// The step that a code was made in, near `now` and after `last`.
fn step(secret: &[u8], now: Millis, last: i64, code: &str) -> Option<i64> {
    let today = now / STEP;
    (today - BESIDE..=today + BESIDE).find(|step| *step > last && same(&made(secret, *step), code))
}

/// The code of a step (RFC 4226 §5.3).
fn made(secret: &[u8], step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[hash.len() - 1] & 0xf);
    let four = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
    let number = u32::from_be_bytes(four) % 10_u32.pow(DIGITS as u32);
    format!("{number:0DIGITS$}")
}

/// Compared to the end, whatever differs first.
fn same(made: &str, code: &str) -> bool {
    made.len() == code.len()
        && made.bytes().zip(code.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// RFC 4648 without padding, as apps take it.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        (held, bits) = (held << 8 | u32::from(*byte), bits + 8);
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// What an app scans.
async fn uri(app: &App, me: &Me, secret: &[u8]) -> Result<String> {
    let asked = me.clone();
    let found = app.store.read(move |read| {
        let user = users::own_row(read, asked.user)?;
        Ok((tenants::by_id(read, asked.tenant)?.title, user.name))
    });
    let (title, name) = found.await?;
    // The label parts issuer and account by a colon.
    let title = title.replace(':', " ");
    let mut uri = url::Url::parse("otpauth://totp").expect("an address");
    if let Ok(mut path) = uri.path_segments_mut() {
        path.push(&format!("{title}:{name}"));
    }
    let issuer = percent(&title);
    let secret = base32(secret);
    uri.set_query(Some(&format!(
        "secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={}",
        STEP / 1000
    )));
    Ok(uri.into())
}

/// With `%20` for a blank: apps show a `+` as it stands.
fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, and RFC 4226, appendix D; their codes have eight digits, the last six
    /// of which are ours.
    #[test]
    fn the_codes_are_those_of_the_standards() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(made(secret, seconds * 1000 / STEP), code[2..]);
            assert_eq!(step(secret, seconds * 1000, 0, &code[2..]), Some(seconds * 1000 / STEP));
        }
        let hotp = ["755224", "287082", "359152", "969429", "338314", "254676", "287922"];
        for (count, code) in hotp.into_iter().enumerate() {
            assert_eq!(made(secret, count as i64), code);
        }
    }

    #[test]
    fn a_code_is_good_one_step_off_and_never_again() {
        let (secret, now) = (b"12345678901234567890", 1_111_111_111_000);
        let today = now / STEP;
        for (away, expected) in [(-2, None), (-1, Some(today - 1)), (1, Some(today + 1)), (2, None)]
        {
            assert_eq!(step(secret, now, 0, &made(secret, today + away)), expected, "{away}");
        }
        assert_eq!(step(secret, now, today, &made(secret, today)), None);
        assert_eq!(step(secret, now, today, &made(secret, today + 1)), Some(today + 1));
        for wrong in ["", "0", "0504711", "05047"] {
            assert_eq!(step(secret, now, 0, wrong), None);
        }
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn codes_on_paper_differ_and_are_read_however_they_are_typed() {
        let all: std::collections::HashSet<_> = (0..PAPER).map(|n| paper(&[7; 32], n)).collect();
        assert_eq!(all.len(), usize::from(PAPER));
        assert_eq!(plain(" abcd-efgh 2345-jkmn\n"), "ABCDEFGH2345JKMN");
    }
}
