//! Operators alone, without sources, sinks and a pipeline table: what a test of a configuration
//! runs. They are built and metered as those of a pipeline are.

use std::rc::Rc;
use std::sync::Arc;

use plan::{Batch, BuildError, Component, Operator, Plan, Registry, Services, run_chain};

use crate::api::Key;
use crate::build::{Builder, ComponentEnv};
use crate::panics::Guarded;
use crate::services::InstanceServices;
use crate::shared::SharedParts;

/// Operators in order. They belong to the reactor on which they were built.
pub struct Chain {
    operators: Vec<Box<dyn Operator>>,
}

impl Chain {
    /// Builds the operators. They see the variables of `environment` before those of the process.
    ///
    /// # Errors
    /// The first operator that cannot be built.
    pub fn build(
        registry: &Rc<Registry>,
        components: &[Component],
        environment: Vec<(String, String)>,
    ) -> Result<Self, BuildError> {
        let services = InstanceServices::within(Key::new("chain", ""), Rc::default(), environment);
        let plan = Arc::new(Plan::default());
        // Caches and rate limits are the chain's own, so that tests do not see each other's.
        let surroundings: Rc<dyn Services> = services.clone();
        let shared = SharedParts::new(0, Vec::new(), Rc::clone(registry), surroundings);
        let builder = Builder::new(Rc::clone(registry), plan, services, shared, "");
        let build = |component: &Component| {
            ComponentEnv::new(Rc::clone(&builder), component.clone()).build_operator()
        };
        let operators = components.iter().map(build).collect::<Result<_, _>>()?;
        Ok(Chain { operators })
    }

    /// Runs batches through the operators. No end follows: what they hold back stays there.
    ///
    /// # Errors
    /// What would have failed the pipeline, a panic as well. The chain is of no use afterwards.
    pub async fn run(&mut self, mut batches: Vec<Batch>) -> Result<Vec<Batch>, String> {
        let operators = &mut self.operators;
        let run = async move {
            let ended = run_chain(operators, &mut batches, &mut Vec::new()).await;
            ended.map(|()| batches).map_err(|e| e.to_string())
        };
        Guarded::new(run).await.and_then(|ended| ended)
    }
}
