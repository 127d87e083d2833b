//! Encoding and logon.

use dtc::wire::{EncodingResponse, LogonRequest, LogonResponse, Message, codes, value};

use super::session::{NS_PER_S, Note, Phase, ServerSession};
use crate::encode::{push, put};

/// Heartbeat intervals accepted, in seconds. Shorter than the protocol's five for quick tests.
const HEARTBEAT_S: std::ops::RangeInclusive<i32> = 1..=60;

impl ServerSession {
    pub(super) fn encoding_request(&mut self) {
        let encoding = self.options.answer_encoding.unwrap_or(codes::BINARY_ENCODING);
        push(&mut self.out, &EncodingResponse { encoding: encoding.into(), ..Message::DEFAULT });
    }

    pub(super) fn logon(&mut self, bytes: &[u8], now: u64) {
        let request = LogonRequest::parse(bytes);
        let interval = request.heartbeat_interval_in_seconds.get();
        if let Some(refusal) = self.options.refuse_logon.clone() {
            return self.refuse(refusal.result, &refusal.text, &refusal.reconnect_address);
        }
        if !HEARTBEAT_S.contains(&interval) {
            let text = "HeartbeatIntervalInSeconds must be from 1 to 60";
            return self.refuse(codes::LOGON_ERROR, text, "");
        }
        self.heartbeat_ns = u64::try_from(interval).unwrap_or(10).saturating_mul(NS_PER_S);
        self.next_beat = now.saturating_add(self.heartbeat_ns);
        self.phase = Phase::LoggedOn;
        let identity = format!(
            "{}/{}",
            value::text_lossy(&request.username),
            value::text_lossy(&request.client_name)
        );
        self.note(Note::LoggedOn { identity });
        let can = self.options.capabilities;
        let mut response = LogonResponse {
            result: codes::LOGON_SUCCESS.into(),
            market_depth_updates_best_bid_and_ask: can.depth_updates_best_bid_and_ask.into(),
            trading_is_supported: can.trading.into(),
            oco_orders_supported: can.oco_orders.into(),
            order_cancel_replace_supported: can.cancel_replace.into(),
            security_definitions_supported: can.security_definitions.into(),
            resubscribe_when_market_data_feed_available: can.resubscribe_when_feed_available.into(),
            market_depth_is_supported: can.market_depth.into(),
            bracket_orders_supported: can.bracket_orders.into(),
            market_data_supported: can.market_data.into(),
            ..Message::DEFAULT
        };
        put(&mut response.result_text, "Welcome. This server is a simulator.");
        put(&mut response.server_name, &self.options.server_name);
        push(&mut self.out, &response);
    }

    fn refuse(&mut self, result: i32, text: &str, reconnect_address: &str) {
        let mut response = LogonResponse { result: result.into(), ..Message::DEFAULT };
        put(&mut response.result_text, text);
        put(&mut response.reconnect_address, reconnect_address);
        put(&mut response.server_name, &self.options.server_name);
        push(&mut self.out, &response);
        self.note(Note::LogonRefused);
        self.phase = Phase::Closing;
    }
}
