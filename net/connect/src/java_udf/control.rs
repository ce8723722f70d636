//! The messages between the two processes: a letter, the length of what follows in 4 bytes, and
//! that, the highest byte first.

use std::io::{self, Read, Write};

/// Most bytes of one message.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Bytes of what stands before the content.
const HEAD_BYTES: usize = 5;

/// To the process that runs the function.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Get ready: what the function is (`setup.rs`).
    Start(Vec<u8>),
    /// So many rows lie in the region.
    Work(u32),
    /// Go on with the results.
    More,
}

/// From there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The function can be called.
    Ready,
    /// So many bytes of results lie in the region, and these were all.
    Done(u32),
    /// So many, and there are more.
    Part(u32),
    /// What went wrong. Nothing comes after that.
    Failed(String),
}

fn number(content: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(content.try_into().ok()?))
}

fn message(letter: u8, content: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEAD_BYTES + content.len());
    message.push(letter);
    message.extend((content.len() as u32).to_be_bytes());
    message.extend_from_slice(content);
    message
}

impl Order {
    /// Sends it.
    pub(super) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let message = match self {
            Order::Start(content) => message(b'S', content),
            Order::Work(rows) => message(b'W', &rows.to_be_bytes()),
            Order::More => message(b'M', &[]),
        };
        to.write_all(&message)
    }

    /// Receives one; none when nobody sends any more.
    pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<Order>> {
        let mut head = [0; HEAD_BYTES];
        match from.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let wrong = || io::Error::other("an order that nobody gives");
        let [letter, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(wrong());
        }
        let mut content = vec![0; length];
        from.read_exact(&mut content)?;
        match letter {
            b'S' => Ok(Some(Order::Start(content))),
            b'W' => number(&content).map(|rows| Some(Order::Work(rows))).ok_or_else(wrong),
            b'M' => Ok(Some(Order::More)),
            _ => Err(wrong()),
        }
    }
}

impl Answer {
    /// Sends it.
    pub(super) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let message = match self {
            Answer::Ready => message(b'R', &[]),
            Answer::Done(bytes) => message(b'D', &bytes.to_be_bytes()),
            Answer::Part(bytes) => message(b'P', &bytes.to_be_bytes()),
            Answer::Failed(text) => message(b'F', text.as_bytes()),
        };
        to.write_all(&message)
    }

    /// The first one of what was received, which is taken away; none while it is not whole.
    pub(super) fn first(held: &mut Vec<u8>) -> Result<Option<Answer>, String> {
        let Some((&[letter, ref length @ ..], rest)) = held.split_first_chunk::<HEAD_BYTES>()
        else {
            return Ok(None);
        };
        let wrong = || "its process answered what nobody understands".to_owned();
        let length = number(length).ok_or_else(wrong)? as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(wrong());
        }
        let Some(content) = rest.get(..length) else { return Ok(None) };
        let answer = match letter {
            b'R' => Answer::Ready,
            b'D' => Answer::Done(number(content).ok_or_else(wrong)?),
            b'P' => Answer::Part(number(content).ok_or_else(wrong)?),
            b'F' => Answer::Failed(String::from_utf8_lossy(content).into_owned()),
            _ => return Err(wrong()),
        };
        held.drain(..HEAD_BYTES + length);
        Ok(Some(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_answers_arrive() {
        let orders = [Order::Start(vec![1, 2, 3]), Order::Work(70_000), Order::More];
        let mut bytes = Vec::new();
        orders.iter().for_each(|order| order.send(&mut bytes).unwrap());
        let mut from = bytes.as_slice();
        for order in orders {
            assert_eq!(Order::receive(&mut from).unwrap(), Some(order));
        }
        assert_eq!(Order::receive(&mut from).unwrap(), None);

        let failed = Answer::Failed("why".to_owned());
        let answers = [Answer::Ready, Answer::Done(5), Answer::Part(1 << 24), failed];
        let mut bytes = Vec::new();
        answers.iter().for_each(|answer| answer.send(&mut bytes).unwrap());
        let (mut held, mut seen) = (Vec::new(), Vec::new());
        for byte in bytes {
            held.push(byte);
            seen.extend(Answer::first(&mut held).unwrap());
        }
        assert!(seen == answers && held.is_empty(), "{seen:?}");
    }

    #[test]
    fn a_message_has_a_size_and_a_meaning() {
        let large = (MESSAGE_BYTES_MAX as u32 + 1).to_be_bytes();
        for bytes in [[&b"D"[..], &large].concat(), b"D\0\0\0\x01x".into(), b"?\0\0\0\0".into()] {
            let error = Answer::first(&mut bytes.clone()).unwrap_err();
            assert_eq!(error, "its process answered what nobody understands");
            let order = bytes.iter().map(|b| if *b == b'D' { b'W' } else { *b });
            assert!(Order::receive(&mut order.collect::<Vec<u8>>().as_slice()).is_err());
        }
    }
}
