//! Light mappings allocate for a batch, never for a message.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

use bloblang::LANGUAGE;
use bloblang::local::Local;
use formats::testing::{Counting, calls_of};
use plan::{Batch, Body, Code, Expr, Form, Language, Record, Records};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator that a batch may take, however many messages it has.
const CALLS_OF_A_BATCH_MAX: u64 = 8;

/// Mappings of the forms that pipelines have most.
const LIGHT: &[&str] = &[
    "root = this",
    "root = this\nroot.name = this.name.uppercase()",
    "root = if this.level == \"debug\" || !this.ok { deleted() }",
    "root = content().uppercase()",
    "root = this.without(\"ok\")\nroot.level = this.level.lowercase()",
    "root = this\nroot.total = this.score * this.id + 1.5\nroot.debug = deleted()",
    "root.id = this.id\nroot.user.name = this.name | \"unknown\"\nroot.user.late = this.score > 50",
    "let level = this.level\nroot = this\nroot.tag = \"level/\" + $level + \"/\" + this.name",
    "root = this\nroot.class = match this.level { \"info\" => 1, \"warn\" => 2, _ => 3 }",
    "root = this\nroot.first = this.name.split(\" \").index(0).trim_prefix(\"u\").slice(1)",
    "root = this\nroot.score = this.score.round()\nroot.length = this.name.length()",
    "root = this.name",
    "root.l = [this.id, this.score].map_each(i -> i + 1)",
    "root.user = {\"name\": this.name, \"levels\": [this.level]}",
    "let name = this.name\nif this.ok { root.name = $name.capitalize() }\nroot.id = this.id",
    "map m { root.n = this.name }\nroot = this.apply(\"m\")\nroot.ok = this.name.re_match(\"^u\")",
];

/// Records of one shape, as a source reads them: lines of one block.
fn records(count: usize) -> Records {
    let mut block = Vec::new();
    let mut recs = Vec::new();
    for i in 0..count {
        let start = block.len();
        let (level, ok) = (["info", "warn", "debug"][i % 3], i % 4 > 0);
        let text = format!(
            "{{\"id\": {i}, \"name\": \"umber fjord {i}\", \"level\": \"{level}\", \"ok\": {ok}, \
             \"score\": {}.726}}\n",
            i % 100
        );
        block.extend_from_slice(text.as_bytes());
        let (start, len) = (start as u32, text.len() as u32 - 1);
        recs.push(Record { body: Body::Range { start, len }, ..Record::own(Vec::new()) });
    }
    Records { block: block.into(), recs, loose: true }
}

fn compiled(mapping: &str) -> Box<dyn Expr> {
    let session = LANGUAGE.open(None, Local::setup().services).unwrap();
    let code = Code { lang: bloblang::NAME.into(), text: mapping.into(), slot: None };
    session.compile(&code, Form::Mapping).unwrap()
}

/// Calls of the allocator while a warm mapping runs over a batch.
fn calls(expr: &mut dyn Expr, count: usize) -> u64 {
    let mut out = Vec::with_capacity(1);
    for _ in 0..2 {
        expr.map(Batch::records(records(count)), &mut out).unwrap();
        out.drain(..).for_each(Batch::ok);
    }
    let batch = Batch::records(records(count));
    let calls = calls_of(|| expr.map(batch, &mut out).unwrap());
    for batch in out {
        let records = batch.as_records().unwrap();
        assert!(records.recs.iter().all(|record| record.fault.is_none()));
        batch.ok();
    }
    calls
}

#[test]
fn light_mappings_allocate_nothing_for_a_message() {
    for mapping in LIGHT {
        let mut expr = compiled(mapping);
        let (few, many) = (calls(&mut *expr, 100), calls(&mut *expr, 4_000));
        assert_eq!(few, many, "{mapping}");
        assert!(many <= CALLS_OF_A_BATCH_MAX, "{many} calls: {mapping}");
    }
}

#[test]
fn the_allocator_counts() {
    // What is evaluated in general builds a value for each message.
    let mut expr = compiled("root.l = [batch_index()].map_each(i -> i + 1)");
    assert!(calls(&mut *expr, 100) >= 100);
}
