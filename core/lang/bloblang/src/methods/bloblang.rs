//! `bloblang`

use std::rc::Rc;

use crate::args::Args;
use crate::error::Error;
use crate::exec::{Ctx, Doc, Exec, MetaOut, Root, Setup};
use crate::parse::{self, Options};
use crate::spec::{Example, Kind, Method, Param, Params, PreparedHere, Run};
use crate::val::Val;

/// Mappings within mappings that may run inside each other.
const NESTED_MAX: u32 = 50;

pub(super) static SPEC: Method = Method {
    name: "bloblang",
    category: "general",
    summary: "Runs a mapping given as text on the target. It sees nothing but the target: no \
              message, no metadata, no files.",
    params: Params::Fixed(&[Param::new("mapping", Kind::String, "The mapping.")]),
    examples: &[Example {
        mapping: "root.body = this.body.bloblang(this.map)",
        cases: &[
            (r#"{"body":{"foo":"hi"},"map":"root.a = this.foo"}"#, r#"{"body":{"a":"hi"}}"#),
            (r#"{"body":"a","map":"root = this.uppercase()"}"#, r#"{"body":"A"}"#),
        ],
    }],
    run: Run::PreparedHere(prepare),
    ..Method::PLUGIN
};

fn prepare(args: &Args, setup: &Setup) -> Result<PreparedHere, Error> {
    let options =
        Options { setup: setup.clone(), imports: false, pure_only: true, import_depth: 0 };
    let program = parse::program(&args.str(0), &options).map_err(|e| Error::new(e.lint()))?;
    Ok(Box::new(move |target: Val, cx: &mut Ctx<'_, '_>| {
        if cx.ex.nested >= NESTED_MAX {
            return Err(Error::new(format!(
                "mappings run more than {NESTED_MAX} deep inside each other"
            )));
        }
        let services = Rc::clone(cx.ex.services);
        let mut ex = Exec::new(cx.ex.records, cx.ex.mapped, &services);
        ex.doc = Doc::Is(target.into_value().unwrap_or_default());
        ex.root = Root::Is(Val::Nothing);
        ex.meta = MetaOut::Detached;
        ex.nested = cx.ex.nested + 1;
        ex.steps = cx.ex.steps;
        let done = program.run(&mut ex);
        cx.ex.steps = ex.steps;
        done?;
        match ex.root {
            Root::Is(val) => Ok(val),
            Root::Absent => Ok(Val::Nothing),
        }
    }))
}
