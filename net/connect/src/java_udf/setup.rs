//! What a function is, as bytes for the process that runs it (`java/mainstem/Setup.java` reads
//! them): numbers have 4 bytes, the highest first; a text or bytes follow their length.

use plan::BuildError;

use super::config::{Config, JavaType, decoded};
use super::control::MESSAGE_BYTES_MAX;

/// What is sent to get a process ready.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// Bytes of objects that the function may have.
    pub(super) heap_bytes: u64,
    /// The function.
    pub(super) bytes: Vec<u8>,
}

fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    out.extend((content.len() as u32).to_be_bytes());
    out.extend_from_slice(content);
}

fn fields<'a>(out: &mut Vec<u8>, fields: impl ExactSizeIterator<Item = (&'a str, JavaType)>) {
    out.extend((fields.len() as u32).to_be_bytes());
    for (name, ty) in fields {
        bytes(out, name.as_bytes());
        out.push(ty as u8);
    }
}

impl Setup {
    /// That of a configuration.
    pub(super) fn of(config: &Config) -> Result<Setup, BuildError> {
        let mut out = Vec::new();
        bytes(&mut out, config.class.as_bytes());
        bytes(&mut out, config.method.as_bytes());
        out.push(config.flat.into());
        bytes(&mut out, &decoded(&config.instance, "the instance")?);
        out.extend((config.classes.len() as u32).to_be_bytes());
        for class in &config.classes {
            bytes(&mut out, class.name.as_bytes());
            bytes(&mut out, &decoded(&class.code, &format!("the class {}", class.name))?);
        }
        bytes(&mut out, config.input.class.as_bytes());
        fields(&mut out, config.input.fields.iter().map(|f| (f.name.as_str(), f.java)));
        fields(&mut out, config.output.iter().map(|f| (f.name.as_str(), f.java)));
        let setup = Setup { heap_bytes: config.heap_bytes, bytes: out };
        if setup.written().len() > MESSAGE_BYTES_MAX {
            let text = format!("the function has more than {MESSAGE_BYTES_MAX} bytes");
            return Err(BuildError::new(text));
        }
        Ok(setup)
    }

    /// As it is sent.
    pub(super) fn written(&self) -> Vec<u8> {
        [&self.heap_bytes.to_be_bytes()[..], &self.bytes].concat()
    }

    /// As it is received.
    pub(super) fn read(written: &[u8]) -> Option<Setup> {
        let (heap, bytes) = written.split_first_chunk()?;
        Some(Setup { heap_bytes: u64::from_be_bytes(*heap), bytes: bytes.to_vec() })
    }
}
