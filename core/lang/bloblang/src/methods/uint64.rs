//! `uint64`

use formats::value::Value;

use crate::casts;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "uint64",
    category: "numbers",
    summary: "The number as an unsigned integer of 64 bits. Texts may have a base \
              prefix. What has a fraction or does not fit fails.",
    examples: &[
        Example {
            mapping: "root.a = this.a.uint64()\nroot.b = this.b.round().uint64()\n\
                      root.c = this.c.uint64()\nroot.d = this.d.uint64().catch(0)",
            cases: &[(r#"{"a":12,"b":12.34,"c":"12","d":-12}"#, r#"{"a":12,"b":12,"c":12,"d":0}"#)],
        },
        Example { mapping: "root = this.uint64()", cases: &[(r#""0xD""#, "13")] },
    ],
    run: Run::Simple(|target, _| casts::to_uint(&target).map(|n| Val::Data(Value::Uint(n)))),
    ..Method::PLUGIN
};
