//! `file_rel`

use std::path::Path;

use super::read_file;
use crate::error::Error;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "file_rel",
    category: "environment",
    summary: "The bytes of a file. It is read once, when the mapping is parsed, unless that is \
              switched off. A relative path starts from the directory of the mapping's own file.",
    params: Params::Fixed(&[
        Param::new("path", Kind::String, "Path of the file."),
        Param::new("no_cache", Kind::Bool, "Read it for each message.").or(Absent::Bool(false)),
    ]),
    examples: &[Example {
        mapping: "root.motd = file_rel(\"./no/such/file\", true).string() | \"hello\"",
        cases: &[("{}", r#"{"motd":"hello"}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Read(|args, setup| {
        let path = Path::new(&*setup.dir).join(&*args.str(0));
        read_file(&*setup.services, &path).map(Val::bytes).map_err(Error::new)
    }),
    ..Function::BASE
};
