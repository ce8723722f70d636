//! `map_each_key`

use formats::value::{Object, Value};

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "map_each_key",
    category: "objects and arrays",
    summary: "An object with other keys, which a query gives for its keys. A query that gives \
              nothing leaves a key as it is.",
    params: Params::Fixed(&[Param::new("query", Kind::Query, "Evaluated for each key.")]),
    examples: &[Example {
        mapping: "root = this.map_each_key(key -> if key.contains(\"kafka\") { \"_\" + key })",
        cases: &[(
            r#"{"amqp_key":"foo","kafka_key":"bar"}"#,
            r#"{"_kafka_key":"bar","amqp_key":"foo"}"#,
        )],
    }],
    run: Run::Lambda(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let query = args.query(0)?;
    let object = target.as_object()?;
    let mut members = Vec::with_capacity(object.len());
    for (key, value) in object.iter() {
        let key = match query.call(cx, &Val::text(key.clone()))? {
            Val::Nothing => key.clone(),
            Val::Data(Value::String(key)) => key,
            other => {
                let error = other.unexpected(&["string"]);
                return Err(error.prefix("unexpected result from key mapping"));
            }
        };
        members.push((key, value.clone()));
    }
    Ok(Val::object(members.into_iter().collect::<Object>()))
}
