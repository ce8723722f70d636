//! `.qsp.read`: where data comes from.

use super::build::{Def, Kind, absent, maker};
use super::trigger;
use crate::error::{QError, Result};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static CALLBACK: Def =
    Def { name: "read.fromCallback", kind: Kind::Reader, params: &["callback"], required: 1 };
static EXPR: Def =
    Def { name: "read.fromExpr", kind: Kind::Reader, params: &["expr"], required: 1 };
static FILE: Def =
    Def { name: "read.fromFile", kind: Kind::Reader, params: &["path"], required: 1 };

/// An option that may only be as it is by default.
pub(super) fn only(cx: &Session, name: &str, is_default: impl Fn(&K) -> bool) -> Result<()> {
    let node = cx.qsp.nodes.last();
    match node.and_then(|node| Some((node.op, node.option(name)?))) {
        Some((op, value)) if !is_default(value) => {
            Err(QError::nyi(&format!("option {name} of .qsp.{op}")))
        }
        _ => Ok(()),
    }
}

/// Whether a flag is not set.
pub(super) fn unset(value: &K) -> bool {
    value.as_long() == Some(0)
}

/// Whether a flag is set.
fn set(value: &K) -> bool {
    value.as_long() == Some(1)
}

static HTTP: Def =
    Def { name: "read.fromHTTP", kind: Kind::Reader, params: &["url", "method"], required: 1 };
static MQTT: Def =
    Def { name: "read.fromMQTT", kind: Kind::Reader, params: &["topic", "broker"], required: 1 };
static STREAM: Def =
    Def { name: "read.fromStream", kind: Kind::Reader, params: &["table", "stream"], required: 0 };

fn http(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&HTTP, args)?;
    only(cx, "rejectErrors", set)?;
    trigger::check(cx)?;
    Ok(made)
}

fn mqtt(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&MQTT, args)
}

fn stream(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&STREAM, args)
}

fn callback(cx: &mut Session, args: Vec<K>) -> Result {
    if args.first().is_some_and(|a| a.as_sym().is_none()) {
        return Err(QError::new("type: callback"));
    }
    let made = cx.operator(&CALLBACK, args)?;
    let key = cx.qsp.nodes.last().and_then(|node| node.option("key"));
    match key {
        Some(key) if key.as_sym().is_none() => Err(QError::new("type: key")),
        _ => Ok(made),
    }
}

/// The name as it is misspelt in specs.
fn calback(cx: &mut Session, args: Vec<K>) -> Result {
    cx.warn(".qsp.read.fromCalback is taken for .qsp.read.fromCallback");
    callback(cx, args)
}

fn expr(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&EXPR, args)?;
    trigger::check(cx)?;
    Ok(made)
}

fn file(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&FILE, args)?;
    if let Some(node) = cx.qsp.nodes.last() {
        super::files::Reading::of(node)?;
    }
    trigger::check(cx)?;
    Ok(made)
}

absent!(
    amazon ".qsp.read.fromAmazonS3", amazon_v2 ".qsp.v2.read.fromAmazonS3",
    azure ".qsp.read.fromAzureStorage",
    database ".qsp.read.fromDatabase", google ".qsp.read.fromGoogleStorage",
    kafka ".qsp.read.fromKafka",
    parquet ".qsp.read.fromParquet", postgres ".qsp.read.fromPostgres",
    sqlserver ".qsp.read.fromSQLServer",
    upload ".qsp.read.fromUpload"
);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.read.fromCallback", 2, callback),
    maker(".qsp.read.fromCalback", 2, calback),
    maker(".qsp.read.fromExpr", 2, expr),
    maker(".qsp.read.fromFile", 2, file),
    maker(".qsp.read.fromAmazonS3", 8, amazon),
    maker(".qsp.v2.read.fromAmazonS3", 8, amazon_v2),
    maker(".qsp.read.fromAzureStorage", 8, azure),
    maker(".qsp.read.fromDatabase", 8, database),
    maker(".qsp.read.fromGoogleStorage", 8, google),
    maker(".qsp.read.fromHTTP", 3, http),
    maker(".qsp.read.fromKafka", 8, kafka),
    maker(".qsp.read.fromMQTT", 3, mqtt),
    maker(".qsp.read.fromParquet", 8, parquet),
    maker(".qsp.read.fromPostgres", 8, postgres),
    maker(".qsp.read.fromSQLServer", 8, sqlserver),
    maker(".qsp.read.fromStream", 3, stream),
    maker(".qsp.v2.read.fromStream", 3, stream),
    maker(".qsp.read.fromUpload", 8, upload),
];
