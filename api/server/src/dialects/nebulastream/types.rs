//! Answers and parameters that all calls share (spec/nes-rest.md §1).

use plan::Json;
use serde_json::json;

use crate::exchange::{Reply, Request};

/// Where users of the original are sent.
const MORE_INFO: &str = "https://docs.nebula.stream/docs/clients/rest-api/";

/// An error in a shape that every generation of clients reads.
pub(super) fn error(status: u16, text: impl AsRef<str>) -> Reply {
    let text = text.as_ref();
    Reply::json(
        status,
        &json!({
            "status": "ERROR",
            "code": status,
            "message": text,
            "detail": text,
            "more_info": MORE_INFO,
        }),
    )
}

/// Success under both spellings of the key.
pub(super) fn success() -> Reply {
    Reply::json(200, &json!({"Success": true, "success": true}))
}

/// The body as a JSON object.
pub(super) fn object(request: &Request) -> Result<serde_json::Map<String, Json>, Reply> {
    if request.body.is_empty() {
        return Err(error(400, "empty body"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(error(400, "Invalid JSON: the body must be an object")),
        Err(e) => Err(error(400, format!("Syntax error: Invalid JSON: {e}"))),
    }
}

/// A parameter that must be there.
pub(super) fn required(request: &Request, name: &str) -> Result<String, Reply> {
    let found = request.param(name).filter(|value| !value.is_empty());
    found.ok_or_else(|| error(400, format!("Parameter {name} must be provided")))
}

/// Longest name of a source or function; bytes.
const NAME_BYTES_MAX: usize = 1024;

/// Refuses a name that is none or too long.
pub(super) fn named(name: &str, what: &str) -> Result<(), Reply> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let text = format!("{what} is empty or too long: it has 1 to {NAME_BYTES_MAX} bytes");
        return Err(error(400, text));
    }
    Ok(())
}

/// A parameter that must be a number.
pub(super) fn number(request: &Request, name: &str) -> Result<u64, Reply> {
    let text = required(request, name)?;
    text.trim_matches('"').parse().map_err(|_| {
        error(400, format!("Invalid QUERY parameter '{name}'. Expected type is 'UInt64'"))
    })
}

/// An id as a number or as the text of one: generations differ.
pub(super) fn id_of(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The one of two that there is.
pub(super) fn either(result: Result<Reply, Reply>) -> Reply {
    result.unwrap_or_else(|reply| reply)
}
