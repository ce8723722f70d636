//! `int32`

use crate::casts;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "int32",
    category: "numbers",
    summary: "The number as a signed integer of 32 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.int32()\nroot.b = this.b.round().int32()\n\
                      root.c = this.c.int32()\nroot.d = this.d.int32().catch(0)",
            cases: &[(
                r#"{"a":12,"b":12.34,"c":"12","d":-12}"#,
                r#"{"a":12,"b":12,"c":12,"d":-12}"#,
            )],
        },
        Example { mapping: "root = this.int32()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::narrow_int(&target, 32)),
    ..Method::PLUGIN
};
