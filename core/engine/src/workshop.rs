//! Builds what users write while the component that has it runs.

use plan::drafts::{Draft, Drafts, Part, Reader, Shown, Workshop};
use plan::env::read_config;
use plan::{BuildError, Env, Json, Secret, Sink, Source};

use crate::build::ComponentEnv;

/// Reads in one language and builds in the environment of one component.
pub(crate) struct LastingWorkshop {
    env: ComponentEnv,
    reader: &'static dyn Reader,
    surroundings: Secret<Json>,
}

impl LastingWorkshop {
    /// A workshop for the component this environment is for.
    pub(crate) fn new(env: ComponentEnv, drafts: &Drafts) -> Result<Self, BuildError> {
        let readers = &env.builder.registry.readers;
        let reader = readers.iter().find(|reader| reader.name() == drafts.lang).copied();
        let missing = || BuildError::new(format!("there is no language '{}'", drafts.lang));
        let reader = reader.ok_or_else(missing)?;
        let surroundings: Secret<Json> = read_config(&drafts.surroundings)?;
        Ok(LastingWorkshop { env, reader, surroundings })
    }

    fn read(&self, part: Part, text: &[u8], path: &str) -> Result<Draft, String> {
        let (registry, surroundings) = (&self.env.builder.registry, self.surroundings.expose());
        self.reader.read(registry, surroundings, part, text, path)
    }
}

impl Workshop for LastingWorkshop {
    fn source(&self, text: &[u8], path: &str) -> Result<(Box<dyn Source>, Shown), String> {
        let Draft { component, shown } = self.read(Part::Source, text, path)?;
        let source = self.env.source(&component);
        Ok((source.map_err(|error| self.reader.complaint(&error))?, shown))
    }

    fn sink(&self, text: &[u8], path: &str) -> Result<(Box<dyn Sink>, Shown), String> {
        let Draft { component, shown } = self.read(Part::Sink, text, path)?;
        let sink = self.env.sink(&component);
        Ok((sink.map_err(|error| self.reader.complaint(&error))?, shown))
    }
}
