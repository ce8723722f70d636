//! `file`

use std::path::Path;

use super::read_file_as_named;
use crate::error::Error;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "file",
    category: "environment",
    summary: "The bytes of a file. It is read once, when the mapping is parsed, unless that is \
              switched off. A relative path starts from the working directory of the process.",
    params: Params::Fixed(&[
        Param::new("path", Kind::String, "Path of the file."),
        Param::new("no_cache", Kind::Bool, "Read it for each message.").or(Absent::Bool(false)),
    ]),
    examples: &[Example {
        mapping: "root.motd = file(\"/no/such/file\", true).string() | \"hello\"",
        cases: &[("{}", r#"{"motd":"hello"}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Read(|args, setup| {
        let path = args.str(0);
        let bytes = read_file_as_named(&*setup.services, Path::new(&*path));
        bytes.map(Val::bytes).map_err(Error::new)
    }),
    ..Function::BASE
};
