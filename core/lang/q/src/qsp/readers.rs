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

fn callback(cx: &mut Session, args: Vec<K>) -> Result {
    if args.first().is_some_and(|a| a.as_sym().is_none()) {
        return Err(QError::new("type: callback"));
    }
    cx.operator(&CALLBACK, args)
}

fn expr(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&EXPR, args)
}

fn file(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&FILE, args)
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
    http ".qsp.read.fromHTTP", kafka ".qsp.read.fromKafka", mqtt ".qsp.read.fromMQTT",
    parquet ".qsp.read.fromParquet", postgres ".qsp.read.fromPostgres",
    sqlserver ".qsp.read.fromSQLServer", stream ".qsp.read.fromStream",
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
    maker(".qsp.read.fromHTTP", 8, http),
    maker(".qsp.read.fromKafka", 8, kafka),
    maker(".qsp.read.fromMQTT", 8, mqtt),
    maker(".qsp.read.fromParquet", 8, parquet),
    maker(".qsp.read.fromPostgres", 8, postgres),
    maker(".qsp.read.fromSQLServer", 8, sqlserver),
    maker(".qsp.read.fromStream", 8, stream),
    maker(".qsp.read.fromUpload", 8, upload),
];
