//! `filepath_split`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "filepath_split",
    category: "strings",
    summary: "The folder of a path, up to and with the last slash, and the name of the file.",
    examples: &[Example {
        mapping: "root.path_sep = this.path.filepath_split()",
        cases: &[
            (r#"{"path":"/foo/bar.txt"}"#, r#"{"path_sep":["/foo/","bar.txt"]}"#),
            (r#"{"path":"baz.txt"}"#, r#"{"path_sep":["","baz.txt"]}"#),
        ],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let text = target.as_text()?;
    let at = memchr::memrchr(b'/', text).map_or(0, |at| at + 1);
    let (folder, name) = text.split_at(at);
    Ok(Val::array(vec![Value::text(folder), Value::text(name)]))
}
