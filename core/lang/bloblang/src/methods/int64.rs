//! `int64`

use crate::casts;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "int64",
    category: "numbers",
    summary: "The number as a signed integer of 64 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.int64()\nroot.b = this.b.round().int64()\n\
                      root.c = this.c.int64()\nroot.d = this.d.int64().catch(0)",
            cases: &[(
                r#"{"a":12,"b":12.34,"c":"12","d":-12}"#,
                r#"{"a":12,"b":12,"c":12,"d":-12}"#,
            )],
        },
        Example { mapping: "root = this.int64()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::to_int(&target).map(Val::int)),
    ..Method::PLUGIN
};
