//! The address a server sends us to: read when it is a number, looked up when it is a name.

use crate::session::Text96;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::string::{String, ToString};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// An address in numbers, `127.0.0.1:11099`, `[::1]:11099` or without the port, which is then
/// `port`.
pub(super) fn literal(text: &str, port: u16) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let ip = match bare {
        Some(bare) => IpAddr::V6(bare.parse::<Ipv6Addr>().ok()?),
        None => text.parse::<IpAddr>().ok()?,
    };
    Some(SocketAddr::new(ip, port))
}

/// Splits `host:port` or `host`.
fn split(text: &str, port: u16) -> Option<(&str, u16)> {
    let text = text.trim();
    match text.rsplit_once(':') {
        None if text.is_empty() => None,
        None => Some((text, port)),
        Some((host, port)) => Some((host, port.parse().ok()?)).filter(|(h, _)| !h.is_empty()),
    }
}

/// How a look-up stands.
pub(super) enum Outcome {
    Running,
    Found(SocketAddr),
    NotFound,
}

/// A look-up on a thread of its own: the system's resolver may take seconds, and the thread that
/// owns the client must not wait.
#[derive(Debug)]
pub(super) struct Resolver {
    name: Text96,
    answer: Option<Receiver<Option<SocketAddr>>>,
}

impl Resolver {
    /// Looks for an address of the same family as `home` before any other; its port is used where
    /// the name has none.
    pub(super) fn start(name: Text96, home: SocketAddr) -> Self {
        let text: String = name.as_str().to_string();
        let (answer, receiver) = channel();
        let thread = std::thread::Builder::new().name("dtc-resolve".into()).spawn(move || {
            let found = split(&text, home.port()).and_then(|name| name.to_socket_addrs().ok());
            let best = found.and_then(|all| all.min_by_key(|a| a.is_ipv4() != home.is_ipv4()));
            // The client may be gone by now.
            let _ = answer.send(best);
        });
        Resolver { name, answer: thread.is_ok().then_some(receiver) }
    }

    pub(super) fn name(&self) -> Text96 {
        self.name
    }

    pub(super) fn poll(&self) -> Outcome {
        match self.answer.as_ref().map(Receiver::try_recv) {
            Some(Ok(Some(address))) => Outcome::Found(address),
            Some(Err(TryRecvError::Empty)) => Outcome::Running,
            Some(Ok(None) | Err(TryRecvError::Disconnected)) | None => Outcome::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_port() {
        let at = |text: &str| text.parse::<SocketAddr>().ok();
        assert_eq!(literal("10.1.2.3:7", 9), at("10.1.2.3:7"));
        assert_eq!(literal(" 10.1.2.3 ", 9), at("10.1.2.3:9"));
        assert_eq!(literal("[::1]:7", 9), at("[::1]:7"));
        assert_eq!(literal("[::1]", 9), at("[::1]:9"));
        assert_eq!(literal("::1", 9), at("[::1]:9"));
        for name in ["", "localhost", "10.1.2.3:70000", "10.1.2:3", "[::1", ":7"] {
            assert_eq!(literal(name, 9), None, "{name}");
        }
    }

    #[test]
    fn names_are_split() {
        assert_eq!(split("a.b:7", 9), Some(("a.b", 7)));
        assert_eq!(split("a.b", 9), Some(("a.b", 9)));
        for bad in ["", ":7", "a:", "a:x", "a:70000"] {
            assert_eq!(split(bad, 9), None, "{bad}");
        }
    }
}
