//! Messages there and back, and what is wrong.

use super::{FORMAT_MAX, MESSAGES_MAX};
use crate::qsp::load;
use crate::qsp::testing::Line;
use formats::k::{K, Sym, Type};
use proptest::prelude::*;

const FORMAT: &str = "syntax=\\\"proto3\\\"; message Person { int64 id=1; string name=2; \
    repeated double marks=3; Kind kind=4; optional int32 age=5; Person boss=6; \
    map<string,uint32> counts=7; bytes raw=8; enum Kind { NONE=0; SOME=1; } } \
    message Tick { int64 id=1; double px=2; string sym=3; }";

/// An operator with a message and the definition.
fn operator(op: &str, message: &str, more: &str) -> String {
    format!(
        ".qsp.{op}.protobuf[.qsp.use (!) . flip ((`message;`{message});(`format;\"{FORMAT}\"){more})]"
    )
}

fn both(message: &str) -> Line {
    let (encode, decode) = (operator("encode", message, ""), operator("decode", message, ""));
    Line::new(&format!("{encode} {decode}"))
}

#[test]
fn rows_become_messages_and_rows_again() {
    let mut line = both("Tick");
    let table = "([]id:1 0N 3;px:1.5 2 0;sym:(\"ab\";\"\";\"long\"))";
    let got = line.give(table);
    assert_eq!(got, ["+`id`px`sym!(1 0 3;1.5 2 0;(\"ab\";\"\";\"long\"))"], "a null is not set");
    assert_eq!(line.give("([]sym:`a`b)"), ["+`id`px`sym!(0 0;0 0f;(,\"a\";,\"b\"))"]);
    assert_eq!(line.give("(1 2;3 4f;(\"u\";\"vv\"))"), ["+`id`px`sym!(1 2;3 4f;(,\"u\";\"vv\"))"]);
    assert!(line.fails("([]id:1 2;other:3 4)"));
    assert!(line.fails("([]id:`a`b)"));
    assert!(line.fails("1"));
}

#[test]
fn messages_of_a_batch_and_bytes_of_a_definition_have_a_limit() {
    let mut line = Line::new(&operator("decode", "Tick", ""));
    let messages = |count: usize| K::list(vec![K::vec(Type::Byte, vec![8u8, 1]); count]);
    assert_eq!(line.value(messages(MESSAGES_MAX)).map(|out| out[0].len()), Ok(MESSAGES_MAX));
    let error = line.value(messages(MESSAGES_MAX + 1)).unwrap_err();
    assert_eq!((error.text.as_str(), error.fatal), ("limit", true));

    let loaded = |bytes: usize| {
        let text = "syntax=\\\"proto3\\\"; message M { int64 a=1; }";
        let blanks = bytes - text.replace('\\', "").len();
        let operator = format!(
            ".qsp.decode.protobuf[.qsp.use `message`format!(`M;\"{text}\",{blanks}#\" \")]"
        );
        let spec = format!(".qsp.run .qsp.read.fromCallback[`p] {operator} .qsp.write.toConsole[]");
        load(&spec).map(|pipeline| pipeline.nodes.len()).map_err(|e| (e.text.clone(), e.fatal))
    };
    assert_eq!(loaded(FORMAT_MAX), Ok(3));
    assert_eq!(loaded(FORMAT_MAX + 1), Err(("limit".to_owned(), true)));
}

#[test]
fn fields_of_all_kinds() {
    let mut line = both("Person");
    let person = "`id`name`marks`kind`age`boss`counts`raw!(7;\"Ann\";1 2f;`SOME;30i;\
        `id`name!(8;\"Bo\");(\"x\";\"yy\")!1 2;0x0102)";
    let decoded = line.cx.eval(person, "person").unwrap();
    let out = line.value(decoded).unwrap().remove(0);
    let K::Table(t) = &out else { panic!("{out:?}") };
    let cell = |name: &str| crate::display::text(&t.column(Sym::new(name)).unwrap().at(0));
    let got = ["id", "name", "marks", "kind", "age", "counts", "raw"].map(cell);
    let counts = "(,\"x\";\"yy\")!1 2";
    assert_eq!(got, ["7", "\"Ann\"", "1 2f", "`SOME", "30i", counts, "0x0102"]);
    let K::Dict(boss) = t.column(Sym::new("boss")).unwrap().at(0) else { panic!("no boss") };
    assert_eq!(crate::display::text(&boss.values.at(1)), "\"Bo\"");
    // What is not set is null where the definition has no default.
    let out = line.give("enlist[`id]!enlist 1")[0].clone();
    assert!(out.contains(",0Ni") && out.contains("::"), "{out}");
    assert!(line.fails("`id`kind!(1;`OTHER)"));
    assert!(line.fails("`id`age!(1;3000000000)"));
}

#[test]
fn columns_and_payloads_can_be_said() {
    let decode = operator("decode", "Tick", ";(`asList;1b)");
    let encode = operator("encode", "Tick", ";(`payloadType;`table)");
    let mut line = Line::new(&format!("{encode} {decode}"));
    assert_eq!(line.give("([]id:1 2;px:3 4f;sym:`a`b)"), ["(1 2;3 4f;(,\"a\";,\"b\"))"]);
    assert!(line.fails("(1 2;3 4f;`a`b)"));
    assert_eq!(
        Line::new(&operator("decode", "Tick", "")).give("()"),
        ["+`id`px`sym!(`long$();`float$();())"]
    );
    assert!(Line::new(&operator("decode", "Tick", "")).fails("0xffff"));
    assert!(Line::new(&operator("encode", "Tick", ";(`payloadType;`x)")).fails("([]id:1 2)"));
}

#[test]
fn what_is_wrong_with_a_definition_is_said_when_the_spec_is_loaded() {
    let error = |operator: &str| {
        let spec =
            format!(".qsp.run .qsp.read.fromCallback[`p] {operator} .qsp.write.toVariable[`v]");
        load(&spec).unwrap_err().text.clone()
    };
    let text = error(&operator("decode", "None", ""));
    assert_eq!(text, "protobuf: there is no message None");
    assert!(
        error(".qsp.encode.protobuf[`M; .qsp.use ``format!(::;\"message\")]").contains("proto")
    );
    assert_eq!(error(".qsp.decode.protobuf[`M]"), "protobuf: format is missing");
    let file = "nyi: option file of .qsp.decode.protobuf";
    assert_eq!(error(".qsp.decode.protobuf[`M; \"m.proto\"]"), file);
    assert_eq!(error(".qsp.decode.protobuf[.qsp.use `message`file!(`M;\"m.proto\")]"), file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn decoding_undoes_encoding(
        rows in prop::collection::vec((0i64..i64::MAX, -1e9f64..1e9, "[a-zé]{0,5}"), 1..12),
    ) {
        let names = ["id", "px", "sym"].map(Sym::new).to_vec();
        let columns = vec![
            K::longs(rows.iter().map(|r| r.0).collect()),
            K::floats(rows.iter().map(|r| r.1).collect()),
            K::list(rows.iter().map(|r| K::str(&r.2)).collect()),
        ];
        let table = K::table(names, columns).unwrap();
        prop_assert_eq!(both("Tick").value(table.clone()).unwrap(), [table]);
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error_and_nothing_else(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut line = Line::new(&operator("decode", "Person", ""));
        let _ = line.value(K::vec(Type::Byte, bytes));
    }
}
