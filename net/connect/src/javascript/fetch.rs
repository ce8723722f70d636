//! `v0_fetch`: a request whose answer the program waits for.

use std::time::Duration;

use plan::{BuildError, Services};

use crate::http_client::simple::Simple;

/// Makes requests for programs, on the thread of HTTP clients.
#[derive(Clone)]
pub(super) struct Fetcher(Simple);

impl Fetcher {
    pub(super) fn new(services: &dyn Services) -> Result<Self, BuildError> {
        Simple::new(services).map(Fetcher)
    }

    /// The status and the body of an answer, for which it waits so long.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn fetch(
        &self,
        url: &str,
        headers: &[(String, String)],
        method: &str,
        body: String,
        timeout: Duration,
    ) -> Result<(u16, bytes::Bytes), String> {
        self.0.exchange(url, headers, method, body, timeout)
    }
}
