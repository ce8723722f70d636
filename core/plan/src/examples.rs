//! Runs the examples of a component: what documentation shows is what tests check.

use futures_util::FutureExt;

use crate::batch::{Batch, Records};
use crate::component::OperatorSpec;
use crate::env::Env;
use crate::operator::End;

/// Runs every example of an operator and returns what differs, one text per difference.
pub fn run_examples(spec: &OperatorSpec, env: &dyn Env) -> Vec<String> {
    let mut wrong = Vec::new();
    for example in spec.examples {
        match run_one(spec, example, env) {
            Ok(got) if got == example.output => {}
            Ok(got) => wrong.push(format!(
                "{}: {}: expected {:?}, got {got:?}",
                spec.name, example.title, example.output
            )),
            Err(error) => wrong.push(format!("{}: {}: {error}", spec.name, example.title)),
        }
    }
    if spec.examples.is_empty() {
        wrong.push(format!("{}: has no example", spec.name));
    }
    wrong
}

fn run_one(
    spec: &OperatorSpec,
    example: &crate::component::Example,
    env: &dyn Env,
) -> Result<Vec<String>, String> {
    let config = serde_json::from_str(example.config).map_err(|e| e.to_string())?;
    let mut operator = (spec.build)(&config, env).map_err(|e| e.text)?;
    let input = example.input.iter().map(|text| text.as_bytes().to_vec());
    let mut out = Vec::new();
    let batch = Batch::records(Records::from_bodies(input));
    let waits = "the example waits for something";
    operator
        .on_batch(batch, &mut out)
        .finish()
        .now_or_never()
        .ok_or(waits)?
        .map_err(|e| e.to_string())?;
    operator
        .on_end(End::Drained, &mut out)
        .finish()
        .now_or_never()
        .ok_or(waits)?
        .map_err(|e| e.to_string())?;
    let mut texts = Vec::new();
    let mut scratch = Vec::new();
    for batch in out {
        if let Some(records) = batch.as_records() {
            for index in 0..records.recs.len() {
                let bytes = records.bytes(index, &mut scratch);
                texts.push(String::from_utf8_lossy(bytes).into_owned());
            }
        }
        batch.ok();
    }
    Ok(texts)
}
