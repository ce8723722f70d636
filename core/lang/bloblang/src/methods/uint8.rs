//! `uint8`

use crate::casts;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "uint8",
    category: "numbers",
    summary: "The number as an unsigned integer of 8 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.uint8()\nroot.b = this.b.round().uint8()\n\
                      root.c = this.c.uint8()\nroot.d = this.d.uint8().catch(0)",
            cases: &[(r#"{"a":12,"b":12.34,"c":"12","d":-12}"#, r#"{"a":12,"b":12,"c":12,"d":0}"#)],
        },
        Example { mapping: "root = this.uint8()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::narrow_uint(&target, 8)),
    ..Method::PLUGIN
};
