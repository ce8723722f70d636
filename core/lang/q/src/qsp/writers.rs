//! `.qsp.write`: where data goes.

use super::build::{Def, Kind, absent, maker};
use super::readers::{only, unset};
use crate::error::{Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static CONSOLE: Def =
    Def { name: "write.toConsole", kind: Kind::Writer, params: &["prefix"], required: 0 };
static VARIABLE: Def =
    Def { name: "write.toVariable", kind: Kind::Writer, params: &["variable"], required: 1 };

fn console(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&CONSOLE, args)?;
    if let Some(node) = cx.qsp.nodes.last() {
        super::console::Look::of(node)?;
    }
    Ok(made)
}

/// The name as the documents misspell it.
fn consle(cx: &mut Session, args: Vec<K>) -> Result {
    cx.warn(".qsp.write.toConsle is taken for .qsp.write.toConsole");
    console(cx, args)
}

fn variable(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&VARIABLE, args)?;
    let node = cx.qsp.nodes.last().ok_or_else(type_error)?;
    super::variable::name(node)?;
    super::variable::mode(node)?;
    Ok(made)
}

static STREAM: Def =
    Def { name: "write.toStream", kind: Kind::Writer, params: &["table", "stream"], required: 0 };
static PROCESS: Def =
    Def { name: "write.toProcess", kind: Kind::Writer, params: &["handle"], required: 1 };
static DATABASE: Def = Def {
    name: "write.toDatabase",
    kind: Kind::Writer,
    params: &["table", "database"],
    required: 2,
};

fn stream(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&STREAM, args)?;
    only(cx, "deduplicate", unset)?;
    Ok(made)
}

fn process(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&PROCESS, args)?;
    let node = cx.qsp.nodes.last().ok_or_else(type_error)?;
    super::process::Calling::of(node)?;
    Ok(made)
}

fn database(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&DATABASE, args)?;
    only(cx, "overwrite", unset)?;
    Ok(made)
}

absent!(
    amazon ".qsp.write.toAmazonS3", kafka ".qsp.write.toKafka", kdb ".qsp.write.toKDB",
    subscriber ".qsp.write.toSubscriber"
);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.write.toConsole", 2, console),
    maker(".qsp.write.toConsle", 2, consle),
    maker(".qsp.write.toVariable", 2, variable),
    maker(".qsp.write.toAmazonS3", 8, amazon),
    maker(".qsp.write.toDatabase", 3, database),
    maker(".qsp.v2.write.toDatabase", 3, database),
    maker(".qsp.write.toKafka", 8, kafka),
    maker(".qsp.write.toKDB", 8, kdb),
    maker(".qsp.write.toProcess", 3, process),
    maker(".qsp.write.toStream", 3, stream),
    maker(".qsp.write.toSubscriber", 8, subscriber),
];
