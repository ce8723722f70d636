//! `repeat`

use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "repeat",
    category: "strings",
    summary: "The text several times in a row.",
    params: Params::Fixed(&[Param::new("count", Kind::Int, "How often.")]),
    examples: &[Example {
        mapping: "root.repeated = this.name.repeat(3)",
        cases: &[(r#"{"name":"bob"}"#, r#"{"repeated":"bobbobbob"}"#)],
    }],
    run: Run::Prepared(|args| {
        let count = args.int(0);
        if count < 0 {
            let why = "invalid count, must be greater than or equal to zero";
            return Err(Error::new(format!("{why}: {count}")));
        }
        Ok(Box::new(move |target| repeat(&target, count)))
    }),
    ..Method::CORE
};

/// Bytes that a result may have.
const RESULT_BYTES_MAX: usize = 64 << 20;

fn repeat(target: &Val, count: i64) -> Result<Val, Error> {
    let text = target.as_text()?;
    let len = text.len();
    let times = usize::try_from(count).unwrap_or(usize::MAX);
    match i64::try_from(len).ok().and_then(|len| len.checked_mul(count)) {
        None => Err(Error::new(format!("invalid count, would overflow: {len}*{count}"))),
        Some(total) if total > RESULT_BYTES_MAX as i64 => {
            Err(Error::new(format!("the text exceeds {RESULT_BYTES_MAX} bytes")))
        }
        Some(_) => Ok(super::same_kind(target, &text.repeat(if len == 0 { 0 } else { times }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_has_a_limit() {
        let error = repeat(&Val::text("ab"), RESULT_BYTES_MAX as i64).unwrap_err();
        assert_eq!(error.to_string(), "the text exceeds 67108864 bytes");
        assert!(repeat(&Val::text(""), i64::MAX).is_ok());
    }
}
