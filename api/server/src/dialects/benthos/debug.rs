//! Endpoints for finding faults, which are there only where the configuration wants them.

use config::secrets;

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
        let settings = || secrets::hidden(self.streams.catalog(), &self.options.settings);
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
