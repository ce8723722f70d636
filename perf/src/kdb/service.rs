//! `mainstem serve` with one pipeline, which was posted as the coordinator's clients do.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::client::Client;
use crate::error::{Error, Result};
use crate::measure;
use crate::serving::Setup;
use crate::serving::server::{Server, free_address};

/// A running pipeline that is fed over kdb+ IPC.
pub(super) struct Service<'a> {
    setup: &'a Setup<'a>,
    server: Server,
    ipc: SocketAddr,
    id: String,
}

impl<'a> Service<'a> {
    /// Starts a server with these additional arguments, and its pipeline.
    ///
    /// # Errors
    /// It does not start, or refuses the spec.
    pub(super) fn start(
        setup: &'a Setup,
        program: &Path,
        args: &[String],
        spec: &str,
    ) -> Result<Self> {
        let (api, ipc) = (free_address()?, free_address()?);
        let listen = [format!("--listen=kdb={api}"), format!("--listen=ipc={ipc}")];
        let all: Vec<String> =
            ["serve".to_owned()].into_iter().chain(args.iter().cloned()).chain(listen).collect();
        let server = setup.start(program, &all, api, |server| server.answers("/"))?;
        let body = json!({"name": "perf", "type": "spec", "config": {"content": spec}});
        let made = server.client()?.ask("POST", "/pipeline/create", &body.to_string())?;
        let id = value(&made)?["id"].as_str().unwrap_or_default().to_owned();
        Ok(Self { setup, server, ipc, id })
    }

    /// A client of its port of kdb+ IPC.
    ///
    /// # Errors
    /// It does not let in.
    pub(super) fn client(&self) -> Result<Client> {
        Client::connect(self.ipc, self.setup.timeout)
    }

    /// Seconds of CPU time of its threads so far, once it has nothing to do any more.
    ///
    /// # Errors
    /// It is never at rest, or gone.
    pub(super) fn cpu_s(&mut self) -> Result<f64> {
        self.server.rest()?;
        self.server.cpu_s()
    }

    /// What the pipeline wrote to its console, without times and quotes.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) fn console(&self) -> Result<Vec<String>> {
        let path = format!("/v1/pipelines/pipelines/{}/console", self.id);
        let answer = value(&self.server.client()?.ask("GET", &path, "")?)?;
        let lines = answer["lines"].as_array().into_iter().flatten();
        Ok(lines.filter_map(Value::as_str).map(|line| plain(line).to_owned()).collect())
    }

    /// A difference, and what the server knows about it.
    pub(super) fn explain(&self, Error(difference): Error) -> Error {
        let path = format!("/pipeline/status/{}", self.id);
        let status = self.server.client().and_then(|mut client| client.ask("GET", &path, ""));
        let status = status.map(|status| String::from_utf8_lossy(&status).into_owned());
        let status = status.unwrap_or_else(|Error(reason)| reason);
        let log = measure::tail(&self.setup.at.scratch.join("stderr"));
        Error(format!("{difference}; {status}{log}"))
    }
}

/// The text of a line of the console.
fn plain(line: &str) -> &str {
    line.split_once("| ").map_or(line, |(_, text)| text).trim().trim_matches('"')
}

fn value(answer: &[u8]) -> Result<Value> {
    serde_json::from_slice(answer).map_err(|e| Error(format!("not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_have_times_and_quotes() {
        let line = "2026.11.30D10:00:00.000000000 | \"1 100 5 6\"";
        assert_eq!(super::plain(line), "1 100 5 6");
        assert_eq!(super::plain("1 100 5 6"), "1 100 5 6");
    }
}
