//! `filepath_join`

use crate::args::Args;
use crate::error::Error;
use crate::functions::normal;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "filepath_join",
    category: "strings",
    summary: "The elements of a path joined by slashes, without `.`, `..` and empty elements \
              where they can be left out.",
    examples: &[Example {
        mapping: "root.path = this.path_elements.filepath_join()",
        cases: &[(r#"{"path_elements":["/foo/","bar.txt"]}"#, r#"{"path":"/foo/bar.txt"}"#)],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let mut joined = String::new();
    for (i, item) in target.as_array()?.iter().enumerate() {
        let item = Val::Data(item.clone());
        let part = item.as_text().map_err(|e| e.prefix(format_args!("path element {i}")))?;
        if part.is_empty() && joined.is_empty() {
            continue;
        }
        if !joined.is_empty() {
            joined.push('/');
        }
        joined.push_str(&String::from_utf8_lossy(part));
    }
    Ok(Val::text(if joined.is_empty() { joined } else { normal(&joined) }))
}
