//! `int16`

use crate::casts;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "int16",
    category: "numbers",
    summary: "The number as a signed integer of 16 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.int16()\nroot.b = this.b.round().int16()\n\
                      root.c = this.c.int16()\nroot.d = this.d.int16().catch(0)",
            cases: &[(
                r#"{"a":12,"b":12.34,"c":"12","d":-12}"#,
                r#"{"a":12,"b":12,"c":12,"d":-12}"#,
            )],
        },
        Example { mapping: "root = this.int16()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::narrow_int(&target, 16)),
    ..Method::PLUGIN
};
