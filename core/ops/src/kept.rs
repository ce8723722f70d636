//! The states of operators as bytes, for whoever keeps them: the version of the format, one byte,
//! and then CBOR.

use std::io::{self, Write};

use plan::{OperatorError, STATE_BYTES_MAX};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a state, which may have so many bytes.
fn write_within(
    version: u8,
    state: &impl Serialize,
    bytes_max: usize,
) -> Result<Vec<u8>, OperatorError> {
    let mut out = Limited { bytes: vec![version], bytes_max };
    ciborium::into_writer(state, &mut out).map_err(|error| match error {
        ciborium::ser::Error::Io(_) => too_large(bytes_max),
        ciborium::ser::Error::Value(text) => OperatorError(text),
    })?;
    Ok(out.bytes)
}

/// Writes a state.
///
/// # Errors
/// It has more than [`STATE_BYTES_MAX`] bytes.
pub(crate) fn write(version: u8, state: &impl Serialize) -> Result<Vec<u8>, OperatorError> {
    write_within(version, state, STATE_BYTES_MAX)
}

/// Reads a state of this version.
///
/// # Errors
/// It is of another version, or not a state.
pub(crate) fn read<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Result<T, OperatorError> {
    let (found, rest) = bytes.split_first().ok_or_else(|| OperatorError::new("it is empty"))?;
    if *found != version {
        let text = format!("it is of version {found}, and this program reads version {version}");
        return Err(OperatorError(text));
    }
    ciborium::from_reader(rest)
        .map_err(|error| OperatorError(format!("it cannot be read: {error}")))
}

/// The error of a state that is too large.
pub(crate) fn too_large(bytes_max: usize) -> OperatorError {
    OperatorError(format!(
        "what the operator remembers has more than {bytes_max} bytes, and so many are kept: make \
         its windows shorter, or do without fault tolerance"
    ))
}

struct Limited {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Limited {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that are kept as such, and not as a list of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_one_of_another_version_is_refused() {
        let state = (vec![f64::NAN, f64::INFINITY, 0.1], Blob(vec![0xff; 300]), Some(u64::MAX));
        let bytes = write(3, &state).unwrap();
        let (floats, blob, number): (Vec<f64>, Blob, Option<u64>) = read(3, &bytes).unwrap();
        assert!(floats[0].is_nan() && floats[1..] == [f64::INFINITY, 0.1]);
        assert_eq!((blob, number), (state.1, state.2));
        let refused = |version, bytes: &[u8]| read::<Vec<u64>>(version, bytes).unwrap_err().0;
        assert_eq!(refused(4, &bytes), "it is of version 3, and this program reads version 4");
        assert!(refused(3, &bytes[..9]).starts_with("it cannot be read"), "{}", refused(3, &bytes));
        assert_eq!(refused(3, &[]), "it is empty");
    }

    #[test]
    fn a_state_has_a_limit() {
        let state = vec![u64::MAX; 11];
        assert_eq!(write_within(1, &state, 101).unwrap().len(), 101);
        let error = write_within(1, &state, 100).unwrap_err().0;
        assert!(error.contains("more than 100 bytes"), "{error}");
    }
}
