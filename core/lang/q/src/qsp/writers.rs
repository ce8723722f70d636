//! `.qsp.write`: where data goes.

use super::build::{Def, Kind, maker};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static CONSOLE: Def =
    Def { name: "write.toConsole", kind: Kind::Writer, params: &["prefix"], required: 0 };
static VARIABLE: Def =
    Def { name: "write.toVariable", kind: Kind::Writer, params: &["variable"], required: 1 };

fn console(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&CONSOLE, args)
}

/// The name as the documents misspell it.
fn consle(cx: &mut Session, args: Vec<K>) -> Result {
    cx.warn(".qsp.write.toConsle is taken for .qsp.write.toConsole");
    cx.operator(&CONSOLE, args)
}

fn variable(cx: &mut Session, args: Vec<K>) -> Result {
    if args.first().is_some_and(|a| a.as_sym().is_none()) {
        return Err(type_error());
    }
    cx.operator(&VARIABLE, args)
}

macro_rules! absent {
    ($($name:ident $text:literal),*) => {$(
        fn $name(_: &mut Session, _: Vec<K>) -> Result {
            Err(QError::nyi($text))
        }
    )*};
}
absent!(
    amazon ".qsp.write.toAmazonS3", database ".qsp.write.toDatabase", kafka ".qsp.write.toKafka",
    kdb ".qsp.write.toKDB", process ".qsp.write.toProcess", stream ".qsp.write.toStream",
    subscriber ".qsp.write.toSubscriber"
);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.write.toConsole", 2, console),
    maker(".qsp.write.toConsle", 2, consle),
    maker(".qsp.write.toVariable", 2, variable),
    maker(".qsp.write.toAmazonS3", 8, amazon),
    maker(".qsp.write.toDatabase", 8, database),
    maker(".qsp.v2.write.toDatabase", 8, database),
    maker(".qsp.write.toKafka", 8, kafka),
    maker(".qsp.write.toKDB", 8, kdb),
    maker(".qsp.write.toProcess", 8, process),
    maker(".qsp.write.toStream", 8, stream),
    maker(".qsp.write.toSubscriber", 8, subscriber),
];
