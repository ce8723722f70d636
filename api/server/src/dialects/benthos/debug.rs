//! Endpoints for finding faults, which are there only where the configuration wants them.

use plan::Json;

use super::{Benthos, answers, process};
use crate::exchange::Reply;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Debug {
    ConfigJson,
    ConfigYaml,
    Stack,
    Profile,
}

/// Profiles in pprof's format that exist elsewhere, and for which there is none here.
const PROFILES: [&str; 8] =
    ["profile", "heap", "goroutine", "block", "mutex", "allocs", "symbol", "trace"];

/// What is shown in the place of a secret.
const SCRUBBED: &str = "!!!SECRET_SCRUBBED!!!";

impl Debug {
    /// What the rest of a path below `/debug` asks for.
    pub(super) fn of(words: &[&str]) -> Option<Self> {
        Some(match words {
            ["config", "json"] => Debug::ConfigJson,
            ["config", "yaml"] => Debug::ConfigYaml,
            ["stack"] => Debug::Stack,
            ["pprof", name] if PROFILES.contains(name) => Debug::Profile,
            _ => return None,
        })
    }
}

impl Benthos {
    pub(super) fn debug(&self, what: Debug) -> Reply {
        let settings = || without_secrets(self.options.settings.clone());
        match what {
            Debug::ConfigJson => Reply::text(200, settings().to_string()),
            Debug::ConfigYaml => Reply::text(200, config::yaml_text(&settings())),
            Debug::Stack => Reply::text(200, process::threads()),
            Debug::Profile => answers::error(
                501,
                "this program makes no profiles in pprof's format; perf and other tools of the \
                 system profile it as it runs, and /debug/stack tells what its threads do",
            ),
        }
    }
}

/// The settings without what lets others in.
fn without_secrets(mut settings: Json) -> Json {
    for field in ["password_hash", "salt"] {
        let found = settings.pointer_mut(&format!("/http/basic_auth/{field}"));
        if let Some(secret) = found.filter(|secret| secret.as_str() != Some("")) {
            *secret = SCRUBBED.into();
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let auth = json!({"username": "a", "password_hash": "x", "salt": ""});
        let shown = without_secrets(json!({"http": {"basic_auth": auth}}));
        let want = json!({"username": "a", "password_hash": SCRUBBED, "salt": ""});
        assert_eq!(shown["http"]["basic_auth"], want);
        assert_eq!(without_secrets(Json::Null), Json::Null);
    }
}
