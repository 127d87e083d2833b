//! Conversations with one session, in virtual time.

use std::sync::Arc;

use dtc::frame::{Frame, next_frame};
use dtc::wire::{
    CurrentPositionsRequest, EncodingRequest, EncodingResponse, HistoricalOrderFillsRequest,
    LogonRequest, LogonResponse, MarketDataReject, MarketDataRequest, MarketDataSnapshot,
    MarketDepthRequest, MarketDepthSnapshotLevelFloat, Message, OpenOrdersRequest, OrderUpdate,
    SecurityDefinitionForSymbolRequest, SubmitNewSingleOrder, codes, value,
};

use super::*;
use crate::encode::Generation;
use crate::market::{Aggressor, Market, MarketBody, MarketRecord, Side};
use crate::state::MarketState;
use crate::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};
use crate::venue::{ClientKey, Desk};

const S: u64 = 1_000_000_000;

struct Talk {
    session: ServerSession,
    venue: Desk,
    now: u64,
}

impl Talk {
    fn new(options: ServerOptions) -> Self {
        let specs = vec![es(), nq()];
        let state = MarketState::new(&specs);
        let session =
            ServerSession::new(ClientKey(1), Arc::new(options), specs.clone().into(), state, 0);
        Self { session, venue: Desk::simple(specs), now: 0 }
    }

    fn logged_on(options: ServerOptions) -> Self {
        let mut talk = Self::new(options);
        let answers = talk.say(&logon(10));
        assert_eq!(kinds(&answers), [2]);
        assert_eq!(LogonResponse::parse(&answers[0].1).result.get(), codes::LOGON_SUCCESS);
        talk
    }

    fn say(&mut self, message: &impl Message) -> Vec<(u16, Vec<u8>)> {
        let bytes = message.as_bytes();
        let frame = next_frame(bytes).unwrap().unwrap();
        self.say_frame(&frame)
    }

    fn say_frame(&mut self, frame: &Frame<'_>) -> Vec<(u16, Vec<u8>)> {
        self.session.handle_frame(frame, &mut self.venue, self.now);
        self.heard()
    }

    fn record(&mut self, record: &MarketRecord) -> Vec<(u16, Vec<u8>)> {
        self.venue.handle_record(record);
        self.session.handle_record(record);
        self.heard()
    }

    fn wait(&mut self, until: u64) -> Vec<(u16, Vec<u8>)> {
        self.now = until;
        self.session.handle_timeout(until);
        self.heard()
    }

    /// Everything the session has to say by now.
    fn heard(&mut self) -> Vec<(u16, Vec<u8>)> {
        while let Some(report) = self.venue.poll_report() {
            self.session.handle_report(&report.message);
        }
        let mut frames = Vec::new();
        while let Some(frame) = next_frame(self.session.outbound()).unwrap() {
            frames.push((frame.kind, frame.bytes.to_vec()));
            let len = frame.len();
            self.session.consume(len);
        }
        assert!(self.session.outbound().is_empty(), "only whole messages");
        frames
    }

    fn notes(&mut self) -> Vec<Note> {
        std::iter::from_fn(|| self.session.poll_note()).collect()
    }
}

fn kinds(frames: &[(u16, Vec<u8>)]) -> Vec<u16> {
    frames.iter().map(|(kind, _)| *kind).collect()
}

fn logon(heartbeat_s: i32) -> LogonRequest {
    let mut m =
        LogonRequest { heartbeat_interval_in_seconds: heartbeat_s.into(), ..Message::DEFAULT };
    assert!(value::put_text(&mut m.username, "me"));
    assert!(value::put_text(&mut m.client_name, "test"));
    m
}

fn data(id: u32, symbol: &str, action: i32) -> MarketDataRequest {
    let mut m = MarketDataRequest {
        symbol_id: id.into(),
        request_action: action.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut m.symbol, symbol));
    m
}

fn depth(id: u32, symbol: &str, action: i32) -> MarketDepthRequest {
    let mut m = MarketDepthRequest {
        symbol_id: id.into(),
        request_action: action.into(),
        num_levels: 10.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut m.symbol, symbol));
    m
}

fn level(price: f64, last: bool) -> MarketRecord {
    let body = MarketBody::Depth {
        side: Side::Bid,
        delete: false,
        price,
        quantity: 3,
        orders: 1,
        level: 1,
        final_in_batch: last,
    };
    MarketRecord { ts_ns: 5, symbol: 0, body }
}

fn print(price: f64) -> MarketRecord {
    let body = MarketBody::Trade { price, volume: 1, aggressor: Aggressor::Buy, unbundled: 0 };
    MarketRecord { ts_ns: 5, symbol: 0, body }
}

#[test]
fn encoding_logon_definition_and_subscriptions() {
    let mut talk = Talk::new(ServerOptions::default());
    let answers = talk.say(&EncodingRequest { encoding: 4.into(), ..Message::DEFAULT });
    assert_eq!(EncodingResponse::parse(&answers[0].1).encoding.get(), codes::BINARY_ENCODING);
    assert_eq!(kinds(&talk.say(&logon(10))), [2]);

    let mut request = SecurityDefinitionForSymbolRequest::DEFAULT;
    assert!(value::put_text(&mut request.symbol, "SYNTHETIC-ES"));
    assert_eq!(kinds(&talk.say(&request)), [507]);
    assert!(value::put_text(&mut request.symbol, "NOPE"));
    assert_eq!(kinds(&talk.say(&request)), [509]);

    let snapshot = talk.say(&data(7, "SYNTHETIC-ES", 1));
    assert_eq!(kinds(&snapshot), [104]);
    let m = MarketDataSnapshot::parse(&snapshot[0].1);
    assert_eq!((m.symbol_id.get(), value::f64_set(m.last_trade_price.get())), (7, None));
    assert_eq!(kinds(&talk.record(&level(5000.0, true))), [0; 0], "depth is not subscribed");
    assert_eq!(kinds(&talk.say(&depth(7, "SYNTHETIC-ES", 1))), [145, 145]);
    assert_eq!(kinds(&talk.record(&level(4999.75, true))), [140]);
    assert_eq!(kinds(&talk.record(&print(5000.25))), [146]);
    assert_eq!(kinds(&talk.record(&MarketRecord { symbol: 1, ..print(1.0) })), [0; 0]);
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-ES", 3))), [104], "a snapshot on request");

    assert_eq!(kinds(&talk.say(&data(7, "", 2))), [0; 0]);
    assert_eq!(kinds(&talk.record(&print(5000.25))), [0; 0]);
    assert_eq!(kinds(&talk.record(&level(4999.5, true))), [140]);
    assert_eq!(kinds(&talk.say(&depth(7, "", 2))), [0; 0]);
    assert_eq!(kinds(&talk.record(&level(4999.5, true))), [0; 0]);
}

#[test]
fn a_late_joiner_gets_the_book_at_the_end_of_the_batch() {
    let mut talk = Talk::logged_on(ServerOptions::default());
    talk.record(&level(5000.0, true));
    talk.record(&level(4999.75, false));
    assert_eq!(kinds(&talk.say(&depth(7, "SYNTHETIC-ES", 1))), [0; 0], "half a batch is no book");
    let snapshot = talk.record(&level(4999.5, true));
    let prices: Vec<f32> = snapshot
        .iter()
        .map(|(_, bytes)| MarketDepthSnapshotLevelFloat::parse(bytes).price.get())
        .collect();
    assert_eq!(prices, [5000.0, 4999.75, 4999.5]);
    talk.record(&level(4999.25, false));
    let mut second = Talk::logged_on(ServerOptions::default());
    second.session.set_state(talk.session.state().clone());
    assert_eq!(kinds(&second.say(&depth(1, "SYNTHETIC-ES", 1))), [0; 0]);
    second.session.handle_market_end();
    assert_eq!(kinds(&second.heard()), [145; 4], "no end will come: as it is");
}

#[test]
fn requests_that_are_refused() {
    let mut talk = Talk::logged_on(ServerOptions::default());
    assert_eq!(kinds(&talk.say(&data(7, "NOPE", 1))), [103]);
    assert_eq!(kinds(&talk.say(&depth(7, "NOPE", 1))), [121]);
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-ES", 1))), [104]);
    assert_eq!(kinds(&talk.say(&data(8, "SYNTHETIC-ES", 1))), [103], "one symbol, two ids");
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-NQ", 1))), [103], "one id, two symbols");
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-ES", 4))), [103], "interval snapshots");
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-ES", 1))), [104], "renewed");

    let options = ServerOptions {
        refuse_market_data: Some("not to be passed on".to_owned()),
        ..ServerOptions::default()
    };
    let mut talk = Talk::logged_on(options);
    let answers = talk.say(&data(7, "SYNTHETIC-ES", 1));
    let m = MarketDataReject::parse(&answers[0].1);
    assert_eq!(value::text(&m.reject_text), b"not to be passed on");
    assert_eq!(kinds(&talk.say(&depth(7, "SYNTHETIC-ES", 1))), [121]);

    let capabilities = Capabilities {
        market_data: false,
        market_depth: false,
        security_definitions: false,
        trading: false,
        ..Capabilities::default()
    };
    let mut talk = Talk::logged_on(ServerOptions { capabilities, ..ServerOptions::default() });
    assert_eq!(kinds(&talk.say(&data(7, "SYNTHETIC-ES", 1))), [103]);
    assert_eq!(kinds(&talk.say(&depth(7, "SYNTHETIC-ES", 1))), [121]);
    assert_eq!(kinds(&talk.say(&SecurityDefinitionForSymbolRequest::DEFAULT)), [509]);
    assert_eq!(kinds(&talk.say(&SubmitNewSingleOrder::DEFAULT)), [301]);
    assert_eq!(kinds(&talk.say(&OpenOrdersRequest::DEFAULT)), [302]);
    assert_eq!(kinds(&talk.say(&CurrentPositionsRequest::DEFAULT)), [307]);
    assert_eq!(kinds(&talk.say(&HistoricalOrderFillsRequest::DEFAULT)), [308]);
}

#[test]
fn logons_that_are_refused() {
    for (result, address) in [(2, ""), (3, ""), (4, "127.0.0.1:9")] {
        let refusal =
            LogonRefusal { result, text: "no".to_owned(), reconnect_address: address.to_owned() };
        let mut talk =
            Talk::new(ServerOptions { refuse_logon: Some(refusal), ..ServerOptions::default() });
        let answers = talk.say(&logon(10));
        let m = LogonResponse::parse(&answers[0].1);
        assert_eq!(m.result.get(), result);
        assert_eq!(value::text(&m.reconnect_address), address.as_bytes());
        assert!(talk.session.is_closing());
    }
    for heartbeat_s in [0, -1, 61, i32::MAX] {
        let mut talk = Talk::new(ServerOptions::default());
        let answers = talk.say(&logon(heartbeat_s));
        assert_eq!(LogonResponse::parse(&answers[0].1).result.get(), codes::LOGON_ERROR);
        assert!(talk.session.is_closing());
    }
    let mut talk =
        Talk::new(ServerOptions { answer_encoding: Some(2), ..ServerOptions::default() });
    let answers = talk.say(&EncodingRequest::DEFAULT);
    assert_eq!(EncodingResponse::parse(&answers[0].1).encoding.get(), 2);
}

#[test]
fn time_passes() {
    let mut talk = Talk::logged_on(ServerOptions::default());
    assert_eq!(talk.session.poll_timeout(), Some(10 * S));
    assert_eq!(kinds(&talk.wait(9 * S)), [0; 0]);
    assert_eq!(kinds(&talk.wait(10 * S)), [3]);
    assert_eq!(kinds(&talk.wait(20 * S)), [3]);
    assert_eq!(kinds(&talk.wait(20 * S + 1)), [5], "twice the interval and nothing heard");
    assert!(talk.session.is_closing());
    assert!(talk.notes().contains(&Note::Silent));

    let options = ServerOptions {
        send_heartbeats: false,
        expect_heartbeats: false,
        ..ServerOptions::default()
    };
    let mut talk = Talk::logged_on(options);
    assert_eq!(kinds(&talk.wait(1000 * S)), [0; 0]);
    assert!(!talk.session.is_closing());

    let mut talk = Talk::new(ServerOptions::default());
    talk.wait(20 * S);
    assert!(talk.session.is_closing(), "never logged on");
}

#[test]
fn clients_that_break_the_protocol() {
    let mut talk = Talk::new(ServerOptions::default());
    talk.say(&data(7, "SYNTHETIC-ES", 1));
    assert!(talk.session.is_closing());
    assert!(matches!(talk.notes()[..], [Note::ProtocolError(_)]));

    let mut talk = Talk::logged_on(ServerOptions::default());
    talk.say(&logon(10));
    assert!(talk.session.is_closing());

    let mut talk = Talk::logged_on(ServerOptions::default());
    talk.say_frame(&Frame { kind: 101, bytes: &[0; REQUEST_BYTES_MAX + 1] });
    assert!(talk.session.is_closing());

    let mut talk = Talk::logged_on(ServerOptions::default());
    talk.notes();
    for kind in [0u16, 999, 65_535, 800, 104] {
        talk.say_frame(&Frame { kind, bytes: &[4, 0, 0, 0] });
    }
    assert_eq!(talk.notes().len(), 5);
    assert!(!talk.session.is_closing(), "unknown types are passed over");
}

/// Any bytes in any message type: the session lives or closes, and writes whole messages.
#[test]
fn hostile_requests_never_panic() {
    let mut rng = fastrand::Rng::with_seed(3);
    let served = [1, 3, 5, 6, 101, 102, 506, 201, 203, 204, 208, 209, 300, 303, 305, 400, 601, 77];
    let mut market = SyntheticMarket::new(&SyntheticConfig::default());
    let mut talk = Talk::logged_on(ServerOptions::default());
    for _ in 0..20_000 {
        let kind = served[rng.usize(..served.len())];
        let mut bytes = vec![0u8; rng.usize(4..500)];
        let density = rng.f64();
        for byte in &mut bytes[4..] {
            *byte = if rng.f64() < density { rng.u8(..) } else { 0 };
        }
        let size = bytes.len() as u16;
        bytes[..2].copy_from_slice(&size.to_le_bytes());
        if bytes.len() > 90 && rng.bool() {
            let at = if kind == 101 || kind == 102 { 12 } else { 4 };
            bytes[at..at + 13].copy_from_slice(b"SYNTHETIC-ES\0");
        }
        talk.say_frame(&Frame { kind, bytes: &bytes });
        if let Some(record) = market.next() {
            talk.record(&record);
        }
        talk.notes();
        if talk.session.is_closing() {
            talk = Talk::logged_on(ServerOptions::default());
        }
    }
}

#[test]
fn an_order_from_acceptance_to_fill() {
    let options = ServerOptions { generation: Generation::V2, ..ServerOptions::default() };
    let mut talk = Talk::logged_on(options);
    talk.record(&level(5000.0, true));
    let mut order = SubmitNewSingleOrder {
        order_type: codes::ORDER_TYPE_MARKET.into(),
        buy_sell: codes::SELL.into(),
        quantity: 2.0.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut order.symbol, "SYNTHETIC-ES"));
    assert!(value::put_text(&mut order.client_order_id, "one"));
    let answers = talk.say(&order);
    assert_eq!(kinds(&answers), [301, 301, 306, 600]);
    let m = OrderUpdate::parse(&answers[1].1);
    assert_eq!(m.order_update_reason.get(), codes::ORDER_FILLED);
    assert_eq!((m.last_fill_price.get(), m.last_fill_quantity.get()), (5000.0, 2.0));
    assert_eq!(kinds(&talk.say(&CurrentPositionsRequest::DEFAULT)), [306]);
    assert_eq!(kinds(&talk.say(&OpenOrdersRequest::DEFAULT)), [301]);
}
