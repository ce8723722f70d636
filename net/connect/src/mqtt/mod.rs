//! MQTT, by way of clients that live on a thread of their own.

pub mod input;
mod island;
mod ledger;
pub mod output;
mod publish;
mod receive;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use plan::{BuildError, Secret, Services};
use reqwest::Url;
use rumqttc::{ConnectionError, Error, MqttOptions, QoS, StateError, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::io_text;

/// Largest payload of a message; bytes.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;
/// Longest name of a topic, a client or a user; bytes.
const NAME_BYTES_MAX: usize = u16::MAX as usize;
/// Largest packet: such a payload with the longest name of a topic and what else there is.
const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + (1 << 16) + 16;
/// After so long without a word the other side is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The usual port.
const PORT: u16 = 1883;

/// Where a broker is, and who comes to it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Place {
    /// The address of the broker: `tcp://host:1883`, `mqtt://host` or, through a websocket,
    /// `ws://host:9001/mqtt`.
    pub url: String,
    /// The name by which the broker knows the client; one that is made up when it is empty.
    #[serde(default)]
    pub client_id: String,
    /// The user as whom the client comes; none when it is empty.
    #[serde(default)]
    pub user: String,
    /// The user's password.
    #[serde(default)]
    pub password: Secret<String>,
}

/// A broker as it is named in errors, and how to connect to it.
#[derive(Clone)]
struct Client {
    name: String,
    options: MqttOptions,
}

impl Place {
    /// # Errors
    /// What is wrong with the address.
    fn client(&self, services: &dyn Services) -> Result<Client, BuildError> {
        let wrong = |text: String| BuildError::new(format!("field 'url': {text}"));
        let url = Url::parse(&self.url).map_err(|error| wrong(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("a user does not belong into it".to_owned()));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("there is no host".to_owned()))?;
        let (address, port, transport) = match url.scheme() {
            "tcp" | "mqtt" => (host, url.port().unwrap_or(PORT), Transport::Tcp),
            "ws" => (url.as_str(), url.port().unwrap_or(80), Transport::Ws),
            other => {
                let text = format!("{other} is not supported here, only tcp, mqtt, ws");
                return Err(wrong(text));
            }
        };
        for (field, text) in [
            ("client_id", &self.client_id),
            ("user", &self.user),
            ("password", self.password.expose()),
        ] {
            if text.len() > NAME_BYTES_MAX {
                let text = format!("field '{field}': at most {NAME_BYTES_MAX} bytes are possible");
                return Err(BuildError::new(text));
            }
        }
        let id = match &*self.client_id {
            "" => format!("mainstem-{:016x}", services.random()),
            id => id.to_owned(),
        };
        let mut options = MqttOptions::new(id, address, port);
        options.set_transport(transport);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        if !self.user.is_empty() {
            options.set_credentials(&self.user, self.password.expose());
        }
        Ok(Client { name: format!("mqtt {host}:{port}"), options })
    }
}

/// How surely a message arrives, by its number.
fn qos_of(number: u8) -> Result<QoS, BuildError> {
    match number {
        0 => Ok(QoS::AtMostOnce),
        1 => Ok(QoS::AtLeastOnce),
        2 => Ok(QoS::ExactlyOnce),
        other => Err(BuildError::new(format!("field 'qos': {other} is not 0, 1 or 2"))),
    }
}

/// Why a connection ended.
fn said(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
            io_text(error)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker has closed the connection".to_owned()
        }
        ConnectionError::ConnectionRefused(code) => {
            format!("the broker refuses the connection: {code:?}")
        }
        ConnectionError::MqttState(StateError::Deserialization(
            Error::PayloadSizeLimitExceeded(bytes),
        )) => format!("a packet of {bytes} bytes is too large"),
        ConnectionError::MqttState(StateError::Deserialization(Error::Io(error))) => io_text(error),
        ConnectionError::NetworkTimeout => "i/o timeout".to_owned(),
        other => other.to_string(),
    }
}
