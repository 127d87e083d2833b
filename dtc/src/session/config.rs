//! What a session is told before it starts, and the limits that hold for every session.

use crate::wire::codes::flags;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// `Integer_1` of the logon request: each flag asks Sierra's server for the newest form of one
/// kind of market data. Servers of other makes ignore it.
pub const FLAGS_NEWEST: i32 = flags::TRADES_UNBUNDLED
    | flags::DEPTH_FLOAT_WITH_MILLISECONDS
    | flags::DEPTH_SNAPSHOT_FLOAT
    | flags::TRADES_WITH_MICROSECONDS
    | flags::QUOTES_WITH_MICROSECONDS;

const _: () = assert!(FLAGS_NEWEST == 0x0018_0884);

/// Shortest heartbeat interval the protocol allows, seconds.
pub const HEARTBEAT_S_MIN: u16 = 5;
/// Longest heartbeat interval the protocol allows, seconds.
pub const HEARTBEAT_S_MAX: u16 = 60;
/// Subscriptions a session keeps; the outbound buffer holds the requests of all of them.
pub const SUBSCRIPTIONS_MAX: usize = 256;
/// Bytes waiting to be sent; beyond this the server does not read and the connection ends.
pub const OUTBOUND_BYTES_MAX: usize = 256 * 1024;
/// Events waiting to be polled; beyond this nobody polls and the connection ends.
pub const EVENTS_MAX: usize = 128;
/// From the start of a connection attempt to giving it up, seconds.
pub const CONNECT_TIMEOUT_S: u16 = 10;
/// How long a logoff may take to leave before the connection is closed anyway, seconds.
pub const LINGER_S: u16 = 2;
/// A logon that lasted this long starts the back-off anew, seconds.
pub const STABLE_S: u16 = 30;

/// Everything a session needs to know. Start from `SessionConfig::default()`.
#[derive(Clone)]
pub struct SessionConfig {
    /// Login name, at most 31 bytes.
    pub username: String,
    /// Password, at most 31 bytes. Not shown by `Debug`.
    pub password: String,
    /// How this program calls itself, at most 31 bytes.
    pub client_name: String,
    /// Heartbeat interval both ways, seconds, 5 to 60.
    pub heartbeat_s: u16,
    /// Flags for the server; see [`FLAGS_NEWEST`].
    pub integer_1: i32,
    /// Whether to ask for the binary encoding first.
    pub encoding: EncodingChoice,
    /// What to subscribe after each logon.
    pub subscriptions: Vec<Subscription>,
    /// Whether to ask for open orders and positions after each logon.
    pub trading: bool,
    /// How long the server may take to answer the encoding request, seconds.
    pub encoding_timeout_s: u16,
    /// How long the server may take to answer the logon request, seconds.
    pub logon_timeout_s: u16,
    /// Whether a server may send this session, and with it the password, to another address.
    pub follow_redirects: bool,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// Start of the jitter's random numbers; equal seeds give equal waits.
    pub seed: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            username: String::new(),
            password: String::new(),
            client_name: String::from("mia"),
            heartbeat_s: 10,
            integer_1: FLAGS_NEWEST,
            encoding: EncodingChoice::Negotiate,
            subscriptions: Vec::new(),
            trading: false,
            encoding_timeout_s: 20,
            logon_timeout_s: 20,
            follow_redirects: true,
            backoff: Backoff::default(),
            seed: 0,
        }
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("username", &self.username)
            .field("password", &"(hidden)")
            .field("client_name", &self.client_name)
            .field("heartbeat_s", &self.heartbeat_s)
            .field("integer_1", &self.integer_1)
            .field("encoding", &self.encoding)
            .field("subscriptions", &self.subscriptions)
            .field("trading", &self.trading)
            .field("encoding_timeout_s", &self.encoding_timeout_s)
            .field("logon_timeout_s", &self.logon_timeout_s)
            .field("follow_redirects", &self.follow_redirects)
            .field("backoff", &self.backoff)
            .field("seed", &self.seed)
            .finish()
    }
}

/// How the encoding of a connection is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingChoice {
    /// Ask for fixed binary and insist on it.
    Negotiate,
    /// Both sides are set to fixed binary; do not ask.
    Preset,
}

/// One symbol to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Our number for the symbol, unique in the session; every update carries it.
    pub symbol_id: u32,
    /// The server's exact name, at most 63 bytes.
    pub symbol: String,
    /// At most 15 bytes; empty where the server does not use it, as Sierra's.
    pub exchange: String,
    /// Levels a side to ask for; 0 for no depth.
    pub depth_levels: i32,
}

/// Waits between connection attempts double from the first to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait, milliseconds; taken as 1 when 0.
    pub first_ms: u32,
    /// The longest wait, milliseconds.
    pub max_ms: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first_ms: 500, max_ms: 60_000 }
    }
}

impl SessionConfig {
    /// Whether every value fits the protocol. A session made from one that does not replaces
    /// numbers by the nearest allowed and cuts texts, so check where the configuration is read.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        text("username", &self.username, 31)?;
        text("password", &self.password, 31)?;
        text("client_name", &self.client_name, 31)?;
        if !(HEARTBEAT_S_MIN..=HEARTBEAT_S_MAX).contains(&self.heartbeat_s) {
            return Err(ConfigError::Heartbeat { seconds: self.heartbeat_s });
        }
        if self.subscriptions.len() > SUBSCRIPTIONS_MAX {
            return Err(ConfigError::TooManySubscriptions { count: self.subscriptions.len() });
        }
        for (at, one) in self.subscriptions.iter().enumerate() {
            text("symbol", &one.symbol, 63)?;
            text("exchange", &one.exchange, 15)?;
            if one.symbol.is_empty() {
                return Err(ConfigError::NoSymbol { symbol_id: one.symbol_id });
            }
            let before = self.subscriptions.get(..at).unwrap_or_default();
            let same = |other: &&Subscription| {
                other.symbol_id == one.symbol_id
                    || (&other.symbol, &other.exchange) == (&one.symbol, &one.exchange)
            };
            if before.iter().any(|other| same(&other)) {
                return Err(ConfigError::Twice { symbol_id: one.symbol_id });
            }
        }
        Ok(())
    }
}

fn text(what: &'static str, value: &str, bytes_max: usize) -> Result<(), ConfigError> {
    match value.len() <= bytes_max && !value.contains('\0') {
        true => Ok(()),
        false => Err(ConfigError::Text { what, bytes_max }),
    }
}

/// Why a configuration does not fit the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A text is too long for its field or holds a NUL.
    Text {
        /// Which one.
        what: &'static str,
        /// What fits, bytes.
        bytes_max: usize,
    },
    /// The heartbeat interval is not within 5 to 60 seconds.
    Heartbeat {
        /// The interval, seconds.
        seconds: u16,
    },
    /// More subscriptions than [`SUBSCRIPTIONS_MAX`].
    TooManySubscriptions {
        /// How many.
        count: usize,
    },
    /// A subscription without a symbol.
    NoSymbol {
        /// Its number.
        symbol_id: u32,
    },
    /// A number or a symbol that an earlier subscription has already.
    Twice {
        /// The later one's number.
        symbol_id: u32,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Text { what, bytes_max } => {
                write!(f, "{what}: at most {bytes_max} bytes fit, and no NUL among them")
            }
            ConfigError::Heartbeat { seconds } => write!(
                f,
                "heartbeat_s is {seconds}; it must be {HEARTBEAT_S_MIN} to {HEARTBEAT_S_MAX}"
            ),
            ConfigError::TooManySubscriptions { count } => {
                write!(f, "{count} subscriptions; a session takes {SUBSCRIPTIONS_MAX}")
            }
            ConfigError::NoSymbol { symbol_id } => {
                write!(f, "the subscription with symbol_id {symbol_id} names no symbol")
            }
            ConfigError::Twice { symbol_id } => write!(
                f,
                "the subscription with symbol_id {symbol_id} repeats a number or a symbol"
            ),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(symbol_id: u32, symbol: &str) -> Subscription {
        Subscription { symbol_id, symbol: symbol.into(), exchange: String::new(), depth_levels: 10 }
    }

    #[test]
    fn every_check_refuses_something() {
        let good =
            SessionConfig { subscriptions: vec_of(&[(1, "ES"), (2, "NQ")]), ..Default::default() };
        assert_eq!(good.check(), Ok(()));
        let long = "x".repeat(32);
        let refused = [
            SessionConfig { username: long.clone(), ..good.clone() },
            SessionConfig { password: "a\0b".into(), ..good.clone() },
            SessionConfig { client_name: long, ..good.clone() },
            SessionConfig { heartbeat_s: 4, ..good.clone() },
            SessionConfig { heartbeat_s: 61, ..good.clone() },
            SessionConfig { subscriptions: vec_of(&[(1, "ES"), (1, "NQ")]), ..good.clone() },
            SessionConfig { subscriptions: vec_of(&[(1, "ES"), (2, "ES")]), ..good.clone() },
            SessionConfig { subscriptions: vec_of(&[(1, "")]), ..good.clone() },
            SessionConfig { subscriptions: vec_of(&[(1, &"y".repeat(64))]), ..good.clone() },
            SessionConfig {
                subscriptions: (0..257).map(|n| one(n, &alloc::format!("S{n}"))).collect(),
                ..good.clone()
            },
        ];
        for (at, config) in refused.iter().enumerate() {
            assert!(config.check().is_err(), "number {at}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let config = SessionConfig { password: "hunter2".into(), ..Default::default() };
        assert!(!alloc::format!("{config:?}").contains("hunter2"));
    }

    fn vec_of(list: &[(u32, &str)]) -> Vec<Subscription> {
        list.iter().map(|(id, symbol)| one(*id, symbol)).collect()
    }
}
