//! HTTP as it goes over the line, a connection for each call. Written out rather than taken from a
//! library: a client that is lenient, or that retries, would hide what the server does.

use super::PATIENCE;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A call in the making.
pub struct Call {
    head: String,
    body: Vec<u8>,
    /// The body says itself where it ends.
    chunked: bool,
}

impl Call {
    /// Of the interface.
    pub fn new(method: &str, path: &str) -> Call {
        Call::at(method, &format!("/api/v1{path}"))
    }

    /// Outside the interface's prefix.
    pub fn at(method: &str, path: &str) -> Call {
        let path = encoded(path);
        let head = format!("{method} {path} HTTP/1.1\r\nhost: hallway\r\nconnection: close\r\n");
        Call { head, body: Vec::new(), chunked: false }
    }

    /// At another host, which may be part of what is signed.
    pub fn host(self, host: &str) -> Call {
        Call { head: self.head.replace("host: hallway\r\n", &format!("host: {host}\r\n")), ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Call {
        // Writing to a String cannot fail.
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    pub fn token(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// JSON; null is no body at all.
    pub fn body(self, body: Value) -> Call {
        if body.is_null() { self } else { self.raw("application/json", body.to_string()) }
    }

    /// A body as it stands, whatever it is.
    pub fn raw(self, kind: &str, body: impl Into<Vec<u8>>) -> Call {
        Call { body: body.into(), ..self.header("content-type", kind) }
    }

    /// A body in chunks, as it stands.
    pub fn chunked(self, body: Vec<u8>) -> Call {
        Call { body, chunked: true, ..self.header("transfer-encoding", "chunked") }
    }

    pub async fn to(self, address: SocketAddr) -> Answer {
        let head = match self.chunked {
            true => format!("{}\r\n", self.head),
            false => format!("{}content-length: {}\r\n\r\n", self.head, self.body.len()),
        };
        let sent = async {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(head.as_bytes()).await.expect("the head leaves");
            // A server that refuses a large body does not read it to its end.
            let _ = stream.write_all(&self.body).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let sent = timeout(PATIENCE * 2, sent).await.expect("an answer in time");
        let answer = Answer::read(&sent);
        let mut first = self.head.split(' ');
        if let (Some(method), Some(path)) = (first.next(), first.next()) {
            super::book::hold(method, path, &answer);
        }
        answer
    }
}

/// What may not stand in the first line as it is, in hexadecimal.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// A body that came in chunks; it must have come to its end.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|two| two == b"\r\n").expect("a size");
        let size = std::str::from_utf8(&chunks[..line]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + size]);
        chunks = &chunks[line + 4 + size..];
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    /// As it came.
    pub bytes: Vec<u8>,
    /// The JSON it is, else the text; null when there is none.
    pub body: Value,
}

impl Answer {
    fn read(bytes: &[u8]) -> Answer {
        let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..split]).expect("a head of text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let chunked = headers.get("transfer-encoding").is_some_and(|how| how == "chunked");
        let body = if chunked { joined(&bytes[split + 4..]) } else { bytes[split + 4..].to_vec() };
        if let Some(length) = headers.get("content-length") {
            assert_eq!(*length, body.len().to_string(), "it came whole: {head}");
        }
        let text = String::from_utf8_lossy(&body);
        let json = match text.as_ref() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into())),
        };
        Answer { status: status.expect("a status"), headers, bytes: body, body: json }
    }

    /// The body, which must have come with this status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// The body, which must have come with a yes.
    #[track_caller]
    pub fn fine(self) -> Value {
        assert!(self.status < 300, "{self:?}");
        self.body
    }

    /// Status and code of a refusal, which must be whole, whoever made it: the one shape, a sentence
    /// for people, what to do next, the number of the request, the media type.
    #[track_caller]
    pub fn refused(&self) -> (u16, &str) {
        let body = self.body.as_object().unwrap_or_else(|| panic!("no object: {self:?}"));
        let mut names: Vec<_> = body.keys().map(String::as_str).collect();
        names.sort_unstable();
        let ours = ["after_ms", "code", "fields", "message", "retry", "status", "title", "type"];
        assert_eq!(names, ours, "{self:?}");
        assert_eq!(body["status"], self.status, "{self:?}");
        assert!(body["title"].is_string() && body["type"] == "about:blank", "{self:?}");
        assert!(body["message"].as_str().is_some_and(|said| !said.is_empty()), "{self:?}");
        assert!(body["fields"].is_object(), "{self:?}");
        let code = body["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}"));
        let retry = match code {
            "rate_limited" | "busy" | "broken" => "later",
            "signed_out" | "wrong_credentials" => "sign_in",
            // What is not there yet.
            "conflict" if body["retry"] == "later" => "later",
            _ => "never",
        };
        assert_eq!(body["retry"], retry, "{self:?}");
        let wait = body["after_ms"].as_i64();
        assert!(if retry == "later" { wait > Some(0) } else { wait.is_none() }, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.headers["x-request-id"].len(), 36, "{self:?}");
        (self.status, code)
    }

    /// Whether it says what is wrong with this field.
    pub fn blames(&self, field: &str) -> bool {
        self.body["fields"][field].is_string()
    }
}
