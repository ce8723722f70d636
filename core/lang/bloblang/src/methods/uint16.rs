//! `uint16`

use crate::casts;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "uint16",
    category: "numbers",
    summary: "The number as an unsigned integer of 16 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.uint16()\nroot.b = this.b.round().uint16()\n\
                      root.c = this.c.uint16()\nroot.d = this.d.uint16().catch(0)",
            cases: &[(r#"{"a":12,"b":12.34,"c":"12","d":-12}"#, r#"{"a":12,"b":12,"c":12,"d":0}"#)],
        },
        Example { mapping: "root = this.uint16()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::narrow_uint(&target, 16)),
    ..Method::PLUGIN
};
