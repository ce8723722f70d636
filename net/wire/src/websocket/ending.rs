//! How a connection ended, in the words that users know.

use std::fmt;

/// Why no more messages come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer said that it closes, with a code and a reason; 1005 where it gave no code.
    Closed(u16, String),
    /// The connection was gone without a word.
    Cut,
    /// The peer broke a rule of the protocol.
    Broken(String),
    /// A message is larger than [`super::MESSAGE_BYTES_MAX`].
    TooLarge,
}

impl Ending {
    /// The code that tells a peer about it, where it has to be told.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Ending::Closed(..) | Ending::Cut => None,
            Ending::Broken(text) if text == BAD_TEXT => Some(1007),
            Ending::Broken(_) => Some(1002),
            Ending::TooLarge => Some(1009),
        }
    }
}

/// What is wrong with a text that is none.
pub(super) const BAD_TEXT: &str = "a text is not valid UTF-8";

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Closed(code, reason) => {
                write!(f, "websocket: close {code}")?;
                if let Some(name) = name(*code) {
                    write!(f, " ({name})")?;
                }
                match reason.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {reason}"),
                }
            }
            Ending::Cut => f.write_str("websocket: close 1006 (abnormal closure): unexpected EOF"),
            Ending::Broken(text) => write!(f, "websocket: {text}"),
            Ending::TooLarge => f.write_str("websocket: read limit exceeded"),
        }
    }
}

/// What a code is called.
fn name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no status",
        1006 => "abnormal closure",
        1007 => "invalid payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension missing",
        1011 => "internal server error",
        1015 => "TLS handshake error",
        _ => return None,
    })
}
