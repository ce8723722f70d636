use ring::signature::{KeyPair, UnparsedPublicKey};

use super::*;
use crate::http_client::config::Common;
use crate::testing::TestServices;

fn pem(kind: &str, der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der)).into()
}

fn jwt(method: &str) -> Common {
    let claims = [("sub".to_owned(), Json::from("me"))].into_iter().collect();
    let jwt = Jwt {
        enabled: true,
        private_key_file: "key.pem".to_owned(),
        signing_method: method.to_owned(),
        claims,
        headers: [("kid".to_owned(), Json::from("1"))].into_iter().collect(),
    };
    Common { jwt, ..Common::default() }
}

fn signer(config: &Common, services: &TestServices) -> Result<Signer, BuildError> {
    Signer::new(&config.oauth, &config.jwt, &config.basic_auth, services)
}

fn signed(config: &Common, services: &TestServices) -> String {
    let signer = signer(config, services).unwrap();
    let mut headers = HeaderMap::new();
    signer.sign("GET", "http://x/", &mut headers, services).unwrap();
    assert!(headers[AUTHORIZATION].is_sensitive());
    headers[AUTHORIZATION].to_str().unwrap().to_owned()
}

#[test]
fn tokens_are_signed_by_a_key() {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let services = TestServices::default();
    services.files.borrow_mut().insert("key.pem".to_owned(), pem("PRIVATE KEY", key.as_ref()));
    let token = signed(&jwt("EdDSA"), &services);
    let (content, signature) = token.strip_prefix("Bearer ").unwrap().rsplit_once('.').unwrap();
    let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (header, claims) = content.split_once('.').unwrap();
    assert_eq!(text(header), r#"{"alg":"EdDSA","kid":"1","typ":"JWT"}"#);
    assert_eq!(text(claims), r#"{"sub":"me"}"#);
    let pair = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
    let public = UnparsedPublicKey::new(&signature::ED25519, pair.public_key().as_ref());
    public.verify(content.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[test]
fn what_cannot_sign_is_refused() {
    let services = TestServices::default();
    let error = |method: &str| signer(&jwt(method), &services).err().unwrap().text;
    assert_eq!(
        error("HS256"),
        "field 'jwt': jwt signing method HS256 not acepted. Try with RS256, RS384, RS512 or EdDSA"
    );
    assert!(error("RS256").starts_with("field 'jwt': failed to read private key: key.pem: "));
    services.files.borrow_mut().insert("key.pem".to_owned(), pem("PRIVATE KEY", b"no key"));
    for method in ["RS256", "EdDSA"] {
        let want = format!("field 'jwt': failed to parse {method} private key: ");
        assert!(error(method).starts_with(&want), "{}", error(method));
    }
}

#[test]
fn a_request_is_signed_with_both_secrets() {
    let oauth = OAuth {
        enabled: true,
        consumer_key: "c k".to_owned(),
        consumer_secret: Secret::new("c&s".to_owned()),
        access_token: "at".to_owned(),
        access_token_secret: Secret::new("ats".to_owned()),
    };
    // What another program makes of the same.
    assert_eq!(
        oauth.header("POST", "http://x/y?a=b c", "7", "9"),
        "oauth_consumer_key=\"c+k\", oauth_nonce=\"7\", \
         oauth_signature=\"fzZgOHkAv1h9NIJX4dW9ZtscAVo%3D\", oauth_signature_method=\"HMAC-SHA1\", \
         oauth_timestamp=\"9\", oauth_token=\"at\", oauth_version=\"1.0\""
    );
}

#[test]
fn name_and_password_come_last() {
    let basic_auth = BasicAuth {
        enabled: true,
        username: "u".to_owned(),
        password: Secret::new("p".to_owned()),
    };
    let oauth = OAuth { enabled: true, ..OAuth::default() };
    let config = Common { basic_auth, oauth, ..Common::default() };
    assert_eq!(signed(&config, &TestServices::default()), "Basic dTpw");
}
