//! `nanoid`

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::spec::{Example, Function, Kind, Param, Params, PreparedFn, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "nanoid",
    category: "general",
    summary: "A new random identifier, of 21 characters unless a length is given. An alphabet can \
              be given after the length.",
    params: Params::Fixed(&[
        Param::new("length", Kind::Int, "Number of characters.").optional(),
        Param::new("alphabet", Kind::String, "The characters to draw from; needs a length.")
            .optional(),
    ]),
    examples: &[Example {
        mapping: "root.usual = nanoid().length()\nroot.long = nanoid(54, \"abcde\").length()",
        cases: &[("{}", r#"{"long":54,"usual":21}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Prepared(|args, _| prepare(args)),
    ..Function::BASE
};

/// Characters that one identifier may have.
const LENGTH_MAX: usize = 1 << 20;
/// Bytes of an alphabet.
const ALPHABET_MAX: usize = 255;
const LENGTH: i64 = 21;
const ALPHABET: &str = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn prepare(args: &Args) -> Result<PreparedFn, Error> {
    let length = args.opt_int(0);
    if length.is_none() && args.given(1) {
        let text = "field length must be specified when an alphabet is specified";
        return Err(Error::new(text));
    }
    let own = args.given(1).then(|| args.str(1).into_owned());
    let letters: Vec<char> = own.as_deref().unwrap_or(ALPHABET).chars().collect();
    Ok(Box::new(move |cx| {
        let length = length.unwrap_or(LENGTH);
        match &own {
            Some(own) if own.is_empty() || own.len() > ALPHABET_MAX => {
                let text = "alphabet must not be empty and contain no more than 255 chars";
                return Err(Error::new(text));
            }
            Some(_) if length <= 0 => return Err(Error::new("size must be positive integer")),
            _ => {}
        }
        let length = usize::try_from(length).map_err(|_| Error::new("negative id length"))?;
        if length > LENGTH_MAX {
            return Err(Error::new(format!("an id has at most {LENGTH_MAX} characters")));
        }
        Ok(Val::text(draw(&letters, length, cx)))
    }))
}

fn draw(letters: &[char], length: usize, cx: &mut Ctx<'_, '_>) -> String {
    let services = cx.ex.services();
    let pick = || {
        // The high half of a product is as even as the number itself.
        let at = (u128::from(services.random()) * letters.len() as u128) >> 64;
        letters.get(at as usize).copied().unwrap_or('_')
    };
    (0..length).map(|_| pick()).collect()
}

#[cfg(test)]
mod tests {
    use plan::Records;

    use crate::local::Local;
    use crate::mapping::Mapping;

    #[test]
    fn length_is_limited() {
        let error = |text: &str| {
            let mapping = Mapping::parse(text, &Local::setup()).unwrap();
            mapping.map(&Records::from_bodies([b"{}".to_vec()]), 0).error.map(|e| e.to_string())
        };
        assert_eq!(error("root = nanoid(1048576)"), None);
        let why = error("root = nanoid(1048577)").unwrap();
        assert!(why.ends_with("an id has at most 1048576 characters"), "{why}");
    }
}
