//! Reading the tests of a file.

use std::sync::Arc;

use plan::{Form, Json};

use crate::cases::{Case, Condition, Content, Input, TARGET};
use crate::catalog::Catalog;
use crate::yaml::{self, Entry, Item, Node};

/// Most tests of a file.
const CASES_MAX: usize = 10_000;

/// Why the tests of a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}{}", place(*line, *column))]
pub struct CaseError {
    /// Line, from 1; 0 when the text has its place already.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong.
    pub text: String,
}

/// Behind the text, because users look for the text first.
fn place(line: u32, column: u32) -> String {
    if line == 0 { String::new() } else { format!(" (line {line}, column {column})") }
}

impl CaseError {
    fn at(node: &Node, text: impl Into<String>) -> Self {
        CaseError { line: node.line, column: node.column, text: text.into() }
    }

    fn within(self, name: &str) -> Self {
        CaseError { text: format!("{name}: {}", self.text), ..self }
    }

    fn field(self, name: &str) -> Self {
        self.within(&format!("field '{name}'"))
    }
}

/// Reads the tests of a file: a list under `tests`. A file without has none.
///
/// # Errors
/// What is wrong with the first one that cannot be read.
pub fn read(catalog: &Catalog, text: &str) -> Result<Vec<Case>, CaseError> {
    let whole = |text: String| CaseError { line: 0, column: 0, text };
    let root = yaml::load(text).map_err(|e| whole(e.to_string()))?;
    let Some(tests) = root.get("tests").filter(|tests| !tests.is_null()) else {
        return Ok(Vec::new());
    };
    let Some(items) = tests.items() else {
        let (line, tag) = (tests.line, tests.tag());
        let text = "cannot unmarshal";
        return Err(whole(format!(
            "yaml: unmarshal errors:\n  line {line}: {text} {tag} into []yaml.Node"
        )));
    };
    if items.len() > CASES_MAX {
        return Err(CaseError::at(tests, format!("a file may have {CASES_MAX} tests at most")));
    }
    let cases = items.iter().enumerate();
    cases
        .map(|(at, item)| case(catalog, &item.node).map_err(|e| e.within(&at.to_string())))
        .collect()
}

fn case(catalog: &Catalog, node: &Node) -> Result<Case, CaseError> {
    let Some(name) = optional(node, "name", text)? else {
        let text = "field 'name' is required and was not present in the config";
        return Err(CaseError::at(node, text));
    };
    let environment = optional(node, "environment", |node| map(node, text))?;
    let mocks = optional(node, "mocks", |node| map(node, |value| Ok(value.clone())))?;
    let mut inputs = optional(node, "input_batches", |node| list(node, |n| list(n, input)))?;
    let single = optional(node, "input_batch", |node| list(node, input))?;
    if let Some(single) = single.filter(|batch| !batch.is_empty()) {
        inputs.get_or_insert_default().push(single);
    }
    let outputs = optional(node, "output_batches", |node| {
        list(node, |batch| list(batch, |message| conditions(catalog, message)))
    })?;
    Ok(Case {
        name,
        line: node.line,
        environment: environment.unwrap_or_default(),
        target: optional(node, "target_processors", text)?.unwrap_or_else(|| TARGET.to_owned()),
        mapping: optional(node, "target_mapping", text)?.unwrap_or_default(),
        mocks: mocks.unwrap_or_default(),
        inputs: inputs.unwrap_or_default(),
        outputs: outputs.unwrap_or_default(),
    })
}

/// The value of a field that may be left out.
fn optional<T>(
    node: &Node,
    name: &str,
    read: impl Fn(&Arc<Node>) -> Result<T, CaseError>,
) -> Result<Option<T>, CaseError> {
    let given = node.get(name).filter(|value| !value.is_null());
    given.map(|value| read(value).map_err(|e| e.field(name))).transpose()
}

fn text(node: &Arc<Node>) -> Result<String, CaseError> {
    match node.scalar() {
        Some(scalar) => Ok(scalar.text.clone()),
        None => Err(mismatch(node, "string")),
    }
}

fn mismatch(node: &Node, wanted: &str) -> CaseError {
    let (line, tag) = (node.line, node.tag());
    CaseError::at(node, format!("line {line}: expected {wanted} value, got {tag}"))
}

fn list<T>(
    node: &Arc<Node>,
    read: impl Fn(&Arc<Node>) -> Result<T, CaseError>,
) -> Result<Vec<T>, CaseError> {
    let items: &[Item] = node.items().ok_or_else(|| mismatch(node, "array"))?;
    items.iter().map(|item| read(&item.node)).collect()
}

/// Keys and values in the order of keys; of equal keys the last.
fn map<T>(
    node: &Arc<Node>,
    read: impl Fn(&Arc<Node>) -> Result<T, CaseError>,
) -> Result<Vec<(String, T)>, CaseError> {
    let entries: &[Entry] = node.entries().ok_or_else(|| mismatch(node, "map"))?;
    let mut all = std::collections::BTreeMap::new();
    for entry in entries {
        let value = read(&entry.value.node).map_err(|e| e.field(&entry.key))?;
        all.insert(entry.key.to_string(), value);
    }
    Ok(all.into_iter().collect())
}

fn object(node: &Node) -> Result<(), CaseError> {
    if node.entries().is_some() || node.is_null() { Ok(()) } else { Err(mismatch(node, "object")) }
}

fn json(node: &Arc<Node>) -> Result<Json, CaseError> {
    Ok(node.to_json())
}

fn input(node: &Arc<Node>) -> Result<Input, CaseError> {
    object(node)?;
    let plain = optional(node, "content", text)?;
    // A null is JSON as well, so it is not the same as nothing here.
    let document = node.get("json_content").map(|value| go_json(&value.to_json()));
    let file = optional(node, "file_content", text)?.filter(|path| !path.is_empty());
    let content = match (file, document.or(plain)) {
        (Some(path), _) => Content::File(path),
        (None, content) => Content::Text(content.unwrap_or_default()),
    };
    let metadata = optional(node, "metadata", |node| map(node, json))?;
    Ok(Input { content, metadata: metadata.unwrap_or_default() })
}

/// A document as Benthos prints it into the content of a message.
fn go_json(json: &Json) -> String {
    let bytes = plan::serde_json::to_vec(json).unwrap_or_default();
    let mut out = Vec::with_capacity(bytes.len());
    let written = formats::json::parse(&bytes)
        .map(|value| formats::json::write_value(&mut out, &value).is_ok());
    let printed = if written == Ok(true) { out } else { bytes };
    let text = String::from_utf8_lossy(&printed).into_owned();
    // These stand only within texts, and there they are written by their numbers.
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// A field and what its text is a condition of.
type Of = (&'static str, fn(String) -> Condition);

/// The conditions for a message, in the order of their names.
fn conditions(catalog: &Catalog, node: &Arc<Node>) -> Result<Vec<Condition>, CaseError> {
    object(node)?;
    let mut all = Vec::new();
    if let Some(query) = optional(node, "bloblang", text)? {
        if let Some(found) = catalog.checker().check(&query, Form::Query) {
            return Err(CaseError::at(node, found.message).within("bloblang"));
        }
        all.push(Condition::Bloblang(query));
    }
    let texts: [Of; 5] = [
        ("content_equals", Condition::ContentEquals),
        ("content_matches", Condition::ContentMatches),
        ("file_equals", Condition::FileEquals),
        ("file_json_contains", Condition::FileJsonContains),
        ("file_json_equals", Condition::FileJsonEquals),
    ];
    for (name, condition) in texts {
        all.extend(optional(node, name, text)?.map(condition));
    }
    let documents: [Of; 2] =
        [("json_contains", Condition::JsonContains), ("json_equals", Condition::JsonEquals)];
    for (name, condition) in documents {
        // A text is taken for the text of a document.
        let document = node.get(name).map(|value| match value.to_json() {
            Json::String(text) => text,
            other => other.to_string(),
        });
        all.extend(document.map(condition));
    }
    let metadata = optional(node, "metadata_equals", |node| map(node, json))?;
    all.extend(metadata.map(Condition::MetadataEquals));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::catalog;

    fn one(text: &str) -> Result<Case, String> {
        let all = read(&catalog(), text).map_err(|e| e.to_string())?;
        Ok(all.into_iter().next().expect("a test"))
    }

    #[test]
    fn a_test_is_read_with_its_defaults() {
        let case = one("a: b\ntests:\n  - name: x\n").unwrap();
        assert_eq!((case.line, case.target.as_str()), (3, TARGET));
        assert!(case.inputs.is_empty() && case.outputs.is_empty() && case.mapping.is_empty());
        assert_eq!(read(&catalog(), "tests: []").unwrap().len(), 0);
        assert_eq!(read(&catalog(), "").unwrap().len(), 0);
    }

    #[test]
    fn contents_come_from_texts_documents_and_files() {
        let case = one("tests: [{name: x, input_batches: [[{content: a}]], input_batch: \
                        [{json_content: {b: '<&>', a: 1.0}, metadata: {k: 1}}, \
                        {file_content: f.txt, content: no}, {json_content: null}, {}]}]")
        .unwrap();
        let contents: Vec<_> = case.inputs.concat().into_iter().map(|i| i.content).collect();
        assert_eq!(
            contents,
            [
                Content::Text("a".into()),
                Content::Text("{\"a\":1,\"b\":\"\\u003c\\u0026\\u003e\"}".into()),
                Content::File("f.txt".into()),
                Content::Text("null".into()),
                Content::Text(String::new()),
            ]
        );
        assert_eq!(case.inputs[1][0].metadata, [("k".to_owned(), Json::from(1))]);
    }

    #[test]
    fn conditions_stand_in_the_order_of_their_names() {
        let case =
            one("tests: [{name: x, output_batches: [[{metadata_equals: {a: b}, json_equals: \
                        '{}', json_contains: {a: 1}, file_json_equals: a, file_json_contains: b, \
                        file_equals: c, content_matches: d, content_equals: e, bloblang: f}]]}]")
            .unwrap();
        let names: Vec<&str> = case.outputs[0][0].iter().map(Condition::name).collect();
        assert_eq!(names.len(), 9);
        assert!(names.is_sorted(), "{names:?}");
        assert!(case.outputs[0][0].contains(&Condition::JsonEquals("{}".into())));
        assert!(case.outputs[0][0].contains(&Condition::JsonContains("{\"a\":1}".into())));
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_place() {
        for (text, want) in [
            (
                "tests:\n  - a: b\n",
                "0: field 'name' is required and was not present in the config (line 2, column 5)",
            ),
            (
                "tests:\n  - {name: x}\n  - foo\n",
                "1: field 'name' is required and was not present in the config (line 3, column 5)",
            ),
            (
                "tests: {a: b}",
                "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into []yaml.Node",
            ),
            (
                "tests: [{name: x, environment: 5}]",
                "0: field 'environment': line 1: expected map value, got !!int \
                 (line 1, column 32)",
            ),
            (
                "tests: [{name: x, output_batches: [{}]}]",
                "0: field 'output_batches': line 1: expected array value, got !!map \
                 (line 1, column 36)",
            ),
            (
                "tests: [{name: x, input_batch: [foo]}]",
                "0: field 'input_batch': line 1: expected object value, got !!str \
                 (line 1, column 33)",
            ),
            (
                "tests: [{name: x, output_batches: [[{bloblang: '@@1:3:bad'}]]}]",
                "0: field 'output_batches': bloblang: bad (line 1, column 37)",
            ),
        ] {
            assert_eq!(one(text).unwrap_err(), want, "{text}");
        }
        let many = format!("tests: [{}]", "{name: x},".repeat(CASES_MAX + 1));
        let error = read(&catalog(), &many).unwrap_err().to_string();
        assert!(error.starts_with("a file may have 10000 tests at most"), "{error}");
    }

    #[test]
    fn tests_are_linted_with_their_config() {
        let text = "tests:\n  - name: x\n    bogus: y\n    input_batch: [{zz: 4}]\n    \
                    output_batches: [[{content_equalz: 3, metadata_equals: 5, bloblang: \
                    '@@1:1:bad'}]]\n  - environment: {A: 4}\nparallel: false\n";
        let root = yaml::load(text).unwrap();
        let lints = crate::lint(&catalog(), crate::Root::Config, &root, false);
        let lints: Vec<String> = lints.iter().map(ToString::to_string).collect();
        assert_eq!(
            lints,
            [
                "(3,1) field bogus not recognised",
                "(4,1) field zz not recognised",
                "(5,1) field content_equalz not recognised",
                "(5,1) expected object value, got !!int",
                "(5,74) bad",
                "(6,1) field name is required",
            ]
        );
    }

    const FRAGMENTS: [&str; 12] = [
        "tests:\n",
        "  - name: x\n",
        "    environment: {A: [1]}\n",
        "    environment: {A: 1}\n",
        "    mocks: {/a: 5, b: {noop: {}}}\n",
        "    input_batch: [{json_content: {a: .inf}}, {metadata: {k: &a [1]}}]\n",
        "    input_batches: [[{content: x}], []]\n",
        "    output_batches: [[{json_equals: '['}], {}]\n",
        "    output_batches: [[{metadata_equals: {k: null}, bloblang: '@@1:1:x'}]]\n",
        "    target_processors: [/a]\n",
        "  - ",
        "*a\n",
    ];

    proptest! {
        #[test]
        fn no_file_panics(at in prop::collection::vec(0..FRAGMENTS.len(), 0..12)) {
            let text: String = at.into_iter().map(|at| FRAGMENTS[at]).collect();
            let _ = read(&catalog(), &text);
        }
    }
}
