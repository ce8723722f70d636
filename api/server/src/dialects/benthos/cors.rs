//! Requests from pages of other origins.

use crate::exchange::{Reply, Request};

/// Verbs that pages may use.
const METHODS: [&str; 6] = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
/// Of these, the ones that need no mention in the answer.
const SIMPLE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];
/// Headers that pages may send.
const HEADERS: [&str; 4] = ["accept", "accept-language", "content-language", "content-type"];

/// Which origins may ask.
pub(super) struct Cors {
    origins: Vec<String>,
}

impl Cors {
    /// The origins of a configuration, if requests from other origins are allowed at all.
    pub(super) fn of(config: &config::service::Cors) -> Option<Self> {
        config.enabled.then(|| Cors { origins: config.allowed_origins.clone() })
    }

    /// What to say of the origin that asks, if it may.
    fn allowed<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let origin = request.header("origin").filter(|origin| !origin.is_empty())?;
        if self.origins.iter().any(|allowed| allowed == "*") {
            return Some("*");
        }
        self.origins.iter().any(|allowed| allowed == origin).then_some(origin)
    }

    /// The answer to the question what a page may do.
    pub(super) fn preflight(&self, request: &Request) -> Option<Reply> {
        if request.method != "OPTIONS" {
            return None;
        }
        let reply = Reply::empty(200);
        if self.allowed(request).is_none() {
            return Some(reply);
        }
        let method = match request.header("access-control-request-method") {
            None => return Some(Reply::empty(400)),
            Some(method) if !METHODS.contains(&method) => return Some(Reply::empty(405)),
            Some(method) => method,
        };
        let asked = request.header("access-control-request-headers").unwrap_or_default();
        let names = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut custom = Vec::new();
        for name in names {
            let name = name.to_ascii_lowercase();
            if !HEADERS.contains(&name.as_str()) {
                return Some(Reply::empty(403));
            }
            // The others need no permission.
            custom.extend((name == "content-type").then_some("Content-Type"));
        }
        let mut reply = reply;
        if !custom.is_empty() {
            reply = reply.header("access-control-allow-headers", custom.join(","));
        }
        if !SIMPLE_METHODS.contains(&method) {
            reply = reply.header("access-control-allow-methods", method);
        }
        Some(reply)
    }

    /// Tells the page's browser that it may see the answer.
    pub(super) fn finish(&self, request: &Request, reply: Reply) -> Reply {
        let Some(origin) =
            self.allowed(request).filter(|_| reply.status < 400 || !preflighted(request))
        else {
            return reply;
        };
        let reply = match self.origins.len() {
            0 | 1 => reply,
            _ => reply.header("vary", "Origin"),
        };
        reply.header("access-control-allow-origin", origin)
    }
}

fn preflighted(request: &Request) -> bool {
    request.method == "OPTIONS"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        Cors { origins: origins.iter().map(|&o| o.to_owned()).collect() }
    }

    fn request(method: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        Request { method: method.to_owned(), headers, ..Request::default() }
    }

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        reply.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn answers_carry_the_origin_that_may_see_them() {
        let cors = cors(&["http://a", "http://b"]);
        let ask = |origin| request("GET", &[("origin", origin)]);
        let reply = cors.finish(&ask("http://b"), Reply::empty(401));
        assert_eq!(header(&reply, "access-control-allow-origin"), Some("http://b"));
        assert_eq!(header(&reply, "vary"), Some("Origin"));
        assert_eq!(cors.finish(&ask("http://c"), Reply::empty(200)), Reply::empty(200));
        assert_eq!(cors.finish(&request("GET", &[]), Reply::empty(200)), Reply::empty(200));
        let any = self::cors(&["*"]).finish(&ask("http://c"), Reply::empty(200));
        assert_eq!(header(&any, "access-control-allow-origin"), Some("*"));
    }

    #[test]
    fn preflights_say_what_a_page_may_do() {
        let cors = cors(&["*"]);
        let ask = |method: &str, names: &str| {
            let headers = [
                ("origin", "http://a"),
                ("access-control-request-method", method),
                ("access-control-request-headers", names),
            ];
            cors.preflight(&request("OPTIONS", &headers)).unwrap()
        };
        let reply = ask("PATCH", "Content-Type");
        assert_eq!(reply.status, 200);
        assert_eq!(header(&reply, "access-control-allow-methods"), Some("PATCH"));
        assert_eq!(header(&reply, "access-control-allow-headers"), Some("Content-Type"));
        assert_eq!(ask("GET", "").headers, []);
        assert_eq!(ask("BREW", "").status, 405);
        assert_eq!(ask("GET", "X-Secret").status, 403);
        assert!(cors.preflight(&request("GET", &[("origin", "http://a")])).is_none());
    }
}
