//! A bucket of S3, or of what speaks like it. The server itself reaches it through `object_store`;
//! the addresses that uploads go to are signed here (AWS Signature Version 4, in the query), because
//! length and media type are to be bound as ours are, and `object_store` signs the host alone.

use crate::config::Config;
use anyhow::{Context, Result, anyhow, bail, ensure};
use hallway_protocol::ids::Millis;
use hmac::{Hmac, KeyInit, Mac};
use object_store::ClientOptions;
use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use url::Url;

/// A file of the largest size over a slow line takes so long.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Whoever does not answer is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// Where nothing is said.
const REGION: &str = "us-east-1";

/// A bucket, and with what one comes in.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    endpoint: Url,
    region: String,
    key: String,
    secret: String,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({})", self.name)
    }
}

impl Bucket {
    /// The configured one; none: files are in the data folder.
    pub fn of(config: &Config) -> Result<Option<Bucket>> {
        let Some(url) = &config.files_url else {
            let other = [&config.files_endpoint, &config.files_region, &config.files_key];
            let other = other.into_iter().any(Option::is_some);
            ensure!(!other && config.files_secret.is_none(), "files_url: no bucket is named");
            return Ok(None);
        };
        let name = url.strip_prefix("s3://").map(|name| name.trim_end_matches('/'));
        let fine = |name: &str| {
            let odd = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
            (3..=63).contains(&name.len()) && !name.contains(odd)
        };
        let Some(name) = name.filter(|name| fine(name)) else {
            bail!("files_url: {url} is not s3:// and the name of a bucket");
        };
        let region = config.files_region.clone().unwrap_or_else(|| REGION.into());
        let ours = format!("https://s3.{region}.amazonaws.com");
        let endpoint = config.files_endpoint.clone().unwrap_or(ours);
        let endpoint = Url::parse(endpoint.trim_end_matches('/'));
        let endpoint = endpoint.context("files_endpoint: is no address")?;
        let plain = endpoint.scheme() == "http" && is_near(&endpoint);
        ensure!(
            (endpoint.scheme() == "https" || plain) && endpoint.has_host(),
            "files_endpoint: {endpoint} would send files in clear; use https"
        );
        let key = config.files_key.clone().context("files_key: is missing")?;
        let secret = match (&config.files_secret, &config.files_secret_file) {
            (Some(secret), None) => secret.0.clone(),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                text.with_context(|| format!("cannot read {}", file.display()))?.trim().to_owned()
            }
            (None, None) => bail!("files_secret: is missing"),
            (Some(_), Some(_)) => bail!("files_secret: is said twice, in a file too"),
        };
        ensure!(!secret.is_empty() && !key.is_empty(), "files_secret: is empty");
        Ok(Some(Bucket { name: name.to_owned(), endpoint, region, key, secret }))
    }

    /// How the server itself reaches it.
    pub fn store(&self) -> Result<AmazonS3> {
        // Asked for by the library's client, which brings no TLS of its own; who was first has done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new()
            .with_timeout(LONGEST)
            .with_connect_timeout(CONNECT)
            .with_allow_http(self.endpoint.scheme() == "http");
        let retry = RetryConfig {
            max_retries: 3,
            retry_timeout: Duration::from_secs(15),
            ..RetryConfig::default()
        };
        AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_endpoint(self.endpoint.as_str().trim_end_matches('/'))
            .with_access_key_id(&self.key)
            .with_secret_access_key(&self.secret)
            .with_virtual_hosted_style_request(false)
            .with_client_options(options)
            .with_retry(retry)
            .build()
            .map_err(|error| anyhow!(error).context("cannot use the bucket"))
    }

    /// Its origin, as browsers write it.
    pub fn origin(&self) -> String {
        self.endpoint.origin().ascii_serialization()
    }

    /// An address that takes a `PUT` with exactly these headers, from then on for so long.
    pub fn sign(
        &self,
        place: &str,
        headers: &BTreeMap<String, String>,
        from: Millis,
        good: Millis,
    ) -> Result<String> {
        let host = match (self.endpoint.host_str(), self.endpoint.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => bail!("the address of the bucket has no host"),
        };
        let base = self.endpoint.path().trim_end_matches('/');
        let path = format!("{base}/{}/{}", self.name, escaped(place, true));
        let (day, time) = stamp(from);
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let mut signed = headers.clone();
        signed.insert("host".into(), host.clone());
        let names = signed.keys().map(String::as_str).collect::<Vec<_>>().join(";");
        let query = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", self.key)),
            ("X-Amz-Date", time.clone()),
            ("X-Amz-Expires", (good / 1000).to_string()),
            ("X-Amz-SignedHeaders", names.clone()),
        ];
        let query = query.map(|(name, value)| format!("{name}={}", escaped(&value, false)));
        let query = query.join("&");
        let lines = signed.iter().fold(String::new(), |mut lines, (name, value)| {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{name}:{}", value.trim());
            lines
        });
        let request = format!("PUT\n{path}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
        let hash = hex::encode(Sha256::digest(request));
        let said = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let key = [day.as_str(), &self.region, "s3", "aws4_request"];
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = key.iter().fold(first, |key, part| mac(&key, part));
        let proof = hex::encode(mac(&key, &said));
        let scheme = self.endpoint.scheme();
        Ok(format!("{scheme}://{host}{path}?{query}&X-Amz-Signature={proof}"))
    }
}

/// Whether plain HTTP to it stays on this machine or in its own network.
fn is_near(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || !name.contains('.'),
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// As the signature wants it: all but unreserved characters in hexadecimal.
fn escaped(text: &str, path: bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (path && byte == b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// `20261121` and `20261121T190000Z`.
fn stamp(at: Millis) -> (String, String) {
    let seconds = at.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days from civil, backwards (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let date = format!("{year:04}{month:02}{day:02}");
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let time = format!("{date}T{hour:02}{minute:02}{:02}Z", second % 60);
    (date, time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Hidden;

    fn config() -> Config {
        Config {
            files_url: Some("s3://examplebucket".into()),
            files_key: Some("AKIAIOSFODNN7EXAMPLE".into()),
            files_secret: Some(Hidden("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into())),
            ..Config::default()
        }
    }

    #[test]
    fn a_day_has_its_date() {
        assert_eq!(stamp(0).1, "19700101T000000Z");
        assert_eq!(stamp(951_782_400_000).1, "20000229T000000Z");
        assert_eq!(stamp(1_795_289_572_829).1, "20261121T193252Z");
        assert_eq!(stamp(4_102_444_799_999).0, "20991231");
    }

    #[test]
    fn a_bucket_is_named_whole_or_not_at_all() {
        let wrong = |change: fn(&mut Config), word: &str| {
            let mut config = config();
            change(&mut config);
            let error = format!("{:#}", Bucket::of(&config).unwrap_err());
            assert!(error.contains(word), "{error}");
        };
        wrong(|config| config.files_url = Some("https://x".into()), "files_url");
        wrong(|config| config.files_url = Some("s3://Up/per".into()), "files_url");
        wrong(|config| config.files_url = None, "files_url");
        wrong(|config| config.files_key = None, "files_key");
        wrong(|config| config.files_secret = None, "files_secret");
        wrong(|config| config.files_secret_file = Some("/nowhere".into()), "twice");
        wrong(|config| config.files_endpoint = Some("http://s3.example.org".into()), "https");
        wrong(|config| config.files_endpoint = Some("ftp://localhost".into()), "https");
        assert!(Bucket::of(&Config::default()).unwrap().is_none());
        let bucket = Bucket::of(&config()).unwrap().unwrap();
        assert!(!format!("{bucket:?} {:?}", config()).contains("wJalr"));
        bucket.store().unwrap();
    }
}
