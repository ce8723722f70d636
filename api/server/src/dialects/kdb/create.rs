//! The body of `POST /pipeline/create`.

use plan::{Crew, Json};

/// How often a body may be a JSON string that holds JSON; the document's own example does it once.
const NESTED_MAX: usize = 2;
/// Milliseconds between two checkpoints unless the request says otherwise (spec/kdb-rest.md §4).
const CHECKPOINT_MS: u64 = 5000;
/// Longest name of a pipeline in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Create {
    /// Name as given.
    pub(super) name: String,
    /// Text of the spec.
    pub(super) spec: String,
    /// Fewest workers.
    pub(super) min_workers: usize,
    /// Most workers.
    pub(super) max_workers: usize,
    /// Milliseconds between two checkpoints; without one nothing is kept.
    pub(super) checkpoint_ms: Option<u64>,
    /// The whole request, kept for views.
    pub(super) document: Json,
}

impl Create {
    /// How many workers there are where so many may share the readers. Where their state is kept,
    /// there is one: a checkpoint is of one environment.
    pub(super) fn crew(&self, most: usize) -> Option<Crew> {
        let crew = Crew { min: self.min_workers.min(most), max: self.max_workers.min(most) };
        Some(crew).filter(|crew| crew.max > 1 && self.checkpoint_ms.is_none())
    }
}

/// Reads a body whatever its content type: an object, a string that holds an object (what the
/// document's `jq -asR` sends), or an array of one of these.
///
/// # Errors
/// What is wrong, for the caller of the API.
pub(super) fn read(body: &[u8]) -> Result<Create, String> {
    let mut value: Json =
        serde_json::from_slice(body).map_err(|e| format!("the body is not JSON: {e}"))?;
    for _ in 0..=NESTED_MAX {
        value = match value {
            Json::String(text) => serde_json::from_str(&text)
                .map_err(|e| format!("the text in the body is not JSON: {e}"))?,
            Json::Array(mut items) if items.len() == 1 => items.remove(0),
            other => other,
        };
    }
    let Json::Object(object) = &value else {
        return Err("the body must be a JSON object".to_owned());
    };
    let name = match object.get("name") {
        Some(Json::String(name)) if !name.is_empty() && name.len() <= NAME_BYTES_MAX => name,
        Some(Json::String(name)) if !name.is_empty() => {
            return Err(format!("name: at most {NAME_BYTES_MAX} bytes"));
        }
        _ => return Err("name: a non-empty string is required".to_owned()),
    };
    kind(&value)?;
    for name in ["file", "files"] {
        let given = value.pointer(&format!("/config/{name}"));
        if given.is_some_and(|given| !given.is_null()) {
            return Err(format!(
                "config.{name}: specs in files are not supported; send the text as config.content"
            ));
        }
    }
    let spec = match value.pointer("/config/content") {
        Some(Json::String(text)) => text.clone(),
        Some(_) => return Err("config.content: must be a string".to_owned()),
        None => return Err("config.content: the text of the spec is required".to_owned()),
    };
    let min_workers = number(&value, "minWorkers", 1)?;
    let max_workers = number(&value, "maxWorkers", min_workers.max(10))?;
    if min_workers > max_workers {
        return Err(format!(
            "settings.minWorkers: {min_workers} is more than settings.maxWorkers {max_workers}"
        ));
    }
    let checkpoint_ms = checkpoint_ms(&value)?;
    let name = name.clone();
    Ok(Create { name, spec, min_workers, max_workers, checkpoint_ms, document: value })
}

/// What kind of pipeline it is to be, and whether the parts of the request are what they must be.
fn kind(document: &Json) -> Result<(), String> {
    match document.get("type") {
        None | Some(Json::Null) => {}
        Some(Json::String(ty)) if ty == "spec" => {}
        Some(Json::String(ty)) => {
            return Err(format!("type: '{ty}' is not supported, only 'spec'"));
        }
        Some(_) => return Err("type: must be a string".to_owned()),
    }
    for part in ["settings", "persistence", "persistence.controller", "persistence.worker"] {
        match document.pointer(&format!("/{}", part.replace('.', "/"))) {
            None | Some(Json::Null | Json::Object(_)) => {}
            Some(_) => return Err(format!("{part}: must be an object")),
        }
    }
    match document.get("base") {
        None | Some(Json::Null) => {}
        Some(Json::String(base)) if base == "q" => {}
        Some(base) => {
            let base = base.as_str().map_or_else(|| base.to_string(), |text| format!("'{text}'"));
            return Err(format!("base: {base} is not supported, only 'q'"));
        }
    }
    Ok(())
}

/// A numeric setting, which may come as a number or as the text of one.
fn number(document: &Json, name: &str, default: usize) -> Result<usize, String> {
    let wrong = || format!("settings.{name}: must be a whole number of at least 1");
    let found = match document.pointer(&format!("/settings/{name}")) {
        None | Some(Json::Null) => return Ok(default),
        Some(Json::String(text)) => text.trim().parse().map_err(|_| wrong())?,
        Some(Json::Number(n)) => n.as_u64().ok_or_else(wrong)?,
        Some(_) => return Err(wrong()),
    };
    match usize::try_from(found) {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(wrong()),
    }
}

/// How often the state of workers is kept, in milliseconds; `None` when it is not.
fn checkpoint_ms(document: &Json) -> Result<Option<u64>, String> {
    frequency(document, "controller")?;
    let given = frequency(document, "worker")?;
    let worker = document.pointer("/persistence/worker").filter(|worker| worker.is_object());
    let disabled = |part: &Json| part.get("disabled") == Some(&Json::Bool(true));
    match worker.filter(|worker| !disabled(worker)) {
        None => Ok(None),
        Some(_) => Ok(Some(given.unwrap_or(CHECKPOINT_MS)).filter(|ms| *ms > 0)),
    }
}

/// A frequency of checkpoints, as a number or as the text of one.
fn frequency(document: &Json, part: &str) -> Result<Option<u64>, String> {
    let name = format!("persistence.{part}.checkpointFreq");
    let number = match document.pointer(&format!("/{}", name.replace('.', "/"))) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => text.trim().parse::<u64>().ok(),
        Some(Json::Number(n)) => n.as_u64(),
        Some(_) => None,
    };
    match number {
        Some(ms) => Ok(Some(ms)),
        None => Err(format!("{name}: must be a whole number of milliseconds")),
    }
}

/// An id from a name and randomness: the name as Kubernetes would take it, then ten letters or
/// digits.
pub(super) fn id_of(name: &str, mut random: impl FnMut() -> u64) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    id.push('-');
    for _ in 0..10 {
        id.push(char::from(LETTERS[(random() % 36) as usize]));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"name":"file","type":"spec","persistence":{"controller":{},"worker":{}},
        "config":{"content":".qsp.run 1"},"settings":{"minWorkers":"1","maxWorkers":"10"}}"#;

    #[test]
    fn every_wrapping_reads_the_same() {
        let plain = read(SPEC.as_bytes()).unwrap();
        let string = serde_json::to_string(SPEC).unwrap();
        assert_eq!(read(string.as_bytes()).unwrap(), plain);
        assert_eq!(read(format!("[{string}]").as_bytes()).unwrap(), plain);
        assert_eq!((plain.min_workers, plain.max_workers), (1, 10));
        assert_eq!(plain.spec, ".qsp.run 1");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |body: &str| read(body.as_bytes()).unwrap_err();
        assert!(error("{").starts_with("the body is not JSON"));
        assert!(error("5").contains("JSON object"));
        assert!(error("{}").starts_with("name:"));
        assert!(error(r#"{"name":"a"}"#).starts_with("config.content:"));
        let spec = r#"{"name":"a","config":{"content":""},"settings":{"minWorkers":"x"}}"#;
        assert!(error(spec).starts_with("settings.minWorkers:"));
        let spec =
            r#"{"name":"a","config":{"content":""},"settings":{"minWorkers":3,"maxWorkers":2}}"#;
        assert!(error(spec).contains("more than"));
        assert!(error(r#"{"name":"a","type":"graph"}"#).starts_with("type:"));
        assert_eq!(error(r#"{"name":"a","type":["spec"]}"#), "type: must be a string");
    }

    #[test]
    fn parts_that_are_not_given_are_null_and_others_objects() {
        for fine in ["null", "{}"] {
            let fields = [
                format!(r#""type":null,"settings":{fine},"persistence":{fine}"#),
                format!(r#""persistence":{{"controller":{fine},"worker":{fine}}}"#),
            ];
            for fields in fields {
                assert_eq!(error_of(&fields), "", "{fields}");
            }
        }
        for wrong in ["\"x\"", "[]", "5", "true"] {
            for part in ["settings", "persistence"] {
                let told = format!("{part}: must be an object");
                assert_eq!(error_of(&format!(r#""{part}":{wrong}"#)), told);
            }
            for part in ["controller", "worker"] {
                let told = format!("persistence.{part}: must be an object");
                assert_eq!(error_of(&format!(r#""persistence":{{"{part}":{wrong}}}"#)), told);
            }
        }
    }

    /// The error of a request with these fields beside its name and spec, empty when there is none.
    fn error_of(fields: &str) -> String {
        let body = format!(r#"{{"name":"a","config":{{"content":""}},{fields}}}"#);
        read(body.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn only_q_is_a_base() {
        assert_eq!(error_of(r#""base":"q""#), "");
        assert_eq!(error_of(r#""base":null"#), "");
        assert_eq!(error_of(r#""base":"py-ml""#), "base: 'py-ml' is not supported, only 'q'");
        assert_eq!(error_of(r#""base":["q"]"#), r#"base: ["q"] is not supported, only 'q'"#);
    }

    #[test]
    fn frequencies_are_numbers_or_texts_of_numbers() {
        for part in ["controller", "worker"] {
            let error = |f: &str| {
                error_of(&format!(r#""persistence":{{"{part}":{{"checkpointFreq":{f}}}}}"#))
            };
            for fine in ["5000", "0", "\"1000\"", "\" 1000 \"", "null"] {
                assert_eq!(error(fine), "", "{fine}");
            }
            for nonsense in ["-1", "1.5", "\"often\"", "\"\"", "true", "[5]", "{}"] {
                let text = format!("persistence.{part}.checkpointFreq: must be");
                assert!(error(nonsense).starts_with(&text), "{nonsense}: {}", error(nonsense));
            }
        }
    }

    #[test]
    fn state_is_kept_where_workers_are_to_persist_and_not_without() {
        let kept = |fields: &str| {
            let body = format!(r#"{{"name":"a","config":{{"content":""}},{fields}}}"#);
            read(body.as_bytes()).unwrap().checkpoint_ms
        };
        assert_eq!(kept(r#""persistence":{"controller":{},"worker":{}}"#), Some(5000));
        assert_eq!(kept(r#""persistence":{"worker":{"checkpointFreq":"250"}}"#), Some(250));
        assert_eq!(kept(r#""persistence":{"worker":{"checkpointFreq":0}}"#), None);
        assert_eq!(kept(r#""persistence":{"worker":{"disabled":true}}"#), None);
        assert_eq!(kept(r#""persistence":{"controller":{}}"#), None);
        assert_eq!(kept(r#""type":"spec""#), None);
    }

    #[test]
    fn workers_are_those_of_the_settings_that_have_something_to_do() {
        let crew = |fields: &str, most: usize| {
            let body = format!(r#"{{"name":"a","config":{{"content":""}},{fields}}}"#);
            let crew = read(body.as_bytes()).unwrap().crew(most);
            crew.map(|crew| (crew.min, crew.max))
        };
        let settings = r#""settings":{"minWorkers":"2","maxWorkers":4}"#;
        assert_eq!(crew(settings, usize::MAX), Some((2, 4)));
        assert_eq!(crew(settings, 3), Some((2, 3)));
        assert_eq!(crew(settings, 1), None);
        assert_eq!(crew(r#""type":"spec""#, usize::MAX), Some((1, 10)));
        assert_eq!(crew(r#""settings":{"maxWorkers":1}"#, usize::MAX), None);
        let persisted = format!(r#"{settings},"persistence":{{"worker":{{}}}}"#);
        assert_eq!(crew(&persisted, usize::MAX), None);
    }

    #[test]
    fn specs_in_files_are_refused() {
        for name in ["file", "files"] {
            let body = format!(r#"{{"name":"a","config":{{"{name}":"/a.q","content":""}}}}"#);
            let error = read(body.as_bytes()).unwrap_err();
            assert!(error.starts_with(&format!("config.{name}: ")), "{error}");
        }
        let body = r#"{"name":"a","config":{"file":null,"content":""}}"#;
        assert!(read(body.as_bytes()).is_ok());
    }

    #[test]
    fn ids_are_names_with_ten_letters() {
        let id = id_of("My File", || 37);
        assert_eq!(id, "my-file-bbbbbbbbbb");
    }
}
