//! What may be said on the command line.

use serde::Serialize;
use std::path::PathBuf;

/// What is given on the command line; each has its name in the environment and in the file.
#[derive(Clone, Debug, Default, Serialize, clap::Args)]
pub struct Flags {
    /// Address and port [default: 127.0.0.1:7340]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Folder of everything the server keeps [default: ./data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Public address, https://…; links begin with it [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Browser origins that may call, separated by commas
    #[arg(long, value_name = "LIST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<String>,
    /// Networks whose X-Forwarded-For counts, separated by commas
    #[arg(long, value_name = "LIST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<String>,
    /// How mail leaves: off, log, file:DIR, smtp://user@host, smtps://user@host [default: off]
    #[arg(long, value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Whom mail is from
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// Who may make an account: open, invite, closed [default: invite]
    #[arg(long, value_name = "WHO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// Who may come without an account: off, code, open [default: off]
    #[arg(long, value_name = "WHO")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guests: Option<String>,
    /// File of the secret that signs tokens [default: DATA/secret]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Certificate chain (PEM), read again when it changes; absent: plain HTTP
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Rate limits: on, off [default: on]
    #[arg(long, value_name = "ON")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
    /// Form of the log on stderr: text, json [default: text]
    #[arg(long, value_name = "FORM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// What is logged: error, warn, info, debug, trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Configuration file [default: hallway.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}
