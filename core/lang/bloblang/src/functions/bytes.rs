//! `bytes`

use crate::error::Error;
use crate::spec::{Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "bytes",
    category: "general",
    summary: "So many bytes that are all zero.",
    params: Params::Fixed(&[Param::new("length", Kind::Int, "How many.")]),
    examples: &[Example {
        mapping: "root.data = bytes(5)",
        cases: &[("{}", r#"{"data":"AAAAAAA="}"#)],
    }],
    purity: Purity::Pure,
    run: RunFn::Prepared(|args, _| {
        let wanted = args.int(0);
        let length = usize::try_from(wanted).ok().filter(|length| *length <= LENGTH_MAX);
        let Some(length) = length else {
            let text = format!("the length must be 0 to {LENGTH_MAX}, got {wanted}");
            return Err(Error::new(text));
        };
        Ok(Box::new(move |_| Ok(Val::bytes(vec![0; length]))))
    }),
    ..Function::BASE
};

/// Bytes that one call may give.
const LENGTH_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use crate::local::Local;
    use crate::mapping::Mapping;

    #[test]
    fn length_is_limited() {
        let parse = |text: &str| Mapping::parse(text, &Local::setup()).map(|_| ());
        assert!(parse("root = bytes(67108864)").is_ok());
        assert!(parse("root = bytes(67108865)").is_err());
        assert!(parse("root = bytes(-1)").is_err());
    }
}
