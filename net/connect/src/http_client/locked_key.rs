//! Keys of clients, in PEM, that may be locked with a password: PKCS#8 as `openssl pkcs8` writes
//! it, and the older form with headers (RFC 1421) as `openssl rsa -traditional` does.

use aes::{Aes128, Aes192, Aes256};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyInit, KeyIvInit};
use des::{Des, TdesEde3};
use md5::{Digest as _, Md5};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

/// What PEM holds between its two lines.
struct Section {
    label: String,
    /// Algorithm and first block of what is locked in the older way.
    lock: Option<(String, Vec<u8>)>,
    content: Vec<u8>,
}

/// The first section of a text.
fn section(pem: &str) -> Option<Section> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let (mut base64, mut lock, mut locked) = (String::new(), None, false);
    for line in body.lines().map(str::trim) {
        match line.split_once(':') {
            None => base64.push_str(line),
            Some(("Proc-Type", kind)) => locked = kind.contains("ENCRYPTED"),
            Some(("DEK-Info", info)) => {
                let (algorithm, vector) = info.trim().split_once(',')?;
                lock = Some((algorithm.to_owned(), hex(vector)?));
            }
            Some(_) => {}
        }
    }
    let content = BASE64_STANDARD.decode(base64).ok()?;
    Some(Section { label: label.to_owned(), lock: lock.filter(|_| locked), content })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect())
}

/// The key, unlocked where it is locked.
///
/// # Errors
/// There is none, or the password is missing or wrong.
pub(super) fn private_key(pem: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, String> {
    let none = || "failed to decode private key".to_owned();
    let Some(found) = std::str::from_utf8(pem).ok().and_then(section) else { return Err(none()) };
    let (kind, needed) = match (&found.lock, found.label.as_str()) {
        (Some(_), _) => ("PKCS#1", true),
        (None, "ENCRYPTED PRIVATE KEY") => ("PKCS#8", true),
        (None, _) => ("", false),
    };
    if !needed {
        return PrivateKeyDer::from_pem_slice(pem).map_err(|_| none());
    }
    if password.is_empty() {
        return Err(format!("missing password for {kind} encrypted private key"));
    }
    let failed = |why: String| format!("failed to parse encrypted {kind} private key: {why}");
    let Some((algorithm, vector)) = &found.lock else {
        let info = EncryptedPrivateKeyInfoRef::try_from(&*found.content);
        let opened = info.and_then(|info| info.decrypt(password.as_bytes()));
        let opened = opened.map_err(|error| failed(format!("pkcs8: {error}")))?;
        return Ok(PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into());
    };
    let opened = opened(algorithm, vector, &found.content, password.as_bytes()).map_err(failed)?;
    Ok(match found.label.as_str() {
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(opened).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(opened).into(),
        _ => PrivatePkcs8KeyDer::from(opened).into(),
    })
}

/// Opens what is locked in the older way. A wrong password shows in the padding, or in that no key
/// comes out.
fn opened(
    algorithm: &str,
    vector: &[u8],
    content: &[u8],
    password: &[u8],
) -> Result<Vec<u8>, String> {
    let opened = match algorithm {
        "DES-CBC" => cbc_opened::<Des>(vector, content, password),
        "DES-EDE3-CBC" => cbc_opened::<TdesEde3>(vector, content, password),
        "AES-128-CBC" => cbc_opened::<Aes128>(vector, content, password),
        "AES-192-CBC" => cbc_opened::<Aes192>(vector, content, password),
        "AES-256-CBC" => cbc_opened::<Aes256>(vector, content, password),
        _ => return Err(format!("unknown encryption mode {algorithm}")),
    };
    // The content of a key is a sequence.
    let whole = opened.filter(|bytes| bytes.first() == Some(&0x30));
    whole.ok_or_else(|| "decryption password incorrect".to_owned())
}

fn cbc_opened<C>(vector: &[u8], content: &[u8], password: &[u8]) -> Option<Vec<u8>>
where
    C: KeyInit + cbc::cipher::BlockCipherDecrypt,
    Decryptor<C>: KeyIvInit,
{
    let key = derived(password, vector.get(..8)?, C::key_size());
    let cipher = Decryptor::<C>::new_from_slices(&key, vector).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(content).ok()
}

/// The key for a password: sums of sums, as OpenSSL has always made them for PEM.
fn derived(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let (mut key, mut last) = (Vec::new(), Vec::new());
    while key.len() < length {
        last = Md5::new()
            .chain_update(&last)
            .chain_update(password)
            .chain_update(salt)
            .finalize()
            .to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// What openssl makes of some input; nothing where it is not here.
    fn openssl(args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let child = Command::new("openssl")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: openssl: {error}");
                return None;
            }
        };
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    #[test]
    fn keys_are_unlocked_as_openssl_locks_them() {
        let Some(plain) = openssl(&["genrsa", "2048"], b"") else { return };
        let key = private_key(&plain, "").unwrap();
        let rsa = ["rsa", "-passout", "pass:secret", "-traditional"];
        let pkcs8 = ["pkcs8", "-topk8", "-passout", "pass:secret"];
        let mut ways = 0;
        for (command, more, kind) in [
            (&rsa[..], &["-aes128"][..], "PKCS#1"),
            (&rsa, &["-aes192"], "PKCS#1"),
            (&rsa, &["-aes256"], "PKCS#1"),
            (&rsa, &["-des3"], "PKCS#1"),
            (&pkcs8, &["-v2", "aes-256-cbc"], "PKCS#8"),
            (&pkcs8, &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"], "PKCS#8"),
            (&pkcs8, &["-v2", "des3"], "PKCS#8"),
            (&pkcs8, &["-scrypt"], "PKCS#8"),
        ] {
            // Some builds have no old algorithms.
            let Some(locked) = openssl(&[command, more].concat(), &plain) else { continue };
            ways += 1;
            let opened = private_key(&locked, "secret").unwrap();
            let same = match (&opened, &key) {
                (PrivateKeyDer::Pkcs8(opened), PrivateKeyDer::Pkcs8(key)) => opened == key,
                (PrivateKeyDer::Pkcs1(opened), key) => key
                    .secret_der()
                    .windows(opened.secret_pkcs1_der().len())
                    .any(|part| part == opened.secret_pkcs1_der()),
                _ => false,
            };
            assert!(same, "{more:?}");
            let missing = private_key(&locked, "").unwrap_err();
            assert_eq!(missing, format!("missing password for {kind} encrypted private key"));
            let wrong = private_key(&locked, "other").unwrap_err();
            let text = format!("failed to parse encrypted {kind} private key: ");
            assert!(wrong.starts_with(&text), "{wrong}");
        }
        assert!(ways >= 5, "{ways}");
    }

    #[test]
    fn what_is_no_key_is_told() {
        let none = "failed to decode private key";
        for text in ["", "garbage", "-----BEGIN PRIVATE KEY-----\n:\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(private_key(text.as_bytes(), "x").unwrap_err(), none, "{text}");
        }
        let old = |info: &str| {
            let text = format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: {info}\n\n\
                 AAAA\n-----END RSA PRIVATE KEY-----\n"
            );
            private_key(text.as_bytes(), "x").unwrap_err()
        };
        assert!(old("ROT13,00").ends_with("unknown encryption mode ROT13"));
        assert!(old("AES-128-CBC,0011").ends_with("decryption password incorrect"));
        assert_eq!(old("AES-128-CBC,zz"), none);
    }
}
