//! AES in its modes of operation.

use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::Aead;
use aes_gcm::{AesGcm, Nonce};

use crate::error::Error;

const BLOCK: usize = 16;
/// Bytes of the nonce of GCM.
const NONCE: usize = 12;
type GcmNonce = aes_gcm::aead::consts::U12;

/// How blocks are chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ctr,
    Ofb,
    Cbc,
    Gcm,
}

/// A cipher by the length of its key.
enum Key {
    Short(Box<Aes128>),
    Middle(Box<Aes192>),
    Long(Box<Aes256>),
}

impl Key {
    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        let mut data = Block::<Aes128>::from(*block);
        match self {
            Key::Short(cipher) => cipher.encrypt_block(&mut data),
            Key::Middle(cipher) => cipher.encrypt_block(&mut data),
            Key::Long(cipher) => cipher.encrypt_block(&mut data),
        }
        *block = data.into();
    }

    fn decrypt(&self, block: &mut [u8; BLOCK]) {
        let mut data = Block::<Aes128>::from(*block);
        match self {
            Key::Short(cipher) => cipher.decrypt_block(&mut data),
            Key::Middle(cipher) => cipher.decrypt_block(&mut data),
            Key::Long(cipher) => cipher.decrypt_block(&mut data),
        }
        *block = data.into();
    }
}

/// A mode with its key and initialisation vector.
pub struct Aes {
    mode: Mode,
    key: Key,
    key_bytes: Vec<u8>,
    iv: Vec<u8>,
}

impl Aes {
    /// The mode of a name with key and initialisation vector; `purpose` (`encryption` or
    /// `decryption`) is for the error.
    ///
    /// # Errors
    /// The key has not 16, 24 or 32 bytes, the vector does not fit the mode, or there is no such
    /// mode.
    pub fn new(scheme: &str, key: &[u8], iv: &[u8], purpose: &str) -> Result<Aes, Error> {
        let wrong_key = || Error::new(format!("crypto/aes: invalid key size {}", key.len()));
        let cipher = match key.len() {
            16 => Key::Short(Box::new(Aes128::new_from_slice(key).map_err(|_| wrong_key())?)),
            24 => Key::Middle(Box::new(Aes192::new_from_slice(key).map_err(|_| wrong_key())?)),
            32 => Key::Long(Box::new(Aes256::new_from_slice(key).map_err(|_| wrong_key())?)),
            _ => return Err(wrong_key()),
        };
        let mode = match scheme {
            "ctr" => Mode::Ctr,
            "ofb" => Mode::Ofb,
            "cbc" => Mode::Cbc,
            "gcm" => Mode::Gcm,
            _ => return Err(Error::new(format!("unrecognized {purpose} type: {scheme}"))),
        };
        if mode == Mode::Gcm && iv.len() != NONCE {
            return Err(Error::new("crypto/cipher: incorrect nonce length given to GCM"));
        }
        if mode != Mode::Gcm && iv.len() != BLOCK {
            return Err(Error::new("the key must match the initialisation vector size"));
        }
        Ok(Aes { mode, key: cipher, key_bytes: key.to_vec(), iv: iv.to_vec() })
    }

    /// Encrypts; GCM appends its tag of 16 bytes.
    ///
    /// # Errors
    /// In CBC the length must be a multiple of 16.
    pub fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        match self.mode {
            Mode::Ctr | Mode::Ofb => Ok(self.stream(text)),
            Mode::Gcm => self.gcm(text, false).ok_or_else(|| Error::new("gcm encrypting failed")),
            Mode::Cbc => {
                let (blocks, rest) = text.as_chunks::<BLOCK>();
                if !rest.is_empty() {
                    return Err(Error::new("plaintext is not a multiple of the block size"));
                }
                let mut chain = self.first();
                let mut out = Vec::with_capacity(text.len());
                for block in blocks {
                    chain = xor(&chain, block);
                    self.key.encrypt(&mut chain);
                    out.extend_from_slice(&chain);
                }
                Ok(out)
            }
        }
    }

    /// Decrypts what [`Aes::encrypt`] made.
    ///
    /// # Errors
    /// In CBC the length must be a multiple of 16; GCM refuses what was changed.
    pub fn decrypt(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        match self.mode {
            Mode::Ctr | Mode::Ofb => Ok(self.stream(text)),
            Mode::Gcm => self.gcm(text, true).ok_or_else(|| {
                Error::new("gcm decrypting failed: cipher: message authentication failed")
            }),
            Mode::Cbc => {
                let (blocks, rest) = text.as_chunks::<BLOCK>();
                if !rest.is_empty() {
                    return Err(Error::new("ciphertext is not a multiple of the block size"));
                }
                let mut chain = self.first();
                let mut out = Vec::with_capacity(text.len());
                for block in blocks {
                    let mut plain = *block;
                    self.key.decrypt(&mut plain);
                    out.extend_from_slice(&xor(&plain, &chain));
                    chain = *block;
                }
                Ok(out)
            }
        }
    }

    fn first(&self) -> [u8; BLOCK] {
        self.iv.first_chunk().copied().unwrap_or_default()
    }

    /// CTR and OFB: the text against a stream that key and vector make.
    fn stream(&self, text: &[u8]) -> Vec<u8> {
        let mut state = self.first();
        let mut out = Vec::with_capacity(text.len());
        for chunk in text.chunks(BLOCK) {
            let mut pad = state;
            self.key.encrypt(&mut pad);
            state = match self.mode {
                Mode::Ofb => pad,
                _ => u128::from_be_bytes(state).wrapping_add(1).to_be_bytes(),
            };
            out.extend(chunk.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
        }
        out
    }

    fn gcm(&self, text: &[u8], open: bool) -> Option<Vec<u8>> {
        let nonce = Nonce::from(*self.iv.first_chunk::<NONCE>()?);
        match self.key {
            Key::Short(_) => sealed(
                &AesGcm::<Aes128, GcmNonce>::new_from_slice(&self.key_bytes).ok()?,
                &nonce,
                text,
                open,
            ),
            Key::Middle(_) => sealed(
                &AesGcm::<Aes192, GcmNonce>::new_from_slice(&self.key_bytes).ok()?,
                &nonce,
                text,
                open,
            ),
            Key::Long(_) => sealed(
                &AesGcm::<Aes256, GcmNonce>::new_from_slice(&self.key_bytes).ok()?,
                &nonce,
                text,
                open,
            ),
        }
    }
}

fn sealed<A: Aead<NonceSize = GcmNonce>>(
    cipher: &A,
    nonce: &Nonce<GcmNonce>,
    text: &[u8],
    open: bool,
) -> Option<Vec<u8>> {
    if open { cipher.decrypt(nonce, text).ok() } else { cipher.encrypt(nonce, text).ok() }
}

fn xor(a: &[u8; BLOCK], b: &[u8; BLOCK]) -> [u8; BLOCK] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decrypting_undoes_encrypting(
            text: Vec<u8>, key: [u8; 32], iv: [u8; 16], size in 2usize..=4,
        ) {
            for scheme in ["ctr", "ofb", "cbc", "gcm"] {
                let iv = if scheme == "gcm" { &iv[..12] } else { &iv[..] };
                let aes = Aes::new(scheme, &key[..size * 8], iv, "encryption").unwrap();
                let len = if scheme == "cbc" { text.len() / 16 * 16 } else { text.len() };
                let sealed = aes.encrypt(&text[..len]).unwrap();
                prop_assert_eq!(aes.decrypt(&sealed).unwrap(), &text[..len]);
            }
        }
    }
}
