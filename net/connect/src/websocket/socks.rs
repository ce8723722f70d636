//! A way through a SOCKS5 proxy (RFC 1928), with a name and a password where they are known (RFC
//! 1929).

use std::net::IpAddr;

use rt::net::Stream;

use crate::text::io_text;

const VERSION: u8 = 5;
const NO_PASSWORD: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// Longest name, password or host, because one byte says how long it is.
const TEXT_BYTES_MAX: usize = 255;

/// What a proxy says when it has not connected.
const FAILURES: [&str; 9] = [
    "",
    "general failure",
    "connection forbidden",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "TTL expired",
    "command not supported",
    "address type not supported",
];

/// A connection to a proxy, by whose address it is called in texts.
struct Proxy<'a> {
    stream: &'a mut Stream,
    name: &'a str,
}

/// Has a proxy connect to a host.
///
/// # Errors
/// The text of what went wrong, with the address of the proxy.
pub(super) async fn through(
    stream: &mut Stream,
    name: &str,
    credentials: Option<(&str, &str)>,
    host: &str,
    port: u16,
) -> Result<(), String> {
    let mut proxy = Proxy { stream, name };
    proxy.greet(credentials).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.push(NAME);
            push(&mut request, host)
                .map_err(|()| format!("proxy: destination host name too long: {host}"))?;
        }
    }
    request.extend(port.to_be_bytes());
    proxy.write(request, "connect request").await?;
    proxy.connected().await
}

/// Appends a text and before it its length.
fn push(out: &mut Vec<u8>, text: &str) -> Result<(), ()> {
    let length = u8::try_from(text.len()).map_err(|_| ())?;
    out.push(length);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

impl Proxy<'_> {
    async fn greet(&mut self, credentials: Option<(&str, &str)>) -> Result<(), String> {
        let fits = |(name, password): &(&str, &str)| {
            (1..=TEXT_BYTES_MAX).contains(&name.len()) && password.len() <= TEXT_BYTES_MAX
        };
        let credentials = credentials.filter(fits);
        let greeting = match credentials {
            Some(_) => vec![VERSION, 2, NO_PASSWORD, PASSWORD],
            None => vec![VERSION, 1, NO_PASSWORD],
        };
        self.write(greeting, "greeting").await?;
        let at = format!("proxy: SOCKS5 proxy at {}", self.name);
        match (&*self.read(2, "greeting").await?, credentials) {
            ([VERSION, NO_PASSWORD], _) => Ok(()),
            ([VERSION, PASSWORD], Some((name, password))) => {
                let mut request = vec![1];
                // Both are short enough.
                let _ = push(&mut request, name).and_then(|()| push(&mut request, password));
                self.write(request, "authentication request").await?;
                match *self.read(2, "authentication reply").await? {
                    [_, 0] => Ok(()),
                    _ => Err(format!("{at} rejected username/password")),
                }
            }
            ([VERSION, ..], _) => Err(format!("{at} requires authentication")),
            ([version, ..], _) => Err(format!("{at} has unexpected version {version}")),
            ([], _) => Err(format!("{at} has said nothing")),
        }
    }

    /// Reads the answer to the request, up to the address from which the proxy has connected.
    async fn connected(&mut self) -> Result<(), String> {
        let answer = self.read(4, "connect reply").await?;
        let failure = answer.get(1).copied().map_or(0, usize::from);
        if failure != 0 {
            let what = FAILURES.get(failure).unwrap_or(&"unknown error");
            return Err(format!("proxy: SOCKS5 proxy at {} failed to connect: {what}", self.name));
        }
        let length = match answer.get(3).copied() {
            Some(IPV4) => 4,
            Some(IPV6) => 16,
            Some(NAME) => {
                let length = self.read(1, "domain length").await?;
                usize::from(length.first().copied().unwrap_or_default())
            }
            kind => {
                let kind = kind.unwrap_or_default();
                let name = self.name;
                return Err(format!(
                    "proxy: got unknown address type {kind} from SOCKS5 proxy at {name}"
                ));
            }
        };
        self.read(length + 2, "address").await.map(drop)
    }

    async fn write(&mut self, bytes: Vec<u8>, what: &str) -> Result<(), String> {
        let sent = self.stream.write_all(bytes).await.0;
        sent.map_err(|error| {
            let name = self.name;
            format!("proxy: failed to write {what} to SOCKS5 proxy at {name}: {}", io_text(&error))
        })
    }

    /// Exactly so many bytes.
    async fn read(&mut self, count: usize, what: &str) -> Result<Vec<u8>, String> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let (read, bytes) = self.stream.read(Vec::with_capacity(count - all.len())).await;
            let error = match read {
                Ok(0) => "EOF".to_owned(),
                Ok(_) => {
                    all.extend_from_slice(&bytes);
                    continue;
                }
                Err(error) => io_text(&error),
            };
            let name = self.name;
            return Err(format!(
                "proxy: failed to read {what} from SOCKS5 proxy at {name}: {error}"
            ));
        }
        all.truncate(count);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use rt::net::Stream;

    use super::*;
    use crate::testing::both_modes;

    /// A proxy that wants no password and connects from an address.
    const OPEN: &[&[u8]] = &[b"\x05\0", b"\x05\0\0\x01\x7f\0\0\x01\0\x50"];
    /// One that wants a password and connects from a name.
    const LOCKED: &[&[u8]] = &[b"\x05\x02", b"\x01\0", b"\x05\0\0\x03\x01a\0\x50"];

    /// What comes of a proxy that says these words one after another, and what it was told.
    async fn asked(
        host: &str,
        credentials: Option<(&str, &str)>,
        words: &'static [&'static [u8]],
    ) -> (Result<(), String>, Vec<u8>) {
        let (mut near, mut far) = Stream::pair().unwrap();
        let proxy = rt::spawn(async move {
            let mut heard = Vec::new();
            for word in words {
                let (count, bytes) = far.read(Vec::with_capacity(512)).await;
                assert!(count.unwrap() > 0);
                heard.extend(bytes);
                far.write_all(word.to_vec()).await.0.unwrap();
            }
            heard
        });
        let result = through(&mut near, "p:1", credentials, host, 0x1234).await;
        (result, proxy.await.unwrap())
    }

    #[test]
    fn hosts_and_addresses_are_reached() {
        both_modes(|| async {
            let (result, heard) = asked("far.example", None, OPEN).await;
            assert_eq!(result, Ok(()));
            assert_eq!(heard, b"\x05\x01\0\x05\x01\0\x03\x0bfar.example\x12\x34");
            let (result, heard) = asked("10.0.0.1", None, OPEN).await;
            assert_eq!((result, &heard[3..]), (Ok(()), &b"\x05\x01\0\x01\x0a\0\0\x01\x12\x34"[..]));
            let (result, heard) = asked("[::1]", Some(("u", "pw")), LOCKED).await;
            assert_eq!((result, heard.len()), (Ok(()), 4 + 6 + 22));
            assert_eq!(heard[..10], *b"\x05\x02\0\x02\x01\x01u\x02pw");
        });
    }

    #[test]
    fn what_a_proxy_refuses_is_said() {
        both_modes(|| async {
            let text =
                async |credentials, words| asked("a", credentials, words).await.0.unwrap_err();
            let at = "proxy: SOCKS5 proxy at p:1";
            let words: &[&[u8]] = &[b"\x05\xff"];
            assert_eq!(text(None, words).await, format!("{at} requires authentication"));
            let words: &[&[u8]] = &[b"\x04\0"];
            assert_eq!(text(None, words).await, format!("{at} has unexpected version 4"));
            let words: &[&[u8]] = &[b"\x05\x02", b"\x01\x01"];
            let rejected = text(Some(("u", "p")), words).await;
            assert_eq!(rejected, format!("{at} rejected username/password"));
            let words: &[&[u8]] = &[b"\x05\0", b"\x05\x05\0\x01"];
            let refused = text(None, words).await;
            assert_eq!(refused, format!("{at} failed to connect: connection refused"));
            let words: &[&[u8]] = &[b"\x05\0", b"\x05\0\0\x09"];
            let odd = text(None, words).await;
            assert_eq!(odd, "proxy: got unknown address type 9 from SOCKS5 proxy at p:1");
            let words: &[&[u8]] = &[b"\x05"];
            let cut = text(None, words).await;
            assert_eq!(cut, "proxy: failed to read greeting from SOCKS5 proxy at p:1: EOF");
            let (long, words): (_, &[&[u8]]) = ("x".repeat(256), &[b"\x05\0"]);
            let result = asked(&long, None, words).await.0;
            assert!(result.is_err_and(|text| text.starts_with("proxy: destination host name too")));
        });
    }
}
