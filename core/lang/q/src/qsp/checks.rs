//! What is wrong with the values of arguments and options, said when the spec is loaded. What
//! depends on the data is said when data comes.

use super::build::Node;
use super::{transform, window};
use crate::error::{QError, Result};
use formats::k::{K, Type, Vector};

/// What the function of an operator may ask for.
const PARAMS: &[&str] = &["operator", "metadata", "data"];
/// What that of a merge may.
const MERGE_PARAMS: &[&str] = &["operator", "metadata", "left", "right", "data"];

/// Looks at the options of an operator.
///
/// # Errors
/// The operator, the option, and what it may be.
pub(super) fn check(node: &Node) -> Result<()> {
    #[cfg(test)]
    let read = super::build::READ.with_borrow(Clone::clone);
    let checked = options(node);
    // Who only looks whether an option is right does nothing with it.
    #[cfg(test)]
    super::build::READ.with_borrow_mut(|all| *all = read);
    checked.map_err(|error| QError::new(format!(".qsp.{}: {}", node.op, error.text)))
}

fn options(node: &Node) -> Result<()> {
    match node.op {
        "accumulate" | "reduce" => {
            function(node, "fn")?;
            function(node, "output")
        }
        "apply" => {
            function(node, "fn")?;
            function(node, "onFinish")?;
            params(node, PARAMS)
        }
        "decode.csv" | "encode.csv" => choice(node, "header", &["first", "always", "none"]),
        "filter" | "map" => {
            function(node, "fn")?;
            params(node, PARAMS)
        }
        "merge" => {
            function(node, "fn")?;
            params(node, MERGE_PARAMS)?;
            choice(node, "trigger", &["both", "immediate", "left", "right"])?;
            choice(node, "flush", &["both", "immediate", "left", "right", "none"])
        }
        "parallel" => {
            function(node, "merge")?;
            params(node, PARAMS)
        }
        "rolling" => {
            positive(node, "n")?;
            function(node, "fn")
        }
        op if op.starts_with("transform.") => transform::check(node),
        op if op.starts_with("window.") => {
            positive(node, "countTrigger")?;
            window::check(node)
        }
        _ => Ok(()),
    }
}

/// An option that is a whole number above 0.
pub(super) fn positive(node: &Node, name: &str) -> Result<()> {
    match node.option(name).map(K::as_long) {
        None => Ok(()),
        Some(number) if number.is_some_and(|n| n > 0) => Ok(()),
        _ => Err(QError::new(format!("{name} must be a whole number above 0"))),
    }
}

/// An option that is a symbol out of some.
pub(super) fn choice(node: &Node, name: &str, of: &[&str]) -> Result<()> {
    let Some(given) = node.option(name) else { return Ok(()) };
    match given.as_sym() {
        Some(given) if of.contains(&given.as_str()) => Ok(()),
        _ => Err(QError::new(format!("{name} must be one of {}", of.join(", ")))),
    }
}

/// An option that can be applied. A number would be a handle that is written to.
pub(super) fn function(node: &Node, name: &str) -> Result<()> {
    match node.option(name) {
        Some(K::Atom(ty, _)) if *ty != Type::Symbol => {}
        Some(K::Vec(Vector { ty: Type::Char, .. })) => {}
        _ => return Ok(()),
    }
    Err(QError::new(format!("{name} must be a function")))
}

/// What the function gets.
pub(super) fn params(node: &Node, known: &[&str]) -> Result<()> {
    let Some(given) = node.option("params") else { return Ok(()) };
    let Ok(names) = transform::names(given) else {
        return Err(QError::new("params must be names"));
    };
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(QError::new(format!("there is no {name} for params"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::load;

    fn spec(operator: &str) -> String {
        format!(
            "q:.qsp.read.fromCallback[`q]\n\
             .qsp.run .qsp.read.fromCallback[`p] .qsp.{operator} .qsp.write.toVariable[`v]"
        )
    }

    const PERIOD: &str = "period must be a length of time or a whole number, above 0";
    const SIZE: &str = "size must be a whole number above 0";
    const HEADER: &str = "header must be one of first, always, none";
    const TIME: &str = "one of timeColumn and timeAssigner must be given";

    /// Operators with a wrong value, and what is said of it.
    const WRONG: &[(&str, &str)] = &[
        ("window.count[0]", SIZE),
        ("window.count[-1]", SIZE),
        ("window.count[2f]", SIZE),
        ("window.count[\"a\"]", SIZE),
        ("window.count[2;0]", "frequency must be a whole number above 0"),
        ("window.tumbling[`a;`t]", PERIOD),
        ("window.tumbling[0;`t]", PERIOD),
        ("window.tumbling[0N;`t]", PERIOD),
        ("window.tumbling[-0D01;`t]", PERIOD),
        ("window.tumbling[10]", TIME),
        ("window.tumbling[10;`t;.qsp.use ``timeAssigner!(::;{x`t})]", TIME),
        ("window.tumbling[10;5]", "timeColumn must be a name or a function"),
        ("window.tumbling[10;.qsp.use ``timeAssigner!(::;`t)]", "timeAssigner must be a function"),
        (
            "window.tumbling[10;`t;.qsp.use ``lateness!(::;-1)]",
            "lateness must be a length of time or a whole number, not below 0",
        ),
        (
            "window.tumbling[10;`t;.qsp.use ``countTrigger!(::;0)]",
            "countTrigger must be a whole number above 0",
        ),
        ("window.tumbling[10;`t;.qsp.use ``sort!``yes]", "type: sort"),
        ("window.sliding[10;5;`t]", "duration must not be below the period"),
        (
            "window.sliding[10;`a;`t]",
            "duration must be a length of time or a whole number, above 0",
        ),
        ("window.timer[0]", PERIOD),
        ("window.timer[-1]", PERIOD),
        (
            "window.timer[10;.qsp.use ``batchSize!(::;0)]",
            "batchSize must be a whole number above 0",
        ),
        ("window.global[5]", "trigger must be a function"),
        ("decode.csv[\"j\";\",\";`sometimes]", HEADER),
        ("decode.csv[\"j\";\",\";1b]", HEADER),
        (
            "merge[q;{x,y};.qsp.use ``trigger!``bogus]",
            "trigger must be one of both, immediate, left, right",
        ),
        (
            "merge[q;{x,y};.qsp.use ``flush!(::;1b)]",
            "flush must be one of both, immediate, left, right, none",
        ),
        ("merge[q;{x,y};.qsp.use ``params!``middle]", "there is no middle for params"),
        ("transform.fill[`a`b!0 1;`sideways]", "mode must be one of static, down, up"),
        ("transform.fill[`a]", "defaults must be a dictionary of columns"),
        ("transform.schema[`zz]", "schema must be a table, or a dictionary of names and types"),
        (
            "transform.schema[([]a:1 2);.qsp.use ``parse!``maybe]",
            "parse must be one of auto, on, off",
        ),
        (
            "transform.schema[([]a:1 2);.qsp.use ``inputType!``x]",
            "inputType must be one of auto, table, arrays",
        ),
        ("transform.renameColumns[`a]", "nameScheme must be a dictionary of names"),
        ("transform.replaceInfinity[5]", "columns must be names"),
        ("transform.replaceNull[5]", "columns must be names or a dictionary of columns"),
        (
            "transform.replaceNull[`a;.qsp.use ``bufferSize!(::;-1)]",
            "bufferSize: from 0 to 67108864",
        ),
        ("transform.timeSplit[5]", "columns must be names"),
        ("rolling[0;{x}]", "n must be a whole number above 0"),
        ("map[5]", "fn must be a function"),
        ("map[\"{x}\"]", "fn must be a function"),
        ("filter[1b]", "fn must be a function"),
        ("apply[5]", "fn must be a function"),
        ("accumulate[5;0]", "fn must be a function"),
        ("accumulate[{z};0;5]", "output must be a function"),
        ("map[{x};.qsp.use ``params!``bogus]", "there is no bogus for params"),
        ("map[{x};.qsp.use ``params!(::;5)]", "params must be names"),
    ];

    #[test]
    fn wrong_values_are_said_when_the_spec_is_loaded() {
        for (operator, text) in WRONG {
            let error = load(&spec(operator)).unwrap_err();
            let op = operator.split('[').next().unwrap();
            assert_eq!(error.text, format!(".qsp.{op}: {text}"), "{operator}");
        }
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        for operator in [
            "window.count[2i;3h]",
            "window.tumbling[0W;{[md;x] x`t}]",
            "window.tumbling[00:01;.qsp.use ``timeAssigner!(::;{x`t})]",
            "window.sliding[10;10;`t;.qsp.use ``countTrigger!(::;0W)]",
            "window.sliding[00:00:01;5;`t]",
            "window.timer[00:00:01]",
            "map[neg]",
            "map[`a`b!1 2]",
            "map[{x};.qsp.use ``params!``metadata]",
            "merge[q;{x,y};.qsp.use ``params!(::;`right`left`operator)]",
            "encode.csv[\",\";`none]",
            "transform.schema[([k:`a`b] v:1 2)]",
            "transform.timeSplit[]",
        ] {
            assert!(load(&spec(operator)).is_ok(), "{operator}");
        }
    }
}
