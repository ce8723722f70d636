//! Answers as this API writes them (spec/benthos-streams-api.md §1).

use config::stream::BodyError;

use crate::exchange::Reply;

const NO_SNIFF: &str = "x-content-type-options";

/// What was asked for was done.
pub(super) fn done() -> Reply {
    Reply::empty(200)
}

/// A text that says what is wrong, as it stands.
pub(super) fn plain(status: u16, text: impl Into<String>) -> Reply {
    Reply::text(status, text).header(NO_SNIFF, "nosniff")
}

/// An error that concerns the request.
pub(super) fn error(status: u16, text: &str) -> Reply {
    plain(status, format!("Error: {text}\n"))
}

/// The answer to a verb that a path does not know.
pub(super) fn verb(method: &str) -> Reply {
    error(400, &format!("verb not supported: {method}"))
}

/// The answer to a stream that is not there.
pub(super) fn not_found() -> Reply {
    plain(404, "Stream not found\n")
}

/// The answer to a body that was refused.
pub(super) fn refused(error: BodyError) -> Reply {
    let reply = Reply::empty(error.status)
        .header("content-type", error.content_type)
        .with_body(error.body.into_bytes());
    match error.content_type.starts_with("text/") {
        true => reply.header(NO_SNIFF, "nosniff"),
        false => reply,
    }
}
