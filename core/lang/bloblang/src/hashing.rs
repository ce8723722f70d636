//! Checksums and digests of bytes by the name of their algorithm.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use sha3::{Sha3_256, Sha3_512};

use crate::error::Error;

/// An algorithm with its key or polynomial.
pub struct Hasher(Work);

type Work = Box<dyn Fn(&[u8]) -> Vec<u8>>;

impl Hasher {
    /// The algorithm of a name.
    ///
    /// # Errors
    /// There is none of that name, its key is missing, or its polynomial is unknown.
    pub fn find(name: &str, key: &[u8], polynomial: &str) -> Result<Hasher, Error> {
        let keyed = || match key {
            [] => Err(Error::new(format!("hash algorithm {name} requires a key argument"))),
            key => Ok(key.to_vec()),
        };
        let work: Work = match name {
            "md5" => Box::new(|bytes| Md5::digest(bytes).to_vec()),
            "sha1" => Box::new(|bytes| Sha1::digest(bytes).to_vec()),
            "sha256" => Box::new(|bytes| Sha256::digest(bytes).to_vec()),
            "sha512" => Box::new(|bytes| Sha512::digest(bytes).to_vec()),
            "sha3_256" => Box::new(|bytes| Sha3_256::digest(bytes).to_vec()),
            "sha3_512" => Box::new(|bytes| Sha3_512::digest(bytes).to_vec()),
            "hmac_sha1" | "hmac-sha1" => hmac::<Hmac<Sha1>>(keyed()?)?,
            "hmac_sha256" | "hmac-sha256" => hmac::<Hmac<Sha256>>(keyed()?)?,
            "hmac_sha512" | "hmac-sha512" => hmac::<Hmac<Sha512>>(keyed()?)?,
            "xxhash64" => {
                Box::new(|bytes| xxhash_rust::xxh64::xxh64(bytes, 0).to_string().into_bytes())
            }
            "fnv32" => Box::new(|bytes| fnv32(bytes).to_string().into_bytes()),
            "crc32" => {
                let table = crc32_table(polynomial)?;
                Box::new(move |bytes| crc32(&table, bytes).to_be_bytes().to_vec())
            }
            _ => return Err(Error::new(format!("unrecognized hash type: {name}"))),
        };
        Ok(Hasher(work))
    }

    /// The digest of some bytes.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> Vec<u8> {
        (self.0)(bytes)
    }
}

/// A digest that only somebody with the key can make.
fn hmac<M: Mac + KeyInit + Clone + 'static>(key: Vec<u8>) -> Result<Work, Error> {
    let keyed = <M as KeyInit>::new_from_slice(&key).map_err(|e| Error::new(e.to_string()))?;
    Ok(Box::new(move |bytes| {
        let mut mac = keyed.clone();
        mac.update(bytes);
        mac.finalize().into_bytes().to_vec()
    }))
}

/// FNV-1 of 32 bits.
fn fnv32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0x811c_9dc5, |hash: u32, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte))
}

/// The table of a CRC by the name of its polynomial.
fn crc32_table(polynomial: &str) -> Result<[u32; 256], Error> {
    let reversed: u32 = match polynomial {
        "IEEE" => 0xedb8_8320,
        "Castagnoli" => 0x82f6_3b78,
        "Koopman" => 0xeb31_d82e,
        _ => {
            let shown = crate::go_format::quote(polynomial.as_bytes());
            return Err(Error::new(format!("unsupported crc32 hash key {shown}")));
        }
    };
    Ok(std::array::from_fn(|i| {
        (0..8).fold(i as u32, |crc, _| if crc & 1 == 1 { crc >> 1 ^ reversed } else { crc >> 1 })
    }))
}

fn crc32(table: &[u32; 256], bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        let at = crc as u8 ^ byte;
        crc >> 8 ^ table[usize::from(at)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(name: &str, polynomial: &str) -> String {
        let hash = Hasher::find(name, b"k", polynomial).unwrap().hash(b"abc");
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn known_digests() {
        assert_eq!(hex("md5", ""), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex("sha1", ""), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex("crc32", "IEEE"), "352441c2");
        assert_eq!(hex("crc32", "Castagnoli"), "364b3fb7");
        assert_eq!(hex("crc32", "Koopman"), "ba2322ac");
        let fnv = Hasher::find("fnv32", b"", "").unwrap();
        assert_eq!(fnv.hash(b"abc"), b"1134309195");
    }
}
