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

/// Numbers that are kept as their bytes in little endian, which is many times faster than one by
/// one: for `#[serde(with)]`.
pub(crate) mod packed {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Blob;

    /// A number of fixed size.
    pub(crate) trait Packed: Copy {
        /// Its bytes.
        const SIZE: usize;
        /// Writes it to so many bytes.
        fn put(self, to: &mut [u8]);
        /// Reads it from so many bytes.
        fn get(from: &[u8]) -> Self;
    }

    macro_rules! packed {
        ($($ty:ty),*) => {$(
            impl Packed for $ty {
                const SIZE: usize = size_of::<$ty>();

                fn put(self, to: &mut [u8]) {
                    to.copy_from_slice(&self.to_le_bytes());
                }

                fn get(from: &[u8]) -> Self {
                    <$ty>::from_le_bytes(from.try_into().unwrap_or_default())
                }
            }
        )*};
    }
    packed!(u8, u32, u64, usize);

    /// Writes them.
    pub(crate) fn serialize<T: Packed, S: Serializer>(
        numbers: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut bytes = vec![0; numbers.len() * T::SIZE];
        for (to, number) in bytes.chunks_exact_mut(T::SIZE).zip(numbers) {
            number.put(to);
        }
        serializer.serialize_bytes(&bytes)
    }

    /// Reads them.
    pub(crate) fn deserialize<'de, T: Packed, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let Blob(bytes) = Blob::deserialize(deserializer)?;
        if bytes.len() % T::SIZE != 0 {
            return Err(D::Error::custom(format!("{} bytes are no numbers", bytes.len())));
        }
        Ok(bytes.chunks_exact(T::SIZE).map(T::get).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "packed")]
        long: Vec<u64>,
        #[serde(with = "packed")]
        short: Vec<u32>,
    }

    #[test]
    fn numbers_are_kept_as_their_bytes() {
        let numbers = Numbers { long: vec![u64::MAX, 0, 7], short: vec![1; 1000] };
        let bytes = write(1, &numbers).unwrap();
        assert!(bytes.len() < 24 + 4000 + 30, "{}", bytes.len());
        assert_eq!(read::<Numbers>(1, &bytes).unwrap(), numbers);
        let odd = ciborium::Value::Map(vec![
            ("long".into(), ciborium::Value::Bytes(vec![0; 9])),
            ("short".into(), ciborium::Value::Bytes(vec![])),
        ]);
        let refused = read::<Numbers>(1, &write(1, &odd).unwrap()).unwrap_err().0;
        assert!(refused.contains("9 bytes are no numbers"), "{refused}");
    }

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
