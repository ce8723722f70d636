//! `format`

use crate::args::Args;
use crate::error::Error;
use crate::go_format;
use crate::spec::{Example, Method, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "format",
    category: "strings",
    summary: "Fills the arguments into the target, a format of Go's `fmt` package: `%v`, `%s`, \
              `%d`, `%.2f`. Numbers of a message are texts there, so that `%d` wants a cast first.",
    params: Params::Variadic("The values, in the order of the verbs."),
    examples: &[Example {
        mapping: "root.foo = \"%s(%v): %v\".format(this.name, this.age, this.fingers)",
        cases: &[(r#"{"name":"lance","age":37,"fingers":13}"#, r#"{"foo":"lance(37): 13"}"#)],
    }],
    walks: true,
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let vals: Vec<Val> = args.vals().cloned().collect();
    Ok(Val::text(go_format::format(target.as_text()?, &vals)?))
}
