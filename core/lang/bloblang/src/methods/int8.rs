//! `int8`

use crate::casts;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "int8",
    category: "numbers",
    summary: "The number as a signed integer of 8 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.int8()\nroot.b = this.b.round().int8()\n\
                      root.c = this.c.int8()\nroot.d = this.d.int8().catch(0)",
            cases: &[(
                r#"{"a":12,"b":12.34,"c":"12","d":-12}"#,
                r#"{"a":12,"b":12,"c":12,"d":-12}"#,
            )],
        },
        Example { mapping: "root = this.int8()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::narrow_int(&target, 8)),
    ..Method::PLUGIN
};
