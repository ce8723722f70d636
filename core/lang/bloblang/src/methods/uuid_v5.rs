//! `uuid_v5`

use uuid::Uuid;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "uuid_v5",
    category: "strings",
    summary: "The UUID of version 5 of a text within a namespace. Of null it is null.",
    params: Params::Fixed(&[Param::new(
        "ns",
        Kind::String,
        "The namespace: `dns`, `url`, `oid`, `x500`, or a UUID.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: r#"root.id = "example".uuid_v5()"#,
            cases: &[("{}", r#"{"id":"feb54431-301b-52bb-a6dd-e1e93e81bb9e"}"#)],
        },
        Example {
            mapping: r#"root.id = "example".uuid_v5("x500")"#,
            cases: &[("{}", r#"{"id":"0cbd148f-768f-52fe-a1cd-0c4e6c65de91"}"#)],
        },
    ],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    if target.is_null() {
        return Ok(Val::NULL);
    }
    let namespace = match args.opt_text(0) {
        None => Uuid::nil(),
        Some(_) => namespace(&args.str(0))?,
    };
    Ok(Val::text(Uuid::new_v5(&namespace, target.as_text()?).to_string()))
}

fn namespace(name: &str) -> Result<Uuid, Error> {
    match name.to_lowercase().as_str() {
        "dns" => Ok(Uuid::NAMESPACE_DNS),
        "url" => Ok(Uuid::NAMESPACE_URL),
        "oid" => Ok(Uuid::NAMESPACE_OID),
        "x500" => Ok(Uuid::NAMESPACE_X500),
        _ => Uuid::parse_str(name).map_err(|_| {
            let shown = crate::go_format::quote(name.as_bytes());
            Error::new(format!("invalid ns uuid: {shown}"))
        }),
    }
}
