use plan::secret::SCRUBBED;
use plan::serde_json::json;

use super::*;
use crate::Resources;
use crate::fixture::catalog;
use crate::stream::StreamDoc;

fn vault(key: &str, more: &Json) -> Json {
    let mut config = json!({"key": key, "keys": {"a": key}, "url": "plain"});
    if let (Some(into), Some(from)) = (config.as_object_mut(), more.as_object()) {
        into.extend(from.clone());
    }
    json!({"vault": config})
}

fn document(first: &str, second: &str) -> Json {
    json!({
        "input": {"stdin": {}, "processors": [vault(first, &json!({})), {"noop": {}}]},
        "pipeline": {"processors": [{"try": [vault(second, &json!({}))]}]},
        "http": {"basic_auth": {"password_hash": first, "salt": "", "username": "u"}},
        "processor_resources": [{"label": "x", "vault": {"key": second}}],
    })
}

#[test]
fn secrets_are_hidden_wherever_they_stand() {
    let catalog = catalog();
    let shown = hidden(&catalog, &document("hush", "${VARIABLE}"));
    assert_eq!(shown, document(SCRUBBED, "${VARIABLE}"));
    let shown = hidden(&catalog, &document("${A:hush}", "hush"));
    assert_eq!(shown, document(SCRUBBED, SCRUBBED));
    let odd = json!({"pipeline": {"processors": [{"vault": {"key": ["hush"], "keys": 5}}]}});
    assert!(!hidden(&catalog, &odd).to_string().contains("hush"));
    assert_eq!(hidden(&catalog, &Json::Null), Json::Null);
}

#[test]
fn what_comes_back_keeps_its_secrets() {
    let catalog = catalog();
    let older = document("one", "two");
    let back = |mut newer: Json| kept(&catalog, &mut newer, Some(&older)).map(|_| newer);
    assert_eq!(back(hidden(&catalog, &older)), Ok(older.clone()));
    assert_eq!(back(document("new", SCRUBBED)), Ok(document("new", "two")));
    // A list knows its items by what they look like, by their labels, or by their places.
    let list = |items: &[Json]| json!({"pipeline": {"processors": items}});
    let (one, two) = (vault("one", &json!({"url": "1"})), vault("two", &json!({"url": "2"})));
    let older = list(&[one.clone(), two.clone(), json!({"label": "l", "vault": {"key": "three"}})]);
    let shown = hidden(&catalog, &older)["pipeline"]["processors"].as_array().cloned();
    let shown = shown.unwrap_or_default();
    let back = |items: &[Json]| {
        let mut newer = list(items);
        kept(&catalog, &mut newer, Some(&older)).map(|_| newer)
    };
    let [first, second, third] = &shown[..] else { panic!("three items") };
    assert_eq!(back(&[second.clone(), first.clone()]), Ok(list(&[two.clone(), one.clone()])));
    let labelled = |url: &str, key: &str| json!({"label": "l", "vault": {"key": key, "url": url}});
    let got = back(&[labelled("new", SCRUBBED), json!({"noop": {}})]);
    assert_eq!(got, Ok(list(&[labelled("new", "three"), json!({"noop": {}})])));
    let changed = vault(SCRUBBED, &json!({"url": "new"}));
    let got = back(&[changed.clone(), second.clone(), third.clone()]);
    assert_eq!(got.unwrap()["pipeline"]["processors"][0], vault("one", &json!({"url": "new"})));
    // What cannot be told is refused, never guessed.
    for items in [vec![changed.clone()], vec![json!({"noop": {}}), changed, second.clone()]] {
        let text = back(&items[..items.len().min(2)]).unwrap_err();
        assert!(text.contains(".vault.key: there is no secret that"), "{text}");
    }
    assert!(kept(&catalog, &mut hidden(&catalog, &older), None).is_err());
}

#[test]
fn plans_and_texts_do_not_show_secrets() {
    let catalog = catalog();
    let doc = json!({"pipeline": {"processors": [vault("hush", &json!({}))]}});
    let stream = StreamDoc::from_config(&catalog, &doc).unwrap();
    let plan = stream.lower(&catalog, &Resources::new()).unwrap();
    assert!(plan.to_string().contains(SCRUBBED) && !plan.to_string().contains("hush"), "{plan}");
    let text = "a: 1\nvault:\n  key: |\n    hush\n    hush\n  url: open\nb: {key: 'hush', z: [}\n";
    let shown = masked(&catalog, text);
    assert!(!shown.contains("hush") && shown.contains("  url: open\nb: {key"), "{shown}");
    assert_eq!(shown.lines().count(), text.lines().count());
    assert_eq!(masked(&catalog, "a: 1\n"), "a: 1\n");
}
