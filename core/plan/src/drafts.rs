//! Components that users write while a pipeline runs.
//!
//! A component whose children come and go has the keyword [`DRAFTS`] in its schema. The lowering
//! then puts [`Drafts`] into its configuration, and [`crate::Env::workshop`] makes of them
//! something that reads what users write and builds it, in whatever language that is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Json;
use crate::component::Component;
use crate::env::{BuildError, Registry};
use crate::sink::Sink;
use crate::source::Source;

/// The schema keyword of a component with children that are made while it runs: the name of the
/// field that holds those it begins with.
pub const DRAFTS: &str = "x-drafts";

/// What a lowering gives a component that has such children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drafts {
    /// Name of the [`Reader`] of the language in which they are written.
    pub lang: String,
    /// What the reader needs to know of the surroundings; nobody else looks at it.
    pub surroundings: Json,
    /// How the children look with which the component begins, by name.
    pub shown: BTreeMap<String, Shown>,
}

/// How a child looks to whoever asks for it: without its secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// As text in its language.
    pub text: String,
    /// As a document.
    pub document: Json,
}

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A source.
    Source,
    /// A sink.
    Sink,
}

/// A component that was read.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What to build.
    pub component: Component,
    /// How it looks.
    pub shown: Shown,
}

/// A language in which single components are written.
pub trait Reader: Send + Sync {
    /// Its name, by which [`Drafts::lang`] finds it.
    fn name(&self) -> &'static str;

    /// Reads a component that stands at `path`.
    ///
    /// # Errors
    /// What is wrong with the text, as users see it.
    fn read(
        &self,
        registry: &Registry,
        surroundings: &Json,
        part: Part,
        text: &[u8],
        path: &str,
    ) -> Result<Draft, String>;

    /// How users see that something could not be built.
    fn complaint(&self, error: &BuildError) -> String;
}

/// Reads and builds what users write, for one component and for as long as it lives.
pub trait Workshop {
    /// Reads a component that stands at `path` and is a source.
    ///
    /// # Errors
    /// What is wrong with it, as users see it.
    fn source(&self, text: &[u8], path: &str) -> Result<(Box<dyn Source>, Shown), String>;

    /// As [`Workshop::source`], for a sink.
    ///
    /// # Errors
    /// What is wrong with it, as users see it.
    fn sink(&self, text: &[u8], path: &str) -> Result<(Box<dyn Sink>, Shown), String>;
}
