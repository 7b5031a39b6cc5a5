//! Variables that look like settings and are none. One is said, and the server starts: whoever runs
//! containers puts names of their own beside ours (Kubernetes `HALLWAY_SERVICE_HOST`, where a service
//! is called hallway), which must not keep it from coming up.

use super::{KEYS, RESERVED};

/// What our app and our own tools are told by.
const OTHERS: [&str; 16] = [
    "APP_BIN",
    "APP_DIR",
    "CACHE",
    "CHAT_BIN",
    "GO_ON",
    "KEY_FILE",
    "PROFILE",
    "SEED",
    "SEEDS",
    "SERVER_BIN",
    "SIDE",
    "SIGN_IN_FILE",
    "TEST_HOME",
    "TEST_PLACE",
    "TRY",
    "UPDATES",
];

/// So many letters may be wrong, missing or too many in a name that another is meant by.
const NEAR: usize = 3;

/// What is to be said of each of these variables that is no setting, in the order of their names.
pub fn strangers(environment: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut said: Vec<_> =
        environment.filter_map(|(name, value)| stranger(&name, &value)).collect();
    said.sort_unstable();
    said
}

fn stranger(name: &str, value: &str) -> Option<String> {
    let upper = name.to_uppercase();
    let rest = upper.strip_prefix("HALLWAY_").filter(|_| !value.is_empty())?;
    let known = || KEYS.iter().chain(&RESERVED).map(|key| key.to_uppercase());
    // As it is told to every container of a pod beside a service of this name.
    let address = rest == "PORT" && value.contains("://");
    let kube = address || rest.starts_with("SERVICE_") || rest.starts_with("PORT_");
    if kube || OTHERS.contains(&rest) || known().any(|key| name == format!("HALLWAY_{key}")) {
        return None;
    }
    let far = |key: &String| strsim::damerau_levenshtein(rest, key);
    let near = known().min_by_key(far).filter(|key| far(key) <= NEAR.min(rest.len() / 2));
    Some(match near {
        Some(key) => format!("{name} is no setting and does nothing; did you mean HALLWAY_{key}?"),
        None => format!("{name} is no setting and does nothing"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_said_with_the_one_that_is_meant() {
        for (name, value, meant) in [
            ("HALLWAY_REGISTRATON", "open", Some("HALLWAY_REGISTRATION")),
            ("HALLWAY_DATABSE_URL", "postgres://db/hallway", Some("HALLWAY_DATABASE_URL")),
            ("HALLWAY_BASEURL", "https://a.example", Some("HALLWAY_BASE_URL")),
            ("HALLWAY_PORT", "8080", None),
            ("hallway_listen", "0.0.0.0:1", Some("HALLWAY_LISTEN")),
            ("HALLWAY_NATS_URLS", "x", Some("HALLWAY_NATS_URL")),
        ] {
            let said = stranger(name, value).unwrap_or_else(|| panic!("nothing of {name}"));
            assert!(said.starts_with(name), "{said}");
            match meant {
                Some(meant) => assert!(said.contains(&format!("mean {meant}?")), "{said}"),
                None => assert!(!said.contains("mean"), "{said}"),
            }
        }
    }

    #[test]
    fn settings_and_what_others_put_there_are_not_said() {
        let settings = KEYS.iter().map(|key| (format!("HALLWAY_{}", key.to_uppercase()), "x"));
        assert_eq!(strangers(settings.map(|(name, value)| (name, value.to_owned()))), [""; 0]);
        for (name, value) in [
            ("HALLWAY_REGISTRATON", ""),
            ("HALLWAYS", "x"),
            ("PATH", "/bin"),
            ("HALLWAY_SERVICE_HOST", "10.0.0.1"),
            ("HALLWAY_SERVICE_PORT_HTTP", "7340"),
            ("HALLWAY_PORT", "tcp://10.0.0.1:7340"),
            ("HALLWAY_PORT_7340_TCP_ADDR", "10.0.0.1"),
            ("HALLWAY_PROFILE", "main"),
        ] {
            assert_eq!(stranger(name, value), None, "{name}");
        }
    }
}
