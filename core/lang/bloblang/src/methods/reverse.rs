//! `reverse`

use formats::value::Value;

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "reverse",
    category: "strings",
    summary: "The characters of a text, or raw bytes, from the last to the first.",
    examples: &[Example {
        mapping: "root.reversed = this.thing.reverse()",
        cases: &[(r#"{"thing":"backwards"}"#, r#"{"reversed":"sdrawkcab"}"#)],
    }],
    run: Run::Simple(|target, _| reverse(&target)),
    ..Method::CORE
};

fn reverse(target: &Val) -> Result<Val, Error> {
    match target.value() {
        Some(Value::String(text)) => {
            let mut out = Vec::with_capacity(text.as_bytes().len());
            for chunk in crate::cases::chars(text.as_bytes()).collect::<Vec<_>>().iter().rev() {
                // A byte that is no UTF-8 is a character of its own, the one for such.
                let valid = std::str::from_utf8(chunk).is_ok();
                out.extend_from_slice(if valid { chunk } else { "\u{fffd}".as_bytes() });
            }
            Ok(Val::text(out))
        }
        Some(Value::Bytes(bytes)) => {
            Ok(Val::bytes(bytes.iter().rev().copied().collect::<Vec<u8>>()))
        }
        _ => Err(target.unexpected(&["string"])),
    }
}
