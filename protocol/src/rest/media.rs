//! Files: uploading them, and what they are.

use crate::ids::{Millis, exact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `POST /media`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewMedia {
    /// 1–255 characters.
    pub name: String,
    /// Media type; what it is in truth its bytes will say.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes.
    #[serde(deserialize_with = "exact")]
    pub size: i64,
    /// Of the bytes, 64 hexadecimal digits.
    pub sha256: String,
}

/// An address that somebody may use without signing in, for a few minutes, in this way alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed {
    /// How it is called.
    pub method: String,
    /// Where.
    pub url: String,
    /// What the call must carry.
    pub headers: BTreeMap<String, String>,
    /// It is good until then.
    #[serde(deserialize_with = "exact")]
    pub expires_at: Millis,
}

/// Answer to `POST /media`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaUpload {
    /// Its name from now on.
    pub id: String,
    /// Where the bytes go, all of them; null once they are there.
    pub upload: Option<Signed>,
}

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// Its bytes are awaited.
    New,
    /// It can be read and sent.
    Ready,
    /// A state of a later version.
    #[serde(other)]
    Unknown,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Media {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: MediaState,
    /// Name as its uploader gave it.
    pub name: String,
    /// Media type: as was said, by content once it is ready.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes: as was said, those that are served once it is ready.
    #[serde(deserialize_with = "exact")]
    pub size: i64,
    /// Pixels, of pictures.
    #[serde(deserialize_with = "exact")]
    pub width: Option<i64>,
    /// Pixels, of pictures.
    #[serde(deserialize_with = "exact")]
    pub height: Option<i64>,
    /// When it was begun.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
    /// The parts that are there, of a file that comes in parts.
    pub parts: Vec<MediaPart>,
    /// Where its bytes are, for a few minutes; null until it is ready.
    pub download: Option<Signed>,
    /// Where its thumbnail is; null while there is none.
    pub thumbnail: Option<Signed>,
}

/// `POST /media/{id}/complete`; without a body where the file came in one piece.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CompleteMedia {
    /// Every part, with what was answered to its upload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<MediaPart>,
}

/// A part that is there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaPart {
    /// From 1.
    #[serde(deserialize_with = "exact")]
    pub n: i64,
    /// The `ETag` that answered its upload.
    pub etag: String,
}

/// `POST /media/{id}/parts`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewParts {
    /// How many: as many as it takes of 8 MiB each.
    #[serde(deserialize_with = "exact")]
    pub parts: i64,
}

/// Its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaParts {
    /// Each part's address.
    pub parts: Vec<PartUpload>,
}

/// Where one part goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartUpload {
    /// From 1.
    #[serde(deserialize_with = "exact")]
    pub n: i64,
    /// How it is called.
    pub method: String,
    /// Where.
    pub url: String,
    /// What the call must carry.
    pub headers: BTreeMap<String, String>,
    /// It is good until then.
    #[serde(deserialize_with = "exact")]
    pub expires_at: Millis,
    /// Its first byte in the file.
    #[serde(deserialize_with = "exact")]
    pub offset: i64,
    /// Its bytes.
    #[serde(deserialize_with = "exact")]
    pub size: i64,
}

/// `PUT /users/me/avatar`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewAvatar {
    /// A picture of mine that is ready.
    pub media: String,
}
