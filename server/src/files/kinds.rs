//! What bytes are, by their looks: what a file says of itself is believed only where nothing in it
//! speaks against it. What a browser could run (HTML, SVG, PDF) is found however it is called.

/// So much of the beginning is looked at.
pub const HEAD: usize = 8 * 1024;
/// A picture of one of these kinds is made anew.
pub const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// What most browsers do not draw, and is made anew as one of those that they do.
pub const SCANS: [&str; 1] = ["image/tiff"];
/// Pictures that nobody here decodes: freed of what stands beside them ([`super::boxes`]), and given
/// as an attachment. What cannot be freed of it is refused.
pub const BOXED: [&str; 2] = ["image/heic", "image/avif"];
/// What a browser shows in place, beside pictures. All else is given as an attachment.
const INLINE: [&str; 8] = [
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
];
/// What begins with these bytes is this.
const BEGINNINGS: [(&[u8], &str); 20] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x7fELF", BYTES),
    (b"MZ", BYTES),
    (b"\0asm", "application/wasm"),
];
/// Zip archives of these kinds may be called by their own name.
const PACKED: [&str; 4] = [
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
    "application/epub+zip",
    "application/java-archive",
];
/// Texts of these kinds may be called by their own name, beside `text/…`.
const WRITTEN: [&str; 6] = [
    "application/json",
    "application/toml",
    "application/yaml",
    "application/x-sh",
    "application/sql",
    "application/x-ndjson",
];
/// What makes a text a page: a browser that guesses looks for these.
const PAGE: [&str; 12] = [
    "<!doctype html",
    "<html",
    "<head",
    "<body",
    "<script",
    "<iframe",
    "<style",
    "<title",
    "<meta",
    "<table",
    "<img",
    "<a href",
];
/// How pictures in boxes call themselves, or what they can be read as.
const HEIC: [&[u8; 4]; 13] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2",
    b"mif3", b"msf1", b"miaf",
];
/// The same of the other kind.
const AVIF: [&[u8; 4]; 2] = [b"avif", b"avis"];
/// Any bytes.
const BYTES: &str = "application/octet-stream";

/// What a file is that begins so and is said to be `said`.
pub fn of(head: &[u8], said: &str) -> String {
    let known = begins(head).or_else(|| boxed(head)).or_else(|| packed(head, said));
    // A PDF may begin later than a file does.
    let early = &head[..head.len().min(1024)];
    let pdf = || early.windows(5).any(|five| five == b"%PDF-").then(|| "application/pdf".into());
    known.or_else(pdf).or_else(|| text(head, said)).unwrap_or_else(|| BYTES.into())
}

/// Whether a browser shows it where it is asked for.
pub fn is_inline(kind: &str) -> bool {
    PICTURES.contains(&kind) || INLINE.contains(&kind)
}

/// Whether this is the name of a media type: `type/subtype`, small letters.
pub fn is_kind(text: &str) -> bool {
    let fine = |part: &str| {
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c));
        !part.is_empty() && !part.contains(odd)
    };
    text.split_once('/').is_some_and(|(of, sub)| fine(of) && fine(sub))
}

fn begins(head: &[u8]) -> Option<String> {
    let found = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning));
    found.map(|(_, kind)| (*kind).to_owned())
}

/// Containers whose kind stands further in.
fn boxed(head: &[u8]) -> Option<String> {
    let at = |from: usize, what: &[u8]| head.get(from..from + what.len()) == Some(what);
    let kind = if at(0, b"RIFF") && at(8, b"WEBP") {
        "image/webp"
    } else if at(0, b"RIFF") && at(8, b"WAVE") {
        "audio/wav"
    } else if at(4, b"ftyp") {
        branded(head)?
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        let webm = head.windows(4).take(64).any(|four| four == b"webm");
        if webm { "video/webm" } else { "video/x-matroska" }
    } else {
        return None;
    };
    Some(kind.to_owned())
}

/// What a file is that says what it can be read as: pictures first, for those carry places.
fn branded(head: &[u8]) -> Option<&'static str> {
    let size = u32::from_be_bytes(*head.first_chunk()?) as usize;
    let (brands, _) = head.get(8..size.clamp(12, head.len()))?.as_chunks::<4>();
    let any = |known: &[&[u8; 4]]| brands.iter().any(|brand| known.contains(&brand));
    Some(match brands.first()? {
        _ if any(&AVIF) => "image/avif",
        _ if any(&HEIC) => "image/heic",
        b"qt  " => "video/quicktime",
        b"M4A " | b"M4B " => "audio/mp4",
        // The raw pictures of a camera.
        b"crx " => BYTES,
        _ => "video/mp4",
    })
}

fn packed(head: &[u8], said: &str) -> Option<String> {
    let zip = head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06");
    let own = PACKED.iter().any(|known| said.starts_with(known));
    zip.then(|| if own { said } else { "application/zip" }.to_owned())
}

fn text(head: &[u8], said: &str) -> Option<String> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The end may stand in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c' | '\x1b');
    let small = text.to_ascii_lowercase();
    if small.contains("<svg") {
        return Some("image/svg+xml".into());
    }
    if PAGE.iter().any(|tag| small.contains(tag)) {
        return Some("text/html".into());
    }
    if text.contains(odd) {
        return None;
    }
    if small.trim_start_matches('\u{feff}').trim_start().starts_with("<?xml") {
        return Some("application/xml".into());
    }
    let own = (said.starts_with("text/") && !said.contains("html") && !said.contains("xml"))
        || WRITTEN.contains(&said);
    Some(if own { said } else { "text/plain" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let table: &[(&[u8], &str, &str)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0", "text/plain", "image/png"),
            (b"\xff\xd8\xff\xe0", "application/pdf", "image/jpeg"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/png", "image/webp"),
            (b"\0\0\0\x18ftypisom", "image/png", "video/mp4"),
            (b"\0\0\0\x18ftypheic", "image/jpeg", "image/heic"),
            (b"<svg onload=alert(1)>", "image/png", "image/svg+xml"),
            (b"  <?xml version='1.0'?><SVG/>", "text/plain", "image/svg+xml"),
            (b"\xef\xbb\xbf<!DOCTYPE HTML>", "image/png", "text/html"),
            (b"hello <script>alert(1)</script>", "text/csv", "text/html"),
            (b"\0\0 <script>alert(1)</script>", "image/png", "text/html"),
            (b"junk\n%PDF-1.7", "image/png", "application/pdf"),
            (b"PK\x03\x04", docx, docx),
            (b"PK\x03\x04", "image/png", "application/zip"),
            (b"a,b\n1,2\n", "text/csv", "text/csv"),
            (b"a,b\n1,2\n", "text/html", "text/plain"),
            (b"a,b\n1,2\n", "image/svg+xml", "text/plain"),
            (b"{}", "application/json", "application/json"),
            (b"MZ\x90\0", "image/png", "application/octet-stream"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "video/mp4", "image/heic"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", "image/png", "image/avif"),
            (b"\0\0\0\x14ftypisom\0\0\0\0mp42avif", "image/png", "video/mp4"),
            (b"\0\0\0\x14ftypcrx \0\0\0\0isom", "image/png", "application/octet-stream"),
            (b"\0\x01\x02", "image/png", "application/octet-stream"),
            ("tea \u{1f375}".as_bytes().split_at(6).0, "text/plain", "text/plain"),
        ];
        for (bytes, said, kind) in table {
            assert_eq!(of(bytes, said), *kind, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn only_what_no_browser_runs_is_shown_in_place() {
        for kind in ["text/html", "image/svg+xml", "application/pdf", "text/plain", BYTES] {
            assert!(!is_inline(kind), "{kind}");
        }
        for kind in SCANS.iter().chain(&BOXED) {
            assert!(!is_inline(kind), "{kind}");
        }
        assert!(is_inline("image/png") && is_inline("video/mp4"));
        assert!(is_kind("image/svg+xml") && !is_kind("image") && !is_kind("a/b\r\nx: y"));
    }
}
