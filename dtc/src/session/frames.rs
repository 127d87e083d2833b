//! What a session does with the frames that concern it.

use super::event::{
    Capabilities, CloseReason, Feature, NoticeKind, RejectKind, SessionEvent, Text,
};
use super::{Session, State, Subscription};
use crate::frame::Frame;
use crate::wire::{self, Message, codes, value};

const ENCODING_RESPONSE: u16 = wire::EncodingResponse::TYPE;
const LOGON_RESPONSE: u16 = wire::LogonResponse::TYPE;
const HEARTBEAT: u16 = wire::Heartbeat::TYPE;
const LOGOFF: u16 = wire::Logoff::TYPE;
const FEED_STATUS: u16 = wire::MarketDataFeedStatus::TYPE;
const SYMBOL_STATUS: u16 = wire::MarketDataFeedSymbolStatus::TYPE;
const USER_MESSAGE: u16 = wire::UserMessage::TYPE;
const LOG_MESSAGE: u16 = wire::GeneralLogMessage::TYPE;
const ALERT_MESSAGE: u16 = wire::AlertMessage::TYPE;

/// Market data that comes by the million, is all described, and is none of the session's concern.
#[inline]
pub(super) fn is_hot(kind: u16) -> bool {
    matches!(
        kind,
        104 | 106..=109 | 112..=115 | 117 | 119 | 120 | 122 | 124 | 134..=138 | 140..=148
    )
}

impl Session {
    pub(super) fn handle_cold_frame(&mut self, frame: &Frame<'_>, now: u64) {
        let connected = matches!(self.state, State::Negotiating | State::LoggingOn | State::Online);
        if !connected {
            return; // Nothing counts after a goodbye.
        }
        match (self.state, frame.kind) {
            (State::Negotiating, ENCODING_RESPONSE) => self.on_encoding(frame, now),
            (State::LoggingOn, LOGON_RESPONSE) => self.on_logon(frame, now),
            (_, ENCODING_RESPONSE) => self.on_late_encoding(frame),
            (_, HEARTBEAT) => self.on_heartbeat(frame),
            (_, LOGOFF) => self.on_logoff(frame),
            (_, USER_MESSAGE | LOG_MESSAGE | ALERT_MESSAGE) => self.on_notice(frame),
            (State::Online, FEED_STATUS) => self.on_feed_status(frame),
            (State::Online, SYMBOL_STATUS) => self.on_symbol_status(frame),
            _ => {
                if let Some(event) = self.rejection(frame) {
                    self.tell(event);
                } else if wire::describe(frame.kind).is_none() {
                    self.unknown = self.unknown.saturating_add(1);
                }
            }
        }
    }

    fn on_encoding(&mut self, frame: &Frame<'_>, now: u64) {
        match wire::EncodingResponse::parse(frame.bytes).encoding.get() {
            codes::BINARY_ENCODING => {
                self.tell(SessionEvent::EncodingAgreed);
                self.log_on(now);
            }
            answered => self.close(CloseReason::OtherEncoding { answered }),
        }
    }

    /// A repeated answer changes nothing, unless it changes the encoding under our feet.
    fn on_late_encoding(&mut self, frame: &Frame<'_>) {
        let answered = wire::EncodingResponse::parse(frame.bytes).encoding.get();
        if answered != codes::BINARY_ENCODING {
            self.close(CloseReason::OtherEncoding { answered });
        }
    }

    fn on_logon(&mut self, frame: &Frame<'_>, now: u64) {
        let answer = wire::LogonResponse::parse(frame.bytes);
        let text = Text::new(&answer.result_text);
        match answer.result.get() {
            codes::LOGON_SUCCESS => {
                let capabilities = Capabilities::of(&answer);
                self.enter(State::Online, now);
                self.logged_on = Some(now);
                self.heard = now;
                self.beat = now.saturating_add(self.heartbeat_ns());
                self.capabilities = Some(capabilities);
                self.tell(SessionEvent::LoggedOn(capabilities));
                self.tell_unsupported(&capabilities);
                self.request_definitions(&capabilities);
                self.subscribe(&capabilities);
                self.request_trading(&capabilities);
            }
            codes::LOGON_ERROR => self.close(CloseReason::LogonRefused { text }),
            codes::LOGON_ERROR_NO_RECONNECT => {
                self.stop = Some(text);
                self.close(CloseReason::LogonRefusedForGood { text });
            }
            codes::LOGON_RECONNECT_NEW_ADDRESS => {
                let address = Text::new(&answer.reconnect_address);
                if address.is_empty() || !self.config.follow_redirects {
                    self.close(CloseReason::RedirectIgnored { address });
                } else {
                    self.redirect = Some(address);
                    self.close(CloseReason::Redirected { address });
                }
            }
            result => self.close(CloseReason::LogonUnclear { result }),
        }
    }

    fn on_heartbeat(&mut self, frame: &Frame<'_>) {
        let total = wire::Heartbeat::parse(frame.bytes).num_dropped_messages.get();
        // A counter that fell was started anew: what it says now has been lost since then.
        let count = total.checked_sub(self.dropped).unwrap_or(total);
        self.dropped = total;
        if count > 0 {
            self.tell(SessionEvent::ServerDropped { count });
        }
    }

    fn on_logoff(&mut self, frame: &Frame<'_>) {
        let message = wire::Logoff::parse(frame.bytes);
        let text = Text::new(&message.reason);
        let do_not_reconnect = message.do_not_reconnect != 0;
        if do_not_reconnect {
            self.stop = Some(text);
        }
        self.close(CloseReason::ServerLogoff { text, do_not_reconnect });
    }

    fn on_notice(&mut self, frame: &Frame<'_>) {
        let (kind, text) = match frame.kind {
            USER_MESSAGE => {
                let message = wire::UserMessage::parse(frame.bytes);
                (NoticeKind::User, Text::new(&message.user_message))
            }
            LOG_MESSAGE => {
                let message = wire::GeneralLogMessage::parse(frame.bytes);
                (NoticeKind::Log, Text::new(&message.message_text))
            }
            _ => {
                let message = wire::AlertMessage::parse(frame.bytes);
                (NoticeKind::Alert, Text::new(&message.message_text))
            }
        };
        self.tell(SessionEvent::Notice { kind, text });
    }

    fn on_feed_status(&mut self, frame: &Frame<'_>) {
        match wire::MarketDataFeedStatus::parse(frame.bytes).status.get() {
            codes::MARKET_DATA_FEED_UNAVAILABLE if !self.feed_lost => {
                self.feed_lost = true;
                self.tell(SessionEvent::FeedLost);
            }
            codes::MARKET_DATA_FEED_AVAILABLE => {
                if self.feed_lost {
                    self.feed_lost = false;
                    self.tell(SessionEvent::FeedRestored);
                }
                if let Some(c) = self.capabilities.filter(|c| c.resubscribe_when_feed_available) {
                    self.subscribe(&c);
                }
            }
            _ => {}
        }
    }

    fn on_symbol_status(&mut self, frame: &Frame<'_>) {
        let message = wire::MarketDataFeedSymbolStatus::parse(frame.bytes);
        let available = match message.status.get() {
            codes::MARKET_DATA_FEED_UNAVAILABLE => false,
            codes::MARKET_DATA_FEED_AVAILABLE => true,
            _ => return,
        };
        let symbol_id = message.symbol_id.get();
        self.tell(SessionEvent::SymbolFeed { symbol_id, available });
    }

    /// The event of a refused request; `None` when the frame is none.
    fn rejection(&self, frame: &Frame<'_>) -> Option<SessionEvent> {
        let bytes = frame.bytes;
        // By symbol: (what, SymbolID, text); by request: (what, RequestID, text).
        macro_rules! reject {
            ($message:ident, symbol, $what:ident) => {{
                let m = wire::$message::parse(bytes);
                let symbol_id = m.symbol_id.get();
                (
                    RejectKind::$what,
                    i64::from(symbol_id),
                    Some(symbol_id),
                    Text::new(&m.reject_text),
                )
            }};
            ($message:ident, request, $what:ident) => {{
                let m = wire::$message::parse(bytes);
                let id = m.request_id.get();
                (RejectKind::$what, i64::from(id), None, Text::new(&m.reject_text))
            }};
        }
        let (what, id, symbol_id, text) = match frame.kind {
            103 => reject!(MarketDataReject, symbol, MarketData),
            121 => reject!(MarketDepthReject, symbol, MarketDepth),
            151 => reject!(MarketOrdersReject, symbol, MarketOrders),
            302 => reject!(OpenOrdersReject, request, OpenOrders),
            307 => reject!(CurrentPositionsReject, request, CurrentPositions),
            308 => reject!(HistoricalOrderFillsReject, request, HistoricalOrderFills),
            509 => reject!(SecurityDefinitionReject, request, SecurityDefinition),
            602 => reject!(AccountBalanceReject, request, AccountBalance),
            604 => reject!(HistoricalAccountBalancesReject, request, HistoricalAccountBalances),
            802 => reject!(HistoricalPriceDataReject, request, HistoricalPriceData),
            902 => reject!(HistoricalMarketDepthDataReject, request, HistoricalMarketDepth),
            _ => return None,
        };
        let symbol_id = match what {
            RejectKind::SecurityDefinition => {
                i32::try_from(id).ok().and_then(|id| self.definition_symbol_id(id))
            }
            _ => symbol_id,
        };
        Some(SessionEvent::Rejected { what, id, symbol_id, text })
    }

    fn tell_unsupported(&mut self, capabilities: &Capabilities) {
        let wanted = !self.config.subscriptions.is_empty();
        let depth = self.config.subscriptions.iter().any(|one| one.depth_levels > 0);
        for (what, missing) in [
            (Feature::MarketData, wanted && !capabilities.market_data),
            (Feature::MarketDepth, depth && !capabilities.market_depth),
            (Feature::SecurityDefinitions, wanted && !capabilities.security_definitions),
            (Feature::Trading, self.config.trading && !capabilities.trading),
        ] {
            if missing {
                self.tell(SessionEvent::NotSupported { what });
            }
        }
    }

    /// Definitions first, so that increments are known before the first price.
    fn request_definitions(&mut self, capabilities: &Capabilities) {
        if !capabilities.security_definitions {
            return;
        }
        for at in 0..self.config.subscriptions.len() {
            let id = self.take_request_id();
            let Some(one) = self.config.subscriptions.get(at) else { return };
            let mut request = wire::SecurityDefinitionForSymbolRequest::DEFAULT;
            request.request_id = id.into();
            put_name(&mut request.symbol, &mut request.exchange, one);
            self.definition_ids.push(id);
            if !self.push(&request) {
                return;
            }
        }
    }

    /// Market data and depth of every subscription, as far as the server does them.
    fn subscribe(&mut self, capabilities: &Capabilities) {
        for at in 0..self.config.subscriptions.len() {
            let Some(one) = self.config.subscriptions.get(at) else { return };
            let mut data = wire::MarketDataRequest::DEFAULT;
            data.request_action = codes::SUBSCRIBE.into();
            data.symbol_id = one.symbol_id.into();
            put_name(&mut data.symbol, &mut data.exchange, one);

            let mut depth = wire::MarketDepthRequest::DEFAULT;
            depth.request_action = codes::SUBSCRIBE.into();
            depth.symbol_id = one.symbol_id.into();
            depth.num_levels = one.depth_levels.into();
            put_name(&mut depth.symbol, &mut depth.exchange, one);

            let wants_depth = one.depth_levels > 0 && capabilities.market_depth;
            let sent = (!capabilities.market_data || self.push(&data))
                && (!wants_depth || self.push(&depth));
            if !sent {
                return;
            }
        }
    }

    /// Orders and positions that are there already; later changes come unasked.
    fn request_trading(&mut self, capabilities: &Capabilities) {
        if !(self.config.trading && capabilities.trading) {
            return;
        }
        let mut orders = wire::OpenOrdersRequest::DEFAULT;
        orders.request_id = self.take_request_id().into();
        let mut positions = wire::CurrentPositionsRequest::DEFAULT;
        positions.request_id = self.take_request_id().into();
        let _closing = self.push(&orders) && self.push(&positions);
    }
}

/// `SessionConfig::check` has told about names that do not fit; the server refuses a cut one.
fn put_name(symbol: &mut [u8], exchange: &mut [u8], one: &Subscription) {
    let _ = value::put_text(symbol, &one.symbol);
    let _ = value::put_text(exchange, &one.exchange);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_quickly_is_known_and_not_ours() {
        for kind in 0..=u16::MAX {
            if is_hot(kind) {
                let name = wire::describe(kind).map(|d| d.name).unwrap_or_default();
                assert!(
                    name.contains("UPDATE") || name.contains("SNAPSHOT") || name.contains("STATUS"),
                    "{kind} {name}"
                );
            }
        }
        for ours in [FEED_STATUS, SYMBOL_STATUS, HEARTBEAT, LOGOFF, 103, 121, 151] {
            assert!(!is_hot(ours), "{ours}");
        }
    }
}
