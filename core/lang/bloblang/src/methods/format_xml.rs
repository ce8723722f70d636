//! `format_xml`

use formats::xml::{Layout, write};

use crate::args::Args;
use crate::error::Error;
use crate::growth::TEXT_BYTES_MAX;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "format_xml",
    category: "parsing",
    summary: "The object as XML: members are elements, those that begin with `-` attributes.",
    params: Params::Fixed(&[
        Param::new("indent", Kind::String, "One step of indentation.").or(Absent::Str("    ")),
        Param::new("no_indent", Kind::Bool, "Leave out indentation and line breaks.")
            .or(Absent::Bool(false)),
        Param::new(
            "root_tag",
            Kind::String,
            "Name of the element around everything; empty: the \
             only member, or `doc`.",
        )
        .or(Absent::Str("")),
    ]),
    examples: &[
        Example {
            mapping: "root = this.format_xml()",
            cases: &[(
                r#"{"foo":{"bar":{"baz":"foo bar baz"}}}"#,
                "<foo>\n    <bar>\n        <baz>foo bar baz</baz>\n    </bar>\n</foo>",
            )],
        },
        Example {
            mapping: "root = this.format_xml(no_indent: true)",
            cases: &[(
                r#"{"foo":{"-id":"1","bar":["x","y"]}}"#,
                r#"<foo id="1"><bar>x</bar><bar>y</bar></foo>"#,
            )],
        },
    ],
    walks: true,
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let object = target.as_object()?;
    let (indent, root) = (args.str(0), args.str(2));
    let (indent, root) = match args.bool(1) {
        true => (None, None),
        false => (Some(&*indent), Some(&*root).filter(|root| !root.is_empty())),
    };
    let layout = Layout { indent, root, bytes_max: TEXT_BYTES_MAX };
    write(object, layout).map(Val::bytes).map_err(|why| Error::new(why.to_string()))
}
