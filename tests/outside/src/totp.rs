//! What an authenticator app does, written out a second time from RFC 6238: the code of a moment, from
//! the secret as it was shown.

use hmac::{Hmac, KeyInit, Mac};

/// What the app shows at this time, Unix milliseconds.
///
/// # Panics
/// When the secret is no base32.
#[must_use]
pub fn code(secret: &str, now: i64) -> String {
    let mut bits = String::new();
    for letter in secret.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("base32");
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|eight| {
            let eight = std::str::from_utf8(eight).expect("digits");
            u8::from_str_radix(eight, 2).expect("a byte")
        })
        .collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&bytes).expect("a key");
    mac.update(&u64::try_from(now / 30_000).expect("a time").to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", number % 1_000_000)
}
