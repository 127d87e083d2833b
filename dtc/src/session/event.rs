//! What a session tells its owner.

use crate::frame::FrameError;
use crate::wire::{LogonResponse, value};
use core::fmt;

/// One thing that happened. Act on `CloseNow`; the others are for the record, the screen and the
/// feed, apart from `Reconnect`, which tells when the next attempt is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Both sides speak fixed binary; the logon request is on its way.
    EncodingAgreed,
    /// The server let us in; the subscriptions are on their way.
    LoggedOn(Capabilities),
    /// The server said at logon that it does not do something the configuration asks for, which
    /// was therefore not requested.
    NotSupported {
        /// What.
        what: Feature,
    },
    /// The server refused a request.
    Rejected {
        /// Which kind.
        what: RejectKind,
        /// SymbolID for market data and depth, RequestID for the others.
        id: i64,
        /// The subscription it belongs to, where that is known.
        symbol_id: Option<u32>,
        /// The server's reason; show it to the user.
        text: Text96,
    },
    /// The server lost its data feed: every book and quote is stale from here on.
    FeedLost,
    /// The feed is back; subscriptions are renewed where the server asked for that.
    FeedRestored,
    /// The feed of one symbol was lost or is back.
    SymbolFeed {
        /// Which one.
        symbol_id: u32,
        /// Whether it is back.
        available: bool,
    },
    /// The server shed market data because we were slow: book and tape have a hole.
    ServerDropped {
        /// Messages since the last such event.
        count: u32,
    },
    /// A message for the user.
    Notice {
        /// How it was sent.
        kind: NoticeKind,
        /// Its text.
        text: Text<256>,
    },
    /// The server does not read what we send; `CloseNow` follows.
    OutboundFull,
    /// Send what [`poll_transmit`](super::Session::poll_transmit) gives as far as the socket takes
    /// it at once, then close it and call
    /// [`handle_disconnected`](super::Session::handle_disconnected).
    CloseNow {
        /// Why.
        reason: CloseReason,
    },
    /// The connection is gone; connect again.
    Reconnect {
        /// When, ns.
        at: u64,
        /// `host:port` or `host` that the server named for this one attempt.
        address: Option<Text96>,
    },
    /// The connection is gone and shall stay so until someone decides otherwise.
    DoNotReconnect {
        /// The server's reason, or ours.
        text: Text96,
    },
}

/// Which request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectKind {
    /// 103, market data of a symbol.
    MarketData,
    /// 121, depth of a symbol.
    MarketDepth,
    /// 151, orders of a symbol's book.
    MarketOrders,
    /// 302, open orders.
    OpenOrders,
    /// 307, positions.
    CurrentPositions,
    /// 308, past fills.
    HistoricalOrderFills,
    /// 509, a security definition.
    SecurityDefinition,
    /// 602, balances.
    AccountBalance,
    /// 604, past balances.
    HistoricalAccountBalances,
    /// 802, past prices.
    HistoricalPriceData,
    /// 902, past depth.
    HistoricalMarketDepth,
}

/// What a server may say it does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Market data as such.
    MarketData,
    /// The order book.
    MarketDepth,
    /// Security definitions.
    SecurityDefinitions,
    /// Orders and positions.
    Trading,
}

/// How a message for the user was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// 700, for the user.
    User,
    /// 701, for the log.
    Log,
    /// 702, an alert.
    Alert,
}

/// What the server said at logon that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The server's name for itself.
    pub server_name: Text<60>,
    /// Its words of welcome.
    pub text: Text96,
    /// `Integer_1` of the answer; its meaning is the server's own.
    pub integer_1: i32,
    /// What joins symbol and exchange; empty means that the exchange is not used.
    pub symbol_exchange_delimiter: Text<4>,
    /// The best bid and ask come as depth level 1 only, never as quotes.
    pub market_depth_updates_best_bid_and_ask: bool,
    /// Orders may be sent.
    pub trading: bool,
    /// One-cancels-other pairs may be sent.
    pub oco_orders: bool,
    /// Orders may be changed.
    pub order_cancel_replace: bool,
    /// Security definitions may be asked for.
    pub security_definitions: bool,
    /// Past prices may be asked for.
    pub historical_price_data: bool,
    /// After the feed came back everything is to be subscribed again.
    pub resubscribe_when_feed_available: bool,
    /// Depth may be asked for.
    pub market_depth: bool,
    /// Past prices: one request for each connection.
    pub one_historical_request_per_connection: bool,
    /// Bracket orders may be sent.
    pub bracket_orders: bool,
    /// One symbol and account may have several positions.
    pub multiple_positions_per_symbol: bool,
    /// Market data may be asked for.
    pub market_data: bool,
}

impl Capabilities {
    pub(super) fn of(answer: &LogonResponse) -> Self {
        Capabilities {
            server_name: Text::new(&answer.server_name),
            text: Text::new(&answer.result_text),
            integer_1: answer.integer_1.get(),
            symbol_exchange_delimiter: Text::new(&answer.symbol_exchange_delimiter),
            market_depth_updates_best_bid_and_ask: answer.market_depth_updates_best_bid_and_ask
                != 0,
            trading: answer.trading_is_supported != 0,
            oco_orders: answer.oco_orders_supported != 0,
            order_cancel_replace: answer.order_cancel_replace_supported != 0,
            security_definitions: answer.security_definitions_supported != 0,
            historical_price_data: answer.historical_price_data_supported != 0,
            resubscribe_when_feed_available: answer.resubscribe_when_market_data_feed_available
                != 0,
            market_depth: answer.market_depth_is_supported != 0,
            one_historical_request_per_connection: answer
                .one_historical_price_data_request_per_connection
                != 0,
            bracket_orders: answer.bracket_orders_supported != 0,
            multiple_positions_per_symbol: answer
                .uses_multiple_positions_per_symbol_and_trade_account
                != 0,
            market_data: answer.market_data_supported != 0,
        }
    }
}

/// Why a connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No connection within the time.
    ConnectTimeout {
        /// The time, seconds.
        seconds: u16,
    },
    /// No answer to the encoding request.
    EncodingTimeout {
        /// The time, seconds.
        seconds: u16,
    },
    /// The server insists on another encoding.
    OtherEncoding {
        /// The protocol's number of it.
        answered: i32,
    },
    /// No answer to the logon request.
    LogonTimeout {
        /// The time, seconds.
        seconds: u16,
    },
    /// The server refused the logon; another attempt may be made later.
    LogonRefused {
        /// The server's reason.
        text: Text96,
    },
    /// The server refused the logon for good.
    LogonRefusedForGood {
        /// The server's reason.
        text: Text96,
    },
    /// The logon answer has a result that the protocol does not know.
    LogonUnclear {
        /// The result.
        result: i32,
    },
    /// The server sent us elsewhere.
    Redirected {
        /// `host:port` or `host`.
        address: Text96,
    },
    /// The server sent us elsewhere, without saying where or although that is not allowed.
    RedirectIgnored {
        /// What it named.
        address: Text96,
    },
    /// Nothing was heard for twice the heartbeat interval.
    Silence {
        /// The time, seconds.
        seconds: u16,
    },
    /// The server said goodbye.
    ServerLogoff {
        /// Its reason.
        text: Text96,
        /// Whether it asked us to stay away.
        do_not_reconnect: bool,
    },
    /// We said goodbye.
    LoggedOff,
    /// The server does not read what we send.
    OutboundFull,
    /// Nobody polled the events.
    EventsFull,
    /// The stream cannot be followed any further.
    Broken(FrameError),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::ConnectTimeout { seconds } => {
                write!(f, "no connection within {seconds} s")
            }
            CloseReason::EncodingTimeout { seconds } => write!(
                f,
                "the server did not answer the encoding request within {seconds} s; if its \
                 encoding is preset, set it to binary there and to preset here"
            ),
            CloseReason::OtherEncoding { answered } => write!(
                f,
                "the server answered with encoding {answered} ({}), and only 0 (fixed binary) is \
                 spoken here; set the server's encoding to automatic or binary",
                encoding_name(*answered)
            ),
            CloseReason::LogonTimeout { seconds } => {
                write!(f, "the server did not answer the logon within {seconds} s")
            }
            CloseReason::LogonRefused { text } => {
                write!(f, "the server refused the logon: {text}")
            }
            CloseReason::LogonRefusedForGood { text } => {
                write!(f, "the server refused the logon and asks not to try again: {text}")
            }
            CloseReason::LogonUnclear { result } => {
                write!(f, "the server answered the logon with the unknown result {result}")
            }
            CloseReason::Redirected { address } => {
                write!(f, "the server sends us to {address}")
            }
            CloseReason::RedirectIgnored { address } => {
                write!(f, "the server sends us to \"{address}\", where we do not go")
            }
            CloseReason::Silence { seconds } => write!(
                f,
                "nothing was heard for {seconds} s, twice the heartbeat interval: the \
                 connection is dead"
            ),
            CloseReason::ServerLogoff { text, do_not_reconnect } => write!(
                f,
                "the server logged off{}: {text}",
                if *do_not_reconnect { " and asks not to reconnect" } else { "" }
            ),
            CloseReason::LoggedOff => f.write_str("logged off"),
            CloseReason::OutboundFull => {
                f.write_str("the server does not read: the outbound buffer is full")
            }
            CloseReason::EventsFull => f.write_str("the event queue is full: nobody polls it"),
            CloseReason::Broken(error) => error.fmt(f),
        }
    }
}

fn encoding_name(code: i32) -> &'static str {
    match code {
        1 => "binary with variable-length strings",
        2 => "JSON",
        3 => "JSON compact",
        4 => "protocol buffers",
        _ => "unknown",
    }
}

/// Text of the longest reject reason.
pub type Text96 = Text<96>;

/// A short text from the wire: at most `N` bytes, valid UTF-8 and without control characters,
/// whatever the server sent, so that it can be printed anywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    len: u16,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// From a `char[n]`: ends at its NUL; control characters become blanks, and where the field
    /// is not UTF-8 every byte beyond ASCII becomes a question mark.
    #[must_use]
    pub fn new(field: &[u8]) -> Self {
        let field = value::text(field);
        let mut text = Text { len: 0, bytes: [0; N] };
        match core::str::from_utf8(field) {
            Ok(valid) => text.fill(valid.chars()),
            // Cut inside a character by the sender: what came before it is good.
            Err(error) if error.error_len().is_none() => {
                let valid = field.get(..error.valid_up_to()).unwrap_or_default();
                text.fill(core::str::from_utf8(valid).unwrap_or_default().chars());
            }
            Err(_) => {
                text.fill(field.iter().map(|&b| if b.is_ascii() { char::from(b) } else { '?' }));
            }
        }
        text
    }

    fn fill(&mut self, chars: impl Iterator<Item = char>) {
        for one in chars {
            let one = if one.is_control() { ' ' } else { one };
            let at = usize::from(self.len);
            let Some(room) = self.bytes.get_mut(at..at + one.len_utf8()) else { return };
            one.encode_utf8(room);
            self.len += one.len_utf8() as u16;
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_printable_whatever_was_sent() {
        assert_eq!(Text96::new(b"no data\0rubbish").as_str(), "no data");
        assert_eq!(Text96::new(b"a\x1b[2Jb\n").as_str(), "a [2Jb ");
        assert_eq!(Text96::new(b"caf\xe9 au lait").as_str(), "caf? au lait");
        assert_eq!(Text96::new("café".as_bytes()).as_str(), "café");
        assert_eq!(Text::<4>::new("café".as_bytes()).as_str(), "caf");
        assert_eq!(Text::<4>::new("caf\u{e9}".as_bytes().split_at(4).0).as_str(), "caf");
        assert!(Text96::new(&[]).is_empty());
    }

    #[test]
    fn every_byte_sequence_of_three_is_survived() {
        for a in 0..=255u8 {
            for b in [0, 10, 65, 127, 128, 0xC3, 0xE2, 0xFF, a] {
                let text = Text::<2>::new(&[a, b, a]);
                assert!(text.as_str().len() <= 2);
                assert!(!text.as_str().contains(char::is_control), "{a:#x} {b:#x}");
            }
        }
    }
}
