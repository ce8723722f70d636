//! `parse_xml`

use formats::xml;

use crate::error::Error;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_xml",
    category: "parsing",
    summary: "The document that an XML text holds: an element is a member named after it, an \
              attribute one that begins with `-`, and the text beside them is `#text`.",
    params: Params::Fixed(&[Param::new(
        "cast",
        Kind::Bool,
        "Make numbers and truth values of texts.",
    )
    .or(Absent::Bool(false))]),
    examples: &[
        Example {
            mapping: "root.doc = this.doc.parse_xml()",
            cases: &[(
                r#"{"doc":"<root><title>This is a title</title><n>1</n><n>2</n></root>"}"#,
                r#"{"doc":{"root":{"n":["1","2"],"title":"This is a title"}}}"#,
            )],
        },
        Example {
            mapping: "root.doc = this.doc.parse_xml(cast: true)",
            cases: &[(
                r#"{"doc":"<root><number id=\"99\">123</number><bool>True</bool></root>"}"#,
                r##"{"doc":{"root":{"bool":true,"number":{"#text":123,"-id":99}}}}"##,
            )],
        },
    ],
    run: Run::Simple(|target, args| match xml::parse(target.as_text()?, args.bool(0)) {
        Ok(value) => Ok(Val::Data(value)),
        Err(why) => Err(Error::new(format!("parsing value as XML: {why}"))),
    }),
    ..Method::CORE
};
