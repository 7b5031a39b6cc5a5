//! Reactions: an emoji of a person on a message.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::extract::{Once, Path};
use crate::messages::nothing_said;
use crate::store::{Needs, reactions};
use axum::extract::State;
use axum::response::Response;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::limits::EMOJI_BYTES;
use hallway_protocol::text;

/// `PUT /rooms/{room}/messages/{seq}/reactions/{emoji}`.
pub async fn update(
    app: State<App>,
    me: Session,
    at: Path<(RoomId, Seq, String)>,
    once: Once,
) -> Result<Response> {
    set(app, me, at, once, true).await
}

/// `DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}`.
pub async fn destroy(
    app: State<App>,
    me: Session,
    at: Path<(RoomId, Seq, String)>,
    once: Once,
) -> Result<Response> {
    set(app, me, at, once, false).await
}

async fn set(
    State(app): State<App>,
    Session(me): Session,
    Path((room, seq, given)): Path<(RoomId, Seq, String)>,
    Once(key): Once,
    on: bool,
) -> Result<Response> {
    let emoji = emoji(&given)?;
    let changed = app.store.write(Needs::room(room), move |tx| {
        reactions::set(tx, &me, room, key.as_ref(), seq, &emoji, on)
    });
    Ok(nothing_said(changed.await?))
}

/// An emoji as it is stored: a short sign without blanks or control characters. Which signs are
/// emoji changes every year, so no list decides.
pub fn emoji(given: &str) -> Result<String> {
    let emoji =
        text::label(given, EMOJI_BYTES).map_err(|wrong| Refusal::invalid("emoji", wrong))?;
    if emoji.len() > EMOJI_BYTES {
        let what = format!("is too long ({} of {EMOJI_BYTES} bytes)", emoji.len());
        return Err(Refusal::invalid("emoji", what));
    }
    if emoji.chars().any(char::is_whitespace) {
        return Err(Refusal::invalid("emoji", "has a blank in it"));
    }
    Ok(emoji)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_one_short_sign() {
        for right in ["👍", "👩‍👩‍👧‍👦", "❤\u{fe0f}", "+1"] {
            assert_eq!(emoji(right).ok().as_deref(), Some(right));
        }
        for wrong in ["", " ", "a b", "a\nb", "\0", &"👍".repeat(17)] {
            assert!(emoji(wrong).is_err(), "{wrong:?}");
        }
    }
}
