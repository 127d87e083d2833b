//! One GET over HTTP: the key in a header, to one host and no other, with time and size limits.
//!
//! A [`Target`] is a path with its query and nothing else, so that no address that a server sends
//! can name a host. Redirects are not followed here.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::IpAddr;
use std::time::Duration;

use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::retry::{Trouble, short};
use crate::providers::{FetchError, FetchErrorKind};

/// Most bytes of an answer; a page has about 250 kB.
pub const BODY_MAX: u64 = 4 << 20;
/// Stands wherever a key would have been printed.
const HIDDEN: &str = "[key]";

/// A key. It has no text form: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of the environment: `MASSIVE_API_KEY`, else `POLYGON_API_KEY`; empty ones count as
    /// absent.
    #[must_use]
    pub fn from_env() -> Option<Key> {
        let of = |name| std::env::var(name).ok();
        Key::choose(of("MASSIVE_API_KEY"), of("POLYGON_API_KEY"))
    }

    /// The first that is not blank.
    #[must_use]
    pub fn choose(massive: Option<String>, polygon: Option<String>) -> Option<Key> {
        [massive, polygon].into_iter().flatten().find_map(|text| Key::new(&text))
    }

    /// A key of some text; `None` if that is blank.
    #[must_use]
    pub fn new(text: &str) -> Option<Key> {
        let text = text.trim();
        (!text.is_empty()).then(|| Key(text.to_owned()))
    }

    fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Blanks the key in an answer: a server may quote what it was sent.
    pub fn hide(&self, body: &mut [u8]) {
        let key = self.0.as_bytes();
        let mut from = 0;
        while let Some(rest) = body.get_mut(from..).filter(|rest| rest.len() >= key.len()) {
            let Some(at) = rest.windows(key.len()).position(|w| w == key) else { return };
            rest.iter_mut().skip(at).take(key.len()).for_each(|b| *b = b'*');
            from = from.saturating_add(at).saturating_add(key.len());
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A path with its query, from the root of the provider's host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target(String);

impl Target {
    /// A target of our own making, which starts with `/`.
    pub(super) fn new(path: String) -> Target {
        if path.starts_with('/') { Target(path) } else { Target(format!("/{path}")) }
    }

    /// The target inside an address that a server sent; its scheme and host are thrown away.
    /// `None` for what is no address.
    #[must_use]
    pub fn within(address: &str) -> Option<Target> {
        let uri: Uri = address.trim().parse().ok()?;
        let target = uri.path_and_query()?.as_str();
        target.starts_with('/').then(|| Target(target.to_owned()))
    }
}

/// The only host that is spoken to: scheme, name and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    text: String,
    plain: bool,
    loopback: bool,
}

impl Base {
    /// Reads `https://host[:port]`; `http://` for loopback hosts alone.
    ///
    /// # Errors
    /// [`FetchErrorKind::InvalidConfig`] with what is wrong.
    pub fn parse(text: &str) -> Result<Base, FetchError> {
        let wrong = |what: &str| {
            let what = format!("base_url {:?}: {what}", short(text));
            Err(FetchError::new(FetchErrorKind::InvalidConfig, "massive", what))
        };
        let Ok(uri) = text.trim().trim_end_matches('/').parse::<Uri>() else {
            return wrong("no address");
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return wrong("must be https://host");
        };
        if authority.as_str().contains('@') {
            return wrong("must not hold a user or password");
        }
        if uri.path() != "/" || uri.query().is_some() {
            return wrong("must end after the host");
        }
        let loopback = is_loopback(authority.host());
        let plain = match scheme {
            "https" => false,
            "http" if loopback => true,
            "http" => return wrong("http is for loopback hosts only, use https"),
            _ => return wrong("must be https"),
        };
        Ok(Base { text: format!("{scheme}://{authority}"), plain, loopback })
    }

    /// Whether it is this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether an address that a server sent stays on this host; a path alone does.
    #[must_use]
    pub fn holds(&self, address: &str) -> bool {
        let Ok(uri) = address.trim().parse::<Uri>() else { return false };
        match (uri.scheme_str(), uri.authority()) {
            (None, None) => !uri.path().starts_with("//"),
            (Some(scheme), Some(authority)) => {
                format!("{scheme}://{authority}").eq_ignore_ascii_case(&self.text)
            }
            _ => false,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
    /// `Location` as sent.
    pub location: Option<String>,
    /// At most [`BODY_MAX`] bytes.
    pub body: Vec<u8>,
}

/// A client of one host with one key.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    base: Base,
    key: Key,
}

impl Http {
    /// A client that keeps up to `connections` open.
    #[must_use]
    pub fn new(base: Base, key: Key, connect: Duration, connections: usize) -> Http {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!base.plain)
            .max_redirects(0)
            .timeout_connect(Some(connect))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .user_agent(concat!("mia/", env!("CARGO_PKG_VERSION")));
        // A proxy of the environment would see a plain request with its key.
        let config = if base.plain { config.proxy(None) } else { config };
        Http { agent: config.build().new_agent(), base, key }
    }

    /// `text` without the key.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.key.hide(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The host.
    #[must_use]
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// Asks for `target`; the answer must be complete within `timeout`.
    ///
    /// # Errors
    /// [`Trouble`] when there is no complete answer.
    pub fn get(&self, target: &Target, timeout: Duration) -> Result<Reply, Trouble> {
        let Some(key) = self.key.header() else {
            let what = "the key holds characters that no key has";
            return Err(Trouble::fatal(FetchErrorKind::AuthFailed, what));
        };
        let request = self
            .agent
            .get(format!("{}{}", self.base.text, target.0))
            .header(AUTHORIZATION, key)
            .config()
            .timeout_global(Some(timeout))
            .build();
        let mut response = request.call().map_err(|e| broken(&e))?;
        let text = |name| text_of(response.headers(), name);
        let (retry_after, location) = (text(RETRY_AFTER), text(LOCATION));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(BODY_MAX + 1).read_to_end(&mut body);
        read.map_err(|e| broken(&ureq::Error::from(e)))?;
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > BODY_MAX {
            let what = format!("an answer of more than {BODY_MAX} bytes");
            return Err(Trouble::fatal(FetchErrorKind::Malformed, what));
        }
        self.key.hide(&mut body);
        Ok(Reply { status, retry_after, location, body })
    }
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

/// Trouble on the way, before an answer was complete.
fn broken(error: &ureq::Error) -> Trouble {
    use FetchErrorKind::{InvalidConfig, Malformed, Network, Timeout};
    let what = short(&error.to_string());
    match error {
        ureq::Error::Timeout(_) => Trouble::passing(Timeout, what),
        ureq::Error::Io(e) if e.kind() == ErrorKind::TimedOut => Trouble::passing(Timeout, what),
        ureq::Error::Io(e) if e.kind() == ErrorKind::InvalidData => {
            Trouble::passing(Malformed, what)
        }
        ureq::Error::Protocol(_)
        | ureq::Error::Decompress(..)
        | ureq::Error::LargeResponseHeader(..)
        | ureq::Error::BodyStalled => Trouble::passing(Malformed, what),
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::InvalidProxyUrl => Trouble::fatal(InvalidConfig, what),
        // A certificate that is not accepted stays so.
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Trouble::fatal(Network, what),
        _ => Trouble::passing(Network, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_nothing() {
        let key = Key::choose(Some("  ".to_owned()), Some(" s3cret\n".to_owned())).expect("key");
        assert_eq!(key, Key("s3cret".to_owned()));
        assert_eq!(format!("{key:?} {:?}", Some(&key)), "[key] Some([key])");
        let mut body = b"s3cret Unknown API Key s3crets3cret!".to_vec();
        key.hide(&mut body);
        assert_eq!(body, b"****** Unknown API Key ************!");
        assert!(format!("{:?}", key.header()).to_lowercase().contains("sensitive"));
        assert!(!format!("{:?}", key.header()).contains("s3cret"));
        assert_eq!(Key::choose(None, Some(String::new())), None);
        let first = Key::choose(Some("a".to_owned()), Some("b".to_owned()));
        assert_eq!(first, Some(Key("a".to_owned())));
        let base = Base::parse("http://127.0.0.1:9").expect("base");
        let http = Http::new(base, key, Duration::from_secs(1), 1);
        assert!(!format!("{http:?}").contains("s3cret"));
        // A key that no header can carry is refused before anything is sent.
        let key = Key::new("a\u{7f}b").expect("key");
        assert!(key.header().is_none());
    }

    #[test]
    fn plain_http_only_at_home() {
        for good in [
            "https://api.massive.com",
            "https://api.polygon.io/",
            "https://example.org:8443",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:99/",
        ] {
            assert!(Base::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.massive.com",
            "http://api.massive.com",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "ftp://api.massive.com",
            "https://me:pass@api.massive.com",
            "https://api.massive.com/v3",
            "https://api.massive.com?x=1",
            "https://",
        ] {
            let error = Base::parse(bad).expect_err(bad);
            assert_eq!(error.kind, FetchErrorKind::InvalidConfig, "{bad}");
        }
    }

    #[test]
    fn an_address_from_outside_names_no_host() {
        for (address, expected) in [
            ("https://api.massive.com/v3/x?cursor=a%2Bb", Some("/v3/x?cursor=a%2Bb")),
            ("http://evil.example:1/v3/x", Some("/v3/x")),
            ("/v3/x?y=1#z", Some("/v3/x?y=1")),
            ("https://a@b/c", Some("/c")),
            ("//evil.example/x", Some("//evil.example/x")),
            ("https://host", Some("/")),
            ("evil.example:80", None),
            ("", None),
            ("*", None),
            ("https://h/ x", None),
        ] {
            assert_eq!(Target::within(address).map(|t| t.0).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn which_redirects_stay_at_home() {
        let base = Base::parse("https://api.massive.com").expect("base");
        assert!(base.holds("/v4/x") && base.holds("https://API.massive.com/v4"));
        for away in [
            "https://evil.example/v4",
            "http://api.massive.com/v4",
            "https://api.massive.com:444/",
            "https://api.massive.com@evil.example/",
            "//evil.example/x",
            "",
        ] {
            assert!(!base.holds(away), "{away}");
        }
    }
}
