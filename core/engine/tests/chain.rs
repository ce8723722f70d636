//! Operators alone.

#![allow(clippy::unwrap_used)] // a test may give up where it stands

use std::rc::Rc;

use engine::chain::Chain;
use plan::{
    Batch, BuildError, Component, Env, Json, Operator, OperatorSpec, Records, Registry, Spec, Step,
};

/// Puts the value of a variable in the place of each content, or panics.
struct Variable {
    value: String,
}

impl Operator for Variable {
    fn class(&self) -> plan::Class {
        plan::Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, mut batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        assert!(!self.value.is_empty(), "no value");
        for record in batch.as_records_mut().into_iter().flat_map(|all| &mut all.recs) {
            record.body = plan::Body::Own(std::sync::Arc::new(self.value.clone().into_bytes()));
        }
        out.push(batch);
        Step::Done(Ok(()))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let name = config.as_str().ok_or_else(|| BuildError::new("a name is wanted"))?;
    let value = env.services().env_var(name).unwrap_or_default();
    Ok(Box::new(Variable { value }))
}

static VARIABLE: OperatorSpec = Spec::undocumented("variable", build);

fn chain(config: Json) -> Result<Chain, BuildError> {
    let registry = Rc::new(Registry { operators: vec![&VARIABLE], ..Registry::default() });
    let variables = vec![("A".to_owned(), "one".to_owned()), ("A".to_owned(), "two".to_owned())];
    let component = Component { path: "root.a".into(), ..Component::new("variable", config) };
    Chain::build(&registry, &[component], variables)
}

fn batch() -> Vec<Batch> {
    vec![Batch::records(Records::from_bodies([b"x".to_vec()]))]
}

#[test]
fn operators_see_the_variables_of_their_chain() {
    let config = rt::ReactorConfig::new(rt::IoMode::Auto, "chain");
    rt::run_reactor(config, || async {
        let mut own = chain("A".into()).unwrap();
        let out = own.run(batch()).await.unwrap();
        let mut scratch = Vec::new();
        assert_eq!(out[0].as_records().unwrap().bytes(0, &mut scratch), b"two");
        let mut none = chain("MAINSTEM_TEST_UNSET".into()).unwrap();
        assert_eq!(none.run(batch()).await.unwrap_err(), "panicked: no value");
        let refused = chain(Json::Null).err().unwrap();
        assert_eq!((refused.text.as_str(), refused.path.as_str()), ("a name is wanted", "root.a"));
    })
    .unwrap();
}
