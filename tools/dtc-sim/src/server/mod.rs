//! The server's side of one DTC connection, without I/O.
//!
//! Give it the frames a client sent, the market's records and the desk's reports; send what
//! [`ServerSession::outbound`] holds. Time comes in as a value. One client, one session.

mod logon;
mod market;
mod session;
mod trading;

pub use market::SubscriptionSet;
pub use session::{Note, REQUEST_BYTES_MAX, ServerSession};

use crate::encode::Generation;

/// How a server behaves towards its clients.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Messages that carry the market.
    pub generation: Generation,
    /// Name in the logon response, at most 59 bytes.
    pub server_name: String,
    /// Description in security definitions, at most 63 bytes.
    pub description: String,
    /// Answers an encoding request with this encoding instead of binary; what follows stays binary.
    pub answer_encoding: Option<i32>,
    /// Refuses every logon in this way.
    pub refuse_logon: Option<LogonRefusal>,
    /// Refuses every market data and depth request with this text, as Sierra Chart does for
    /// exchanges whose data it may not pass on.
    pub refuse_market_data: Option<String>,
    /// What the logon response announces; what is not announced is refused.
    pub capabilities: Capabilities,
    /// Sends heartbeats. False plays a server that forgets them.
    pub send_heartbeats: bool,
    /// Closes a client that is silent for twice its heartbeat interval.
    pub expect_heartbeats: bool,
}

/// A logon that comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogonRefusal {
    /// `codes::LOGON_ERROR`, `LOGON_ERROR_NO_RECONNECT` or `LOGON_RECONNECT_NEW_ADDRESS`.
    pub result: i32,
    /// Reason for people.
    pub text: String,
    /// Where to go instead, "host:port".
    pub reconnect_address: String,
}

/// The capability bytes of the logon response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// MarketDataSupported.
    pub market_data: bool,
    /// MarketDepthIsSupported.
    pub market_depth: bool,
    /// MarketDepthUpdatesBestBidAndAsk: quotes are then not sent, the touch is depth level 1.
    pub depth_updates_best_bid_and_ask: bool,
    /// SecurityDefinitionsSupported.
    pub security_definitions: bool,
    /// ResubscribeWhenMarketDataFeedAvailable.
    pub resubscribe_when_feed_available: bool,
    /// TradingIsSupported.
    pub trading: bool,
    /// OCOOrdersSupported.
    pub oco_orders: bool,
    /// OrderCancelReplaceSupported.
    pub cancel_replace: bool,
    /// BracketOrdersSupported.
    pub bracket_orders: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            generation: Generation::Float,
            server_name: "dtc-sim".to_owned(),
            description: String::new(),
            answer_encoding: None,
            refuse_logon: None,
            refuse_market_data: None,
            capabilities: Capabilities::default(),
            send_heartbeats: true,
            expect_heartbeats: true,
        }
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            market_data: true,
            market_depth: true,
            depth_updates_best_bid_and_ask: false,
            security_definitions: true,
            resubscribe_when_feed_available: true,
            trading: true,
            oco_orders: true,
            cancel_replace: true,
            bracket_orders: true,
        }
    }
}

#[cfg(test)]
mod tests;
