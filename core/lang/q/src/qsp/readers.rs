//! `.qsp.read`: where data comes from.

use super::build::{Def, Kind, maker};
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

/// Options that a reader or writer takes besides its arguments.
pub(super) struct Takes {
    pub(super) def: &'static Def,
    pub(super) options: &'static [&'static str],
}

/// Options that all operators take.
const COMMON: [&str; 3] = ["name", "params", "state"];

/// A reader or writer as a value; what it does not know is refused.
pub(super) fn made(cx: &mut Session, takes: &Takes, args: Vec<K>) -> Result {
    let made = cx.operator(takes.def, args)?;
    let Some(node) = cx.qsp.nodes.last() else { return Ok(made) };
    let known = |name: &str| {
        let all = COMMON.iter().chain(takes.def.params).chain(takes.options);
        all.copied().any(|n| n == name)
    };
    match node.options.iter().find(|(name, _)| !known(name)) {
        None => Ok(made),
        Some((name, _)) => {
            let mut known: Vec<&str> = takes.def.params.to_vec();
            known.extend(takes.options);
            known.push("name");
            let known = known.join(", ");
            Err(QError::new(format!(".qsp.{} has no option {name}, only {known}", takes.def.name)))
        }
    }
}

/// An option that may only be as it is by default.
pub(super) fn only(cx: &Session, name: &str, is_default: impl Fn(&K) -> bool) -> Result<()> {
    let node = cx.qsp.nodes.last();
    match node.and_then(|node| Some((node.op, node.option(name)?))) {
        Some((op, value)) if !is_default(value) => Err(QError::nyi(&format!(".qsp.{op} {name}"))),
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
    Def { name: "read.fromStream", kind: Kind::Reader, params: &["table", "stream"], required: 1 };

fn http(cx: &mut Session, args: Vec<K>) -> Result {
    let options = &[
        "body",
        "header",
        "followRedirects",
        "maxRetryAttempts",
        "tenacity",
        "timeout",
        "insecure",
        "binary",
        "sync",
        "onResponse",
        "rejectErrors",
        "maxRedirects",
        "tenant",
    ];
    let made = made(cx, &Takes { def: &HTTP, options }, args)?;
    only(cx, "rejectErrors", set)?;
    for absent in ["onResponse", "maxRedirects", "tenant"] {
        only(cx, absent, |_| false)?;
    }
    Ok(made)
}

fn mqtt(cx: &mut Session, args: Vec<K>) -> Result {
    let options = &["host", "clientName", "username", "password", "qos"];
    made(cx, &Takes { def: &MQTT, options }, args)
}

fn stream(cx: &mut Session, args: Vec<K>) -> Result {
    made(cx, &Takes { def: &STREAM, options: &["prefix"] }, args)
}

fn callback(cx: &mut Session, args: Vec<K>) -> Result {
    if args.first().is_some_and(|a| a.as_sym().is_none()) {
        return Err(QError::new("type: callback"));
    }
    let takes = Takes { def: &CALLBACK, options: &["partitions", "key", "replay"] };
    let made = made(cx, &takes, args)?;
    only(cx, "replay", unset)?;
    Ok(made)
}

fn expr(cx: &mut Session, args: Vec<K>) -> Result {
    let made = made(cx, &Takes { def: &EXPR, options: &["trigger"] }, args)?;
    only(cx, "trigger", |value| value.as_sym().is_some_and(|s| s.as_str() == "once"))?;
    Ok(made)
}

fn file(cx: &mut Session, args: Vec<K>) -> Result {
    let options = &["mode", "offset", "chunking", "chunkSize", "watch"];
    let made = made(cx, &Takes { def: &FILE, options }, args)?;
    if let Some(node) = cx.qsp.nodes.last() {
        super::files::Reading::of(node)?;
    }
    Ok(made)
}

macro_rules! absent {
    ($($name:ident $text:literal),*) => {$(
        fn $name(_: &mut Session, _: Vec<K>) -> Result {
            Err(QError::nyi($text))
        }
    )*};
}
absent!(
    amazon ".qsp.read.fromAmazonS3", azure ".qsp.read.fromAzureStorage",
    database ".qsp.read.fromDatabase", google ".qsp.read.fromGoogleStorage",
    kafka ".qsp.read.fromKafka",
    parquet ".qsp.read.fromParquet", postgres ".qsp.read.fromPostgres",
    sqlserver ".qsp.read.fromSQLServer",
    upload ".qsp.read.fromUpload"
);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.read.fromCallback", 2, callback),
    maker(".qsp.read.fromExpr", 2, expr),
    maker(".qsp.read.fromFile", 2, file),
    maker(".qsp.read.fromAmazonS3", 8, amazon),
    maker(".qsp.v2.read.fromAmazonS3", 8, amazon),
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
    maker(".qsp.read.fromUpload", 8, upload),
];
