//! Packing messages into one and unpacking them: the formats of `archive` and `unarchive`.

use std::io::{Cursor, Read, Write};

/// Most bytes that one archive may unpack to: a small archive that grows without end is refused.
pub(crate) const UNPACKED_MAX: usize = 256 << 20;
/// Most messages that one archive may unpack to.
pub(crate) const ENTRIES_MAX: usize = 1_000_000;

/// A file of an archive.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Adds up what is unpacked and refuses too much of it.
#[derive(Default)]
pub(crate) struct Budget {
    bytes: usize,
    entries: usize,
}

impl Budget {
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries += 1;
        if self.bytes > UNPACKED_MAX {
            return Err(format!("the archive unpacks to more than {UNPACKED_MAX} bytes"));
        }
        if self.entries > ENTRIES_MAX {
            return Err(format!("the archive unpacks to more than {ENTRIES_MAX} messages"));
        }
        Ok(())
    }

    fn room(&self) -> u64 {
        (UNPACKED_MAX - self.bytes.min(UNPACKED_MAX)) as u64 + 1
    }
}

/// Reads to the end, but not much beyond what is allowed.
///
/// # Errors
/// What the reader says, or that there is too much.
pub(crate) fn read_bounded(reader: impl Read) -> Result<Vec<u8>, std::io::Error> {
    let mut bytes = Vec::new();
    reader.take(UNPACKED_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > UNPACKED_MAX {
        let text = format!("the content unpacks to more than {UNPACKED_MAX} bytes");
        return Err(std::io::Error::other(text));
    }
    Ok(bytes)
}

pub(crate) fn pack_tar(entries: &[Entry]) -> Result<Vec<u8>, String> {
    const MODE: u32 = 0o600;
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(MODE);
        builder
            .append_data(&mut header, &entry.name, entry.bytes.as_slice())
            .map_err(|e| e.to_string())?;
    }
    builder.into_inner().map_err(|e| e.to_string())
}

pub(crate) fn unpack_tar(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let mut archive = tar::Archive::new(bytes);
    let mut budget = Budget::default();
    let mut entries = Vec::new();
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let mut entry = entry.map_err(|e| e.to_string())?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        (&mut entry).take(budget.room()).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        budget.take(bytes.len())?;
        entries.push(Entry { name, bytes });
    }
    Ok(entries)
}

pub(crate) fn pack_zip(entries: &[Entry]) -> Result<Vec<u8>, String> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for entry in entries {
        writer.start_file(entry.name.as_str(), options).map_err(|e| e.to_string())?;
        writer.write_all(&entry.bytes).map_err(|e| e.to_string())?;
    }
    writer.finish().map(Cursor::into_inner).map_err(|e| e.to_string())
}

pub(crate) fn unpack_zip(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let mut budget = Budget::default();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|e| e.to_string())?;
        if file.is_dir() {
            continue;
        }
        let name = file.name().map_err(|e| e.to_string())?.into_owned();
        let mut bytes = Vec::new();
        (&mut file).take(budget.room()).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        budget.take(bytes.len())?;
        entries.push(Entry { name, bytes });
    }
    Ok(entries)
}

/// Messages with their count and lengths before them, all 32 bits, high byte first.
pub(crate) fn pack_binary(parts: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let length = |len: usize| u32::try_from(len).map(u32::to_be_bytes).map_err(|e| e.to_string());
    let mut out = length(parts.len())?.to_vec();
    for part in parts {
        out.extend(length(part.len())?);
        out.extend_from_slice(part);
    }
    Ok(out)
}

pub(crate) fn unpack_binary(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = bytes;
    let number = |rest: &mut &[u8]| {
        let (head, tail) = rest.split_first_chunk::<4>().ok_or("message bytes too short")?;
        *rest = tail;
        Ok::<usize, String>(u32::from_be_bytes(*head) as usize)
    };
    let count = number(&mut rest)?;
    let mut budget = Budget::default();
    let mut parts = Vec::new();
    for _ in 0..count {
        let len = number(&mut rest)?;
        let part = rest.get(..len).ok_or("message bytes too short")?;
        budget.take(len)?;
        parts.push(part.to_vec());
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn too_much_is_refused() {
        let mut budget = Budget::default();
        assert!(budget.take(UNPACKED_MAX).is_ok());
        assert!(budget.take(1).is_err());
        assert!(read_bounded(std::io::repeat(0)).is_err());
        let mut budget = Budget { entries: ENTRIES_MAX, bytes: 0 };
        assert!(budget.take(0).is_err());
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(parts in prop::collection::vec(any::<Vec<u8>>(), 0..6)) {
            let entries: Vec<Entry> = parts.iter().enumerate()
                .map(|(i, bytes)| Entry { name: format!("f{i}"), bytes: bytes.clone() }).collect();
            let bytes = |entries: Vec<Entry>| -> Vec<Vec<u8>> {
                entries.into_iter().map(|e| e.bytes).collect()
            };
            prop_assert_eq!(&unpack_binary(&pack_binary(&parts).unwrap()).unwrap(), &parts);
            prop_assert_eq!(&bytes(unpack_tar(&pack_tar(&entries).unwrap()).unwrap()), &parts);
            prop_assert_eq!(&bytes(unpack_zip(&pack_zip(&entries).unwrap()).unwrap()), &parts);
        }

        #[test]
        fn garbage_is_refused_without_panic(bytes in any::<Vec<u8>>()) {
            let _ = unpack_binary(&bytes);
            let _ = unpack_tar(&bytes);
            let _ = unpack_zip(&bytes);
        }
    }
}
