//! A session against a server in virtual time: hours pass in milliseconds.

use dtc::frame::{Frame, next_frame};
use dtc::session::{
    Backoff, CloseReason, EncodingChoice, Feature, NoticeKind, RejectKind, SendError, Session,
    SessionConfig, SessionEvent as Event, Subscription, fuzz_session,
};
use dtc::wire::{self, Message, value::put_text};
use proptest::prelude::*;
use zerocopy::IntoBytes;

const S: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * S;

/// The other side: answers as told and writes down what it got.
struct Server {
    connected: bool,
    got: Vec<(u64, Vec<u8>)>,
    out: Vec<u8>,
    encoding: Option<i32>,
    logon: Option<Vec<u8>>,
    beats: bool,
    beat_at: Option<u64>,
    interval: u64,
}

impl Server {
    fn receive(&mut self, bytes: &[u8], now: u64) {
        let mut rest = bytes;
        while let Some(frame) = next_frame(rest).unwrap() {
            self.got.push((now, frame.bytes.to_vec()));
            match frame.kind {
                6 => {
                    if let Some(encoding) = self.encoding {
                        let mut answer = wire::EncodingResponse::DEFAULT;
                        answer.encoding = encoding.into();
                        self.out.extend_from_slice(answer.as_bytes());
                    }
                }
                1 => {
                    let request = wire::LogonRequest::parse(frame.bytes);
                    self.interval = request.heartbeat_interval_in_seconds.get() as u64 * S;
                    if let Some(answer) = &self.logon {
                        self.out.extend_from_slice(answer);
                        self.beat_at = Some(now + self.interval);
                    }
                }
                _ => {}
            }
            rest = &rest[frame.len()..];
        }
        assert!(rest.is_empty(), "the client sends whole messages");
    }

    fn tick(&mut self, now: u64) {
        if self.connected && self.beat_at.is_some_and(|at| at <= now) {
            self.beat_at = Some(now + self.interval);
            if self.beats {
                self.out.extend_from_slice(wire::Heartbeat::DEFAULT.as_bytes());
            }
        }
    }

    fn kinds(&self) -> Vec<u16> {
        self.got.iter().map(|(_, bytes)| u16::from_le_bytes([bytes[2], bytes[3]])).collect()
    }

    fn count(&self, kind: u16) -> usize {
        self.kinds().iter().filter(|&&k| k == kind).count()
    }
}

/// Session, server and the clock.
struct World {
    now: u64,
    session: Session,
    server: Server,
    reachable: bool,
    attempts: Vec<u64>,
    events: Vec<(u64, Event)>,
}

impl World {
    fn new(config: SessionConfig) -> World {
        assert_eq!(config.check(), Ok(()));
        let server = Server {
            connected: false,
            got: Vec::new(),
            out: Vec::new(),
            encoding: Some(0),
            logon: Some(logon_answer(|_| {}).as_bytes().to_vec()),
            beats: true,
            beat_at: None,
            interval: S,
        };
        World {
            now: 0,
            session: Session::new(config),
            server,
            reachable: true,
            attempts: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Lets time pass up to `end`, from one thing that is due to the next.
    fn run(&mut self, end: u64) {
        self.settle();
        loop {
            let server = self.server.beat_at.filter(|_| self.server.connected);
            let due = [self.session.poll_timeout(), server].into_iter().flatten().min();
            let Some(due) = due.filter(|&at| at <= end) else { break };
            self.now = self.now.max(due);
            self.server.tick(self.now);
            self.session.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// Carries bytes and acts on events until both sides are quiet.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            if self.session.is_connect_due(self.now) {
                quiet = false;
                self.attempts.push(self.now);
                self.session.handle_connecting(self.now);
                if self.reachable {
                    self.server.connected = true;
                    self.session.handle_connected(self.now);
                } else {
                    self.session.handle_disconnected(self.now);
                }
            }
            while let Some(bytes) = self.session.poll_transmit() {
                quiet = false;
                let bytes = bytes.to_vec();
                self.session.handle_transmitted(bytes.len());
                self.server.receive(&bytes, self.now);
            }
            let out = std::mem::take(&mut self.server.out);
            if self.server.connected && !out.is_empty() {
                quiet = false;
                feed(&mut self.session, &out, self.now);
            }
            while let Some(event) = self.session.poll_event() {
                quiet = false;
                self.events.push((self.now, event));
                if matches!(event, Event::CloseNow { .. }) {
                    if let Some(bytes) = self.session.poll_transmit() {
                        self.server.receive(bytes, self.now);
                    }
                    self.disconnect();
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn disconnect(&mut self) {
        self.server.connected = false;
        self.server.out.clear();
        self.session.handle_disconnected(self.now);
    }

    fn say(&mut self, message: &impl Message) {
        self.server.out.extend_from_slice(message.as_bytes());
        self.settle();
    }

    fn events(&self) -> Vec<Event> {
        self.events.iter().map(|(_, event)| *event).collect()
    }

    fn close_reason(&self) -> CloseReason {
        self.close_reasons().last().copied().expect("a close")
    }

    fn close_reasons(&self) -> Vec<CloseReason> {
        let reason = |event: &Event| match event {
            Event::CloseNow { reason } => Some(*reason),
            _ => None,
        };
        self.events().iter().filter_map(reason).collect()
    }
}

fn feed(session: &mut Session, bytes: &[u8], now: u64) {
    session.handle_bytes_seen(now);
    let mut rest = bytes;
    while let Some(frame) = next_frame(rest).unwrap() {
        session.handle_frame(&frame, now);
        rest = &rest[frame.len()..];
    }
}

fn logon_answer(change: impl FnOnce(&mut wire::LogonResponse)) -> wire::LogonResponse {
    let mut answer = wire::LogonResponse::DEFAULT;
    answer.security_definitions_supported = 1;
    answer.trading_is_supported = 1;
    change(&mut answer);
    answer
}

fn config() -> SessionConfig {
    let one = |symbol_id, symbol: &str, depth_levels| Subscription {
        symbol_id,
        symbol: symbol.into(),
        exchange: "CME".into(),
        depth_levels,
    };
    SessionConfig {
        username: "user".into(),
        password: "secret".into(),
        subscriptions: vec![one(1, "ESU26", 10), one(2, "NQU26", 0)],
        ..SessionConfig::default()
    }
}

fn world() -> World {
    World::new(config())
}

fn online() -> World {
    let mut world = world();
    world.run(S);
    assert!(world.session.is_logged_on());
    world
}

fn text96(text: &str) -> [u8; 96] {
    let mut field = [0; 96];
    assert!(put_text(&mut field, text));
    field
}

// ── the way in ──────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_first_bytes_are_those_of_the_protocol_page() {
    let mut session = Session::new(config());
    assert_eq!(session.poll_timeout(), Some(0));
    assert!(session.poll_transmit().is_none());
    session.handle_connected(5);
    let golden = [16, 0, 6, 0, 8, 0, 0, 0, 0, 0, 0, 0, b'D', b'T', b'C', 0];
    assert_eq!(session.poll_transmit(), Some(golden.as_slice()));
    session.handle_transmitted(10);
    assert_eq!(session.poll_transmit(), Some(&golden[10..]), "the rest of a partial write");
    session.handle_transmitted(6);
    assert!(session.poll_transmit().is_none(), "nothing more before the answer");
    assert_eq!(session.poll_timeout(), Some(5 + 20 * S));
}

#[test]
fn everything_in_its_order() {
    let world = online();
    assert_eq!(world.server.kinds(), [6, 1, 506, 506, 101, 102, 101]);
    let logon = wire::LogonRequest::parse(&world.server.got[1].1);
    assert_eq!(logon.integer_1.get(), 0x0018_0884);
    assert_eq!(logon.heartbeat_interval_in_seconds.get(), 10);
    assert_eq!(logon.protocol_version.get(), 8);
    assert_eq!((&logon.username[..5], &logon.password[..7]), (&b"user\0"[..], &b"secret\0"[..]));

    let data = wire::MarketDataRequest::parse(&world.server.got[4].1);
    assert_eq!((data.request_action.get(), data.symbol_id.get()), (1, 1));
    assert_eq!((&data.symbol[..6], &data.exchange[..4]), (&b"ESU26\0"[..], &b"CME\0"[..]));
    let depth = wire::MarketDepthRequest::parse(&world.server.got[5].1);
    assert_eq!((depth.symbol_id.get(), depth.num_levels.get()), (1, 10));
    assert!(matches!(world.events()[..], [Event::EncodingAgreed, Event::LoggedOn(_)]));
}

#[test]
fn request_ids_are_unique_and_lead_back_to_the_symbol() {
    let mut world = World::new(SessionConfig { trading: true, ..config() });
    world.run(S);
    assert_eq!(world.server.kinds(), [6, 1, 506, 506, 101, 102, 101, 300, 305]);
    let id =
        |at: usize| i32::from_le_bytes(*world.server.got[at].1[4..].first_chunk::<4>().unwrap());
    let mut ids = vec![id(2), id(3), id(7), id(8)];
    assert_eq!(world.session.definition_symbol_id(ids[0]), Some(1));
    assert_eq!(world.session.definition_symbol_id(ids[1]), Some(2));
    assert_eq!(world.session.definition_symbol_id(ids[2]), None);
    ids.push(world.session.take_request_id());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(!ids.contains(&0) && !ids.contains(&110_000_000));
}

#[test]
fn a_preset_encoding_is_not_asked_for() {
    let mut world = World::new(SessionConfig { encoding: EncodingChoice::Preset, ..config() });
    world.run(S);
    assert_eq!(world.server.kinds()[..2], [1, 506]);
}

#[test]
fn only_what_the_server_does_is_asked_for() {
    let kinds = |change: fn(&mut wire::LogonResponse)| {
        let mut world = World::new(SessionConfig { trading: true, ..config() });
        world.server.logon = Some(logon_answer(change).as_bytes().to_vec());
        world.run(S);
        let missing = |event: &Event| match event {
            Event::NotSupported { what } => Some(*what),
            _ => None,
        };
        let missing: Vec<Feature> = world.events().iter().filter_map(missing).collect();
        (world.server.kinds()[2..].to_vec(), missing)
    };
    assert_eq!(kinds(|_| {}), (vec![506, 506, 101, 102, 101, 300, 305], vec![]));
    assert_eq!(
        kinds(|a| a.market_depth_is_supported = 0),
        (vec![506, 506, 101, 101, 300, 305], vec![Feature::MarketDepth])
    );
    assert_eq!(
        kinds(|a| a.market_data_supported = 0),
        (vec![506, 506, 102, 300, 305], vec![Feature::MarketData])
    );
    assert_eq!(
        kinds(|a| a.security_definitions_supported = 0),
        (vec![101, 102, 101, 300, 305], vec![Feature::SecurityDefinitions])
    );
    assert_eq!(
        kinds(|a| a.trading_is_supported = 0),
        (vec![506, 506, 101, 102, 101], vec![Feature::Trading])
    );
}

#[test]
fn a_shorter_logon_answer_of_another_generation_takes_the_defaults() {
    let mut world = world();
    let mut answer = logon_answer(|_| {}).as_bytes()[..240].to_vec();
    answer[..2].copy_from_slice(&240u16.to_le_bytes());
    world.server.logon = Some(answer);
    world.run(S);
    let caps = world.session.capabilities().expect("logged on");
    assert!(caps.market_depth && caps.market_data && !caps.security_definitions);
    assert_eq!(world.server.kinds(), [6, 1, 101, 102, 101]);
}

// ── the way in fails ────────────────────────────────────────────────────────────────────────────

#[test]
fn a_server_that_answers_with_another_encoding() {
    let mut world = world();
    world.server.encoding = Some(2);
    world.run(S / 100);
    assert_eq!(world.close_reason(), CloseReason::OtherEncoding { answered: 2 });
    assert!(world.close_reason().to_string().contains("JSON"), "{}", world.close_reason());
    assert_eq!(world.server.kinds(), [6], "no logon");
    assert!(matches!(world.events().last(), Some(Event::Reconnect { address: None, .. })));
}

#[test]
fn an_encoding_that_changes_later_is_not_followed() {
    let mut world = online();
    let mut answer = wire::EncodingResponse::DEFAULT;
    world.say(&answer);
    assert!(world.session.is_logged_on());
    answer.encoding = 4.into();
    world.say(&answer);
    assert_eq!(world.close_reason(), CloseReason::OtherEncoding { answered: 4 });
}

#[test]
fn no_answer_to_either_request() {
    let mut mute = world();
    mute.server.encoding = None;
    mute.run(20 * S - 1);
    assert_eq!(mute.close_reasons(), []);
    mute.run(20 * S);
    assert_eq!(mute.close_reason(), CloseReason::EncodingTimeout { seconds: 20 });

    let mut mute = world();
    mute.server.logon = None;
    mute.run(20 * S);
    assert_eq!(mute.close_reason(), CloseReason::LogonTimeout { seconds: 20 });
    assert_eq!(mute.server.kinds(), [6, 1]);
}

#[test]
fn every_logon_result() {
    let fail = |result: i32, text: &str, follow: bool| {
        let mut world = World::new(SessionConfig { follow_redirects: follow, ..config() });
        let answer = logon_answer(|a| {
            a.result = result.into();
            a.result_text = text96("no such user");
            assert!(put_text(&mut a.reconnect_address, text));
        });
        world.server.logon = Some(answer.as_bytes().to_vec());
        world.run(S / 100);
        assert_eq!(world.server.kinds(), [6, 1], "nothing after the answer, no logoff");
        (world.close_reason(), *world.events().last().unwrap(), world)
    };
    let (reason, then, _) = fail(2, "", true);
    assert!(
        matches!(reason, CloseReason::LogonRefused { text } if text.as_str() == "no such user")
    );
    assert!(matches!(then, Event::Reconnect { address: None, .. }));

    let (reason, then, mut world) = fail(3, "", true);
    assert!(matches!(reason, CloseReason::LogonRefusedForGood { .. }));
    assert!(matches!(then, Event::DoNotReconnect { text } if text.as_str() == "no such user"));
    world.run(24 * HOUR);
    assert_eq!(world.attempts.len(), 1, "never again by itself");
    world.session.reconnect(world.now);
    world.run(world.now);
    assert_eq!(world.attempts.len(), 2, "but when told to");

    let (reason, then, mut world) = fail(4, "10.0.0.7:11099", true);
    assert!(matches!(reason, CloseReason::Redirected { .. }));
    let Event::Reconnect { address: Some(to), at } = then else { panic!("{then:?}") };
    assert_eq!(to.as_str(), "10.0.0.7:11099");
    assert_eq!(world.session.take_redirect(), Some(to));
    world.reachable = false;
    world.run(at);
    let last = *world.events().last().unwrap();
    assert!(matches!(last, Event::Reconnect { address: None, .. }), "one attempt only: {last:?}");

    for (address, follow) in [("", true), ("10.0.0.7", false)] {
        let (reason, then, _) = fail(4, address, follow);
        assert!(matches!(reason, CloseReason::RedirectIgnored { .. }));
        assert!(matches!(then, Event::Reconnect { address: None, .. }));
    }
    assert_eq!(fail(9, "", true).0, CloseReason::LogonUnclear { result: 9 });
}

// ── heartbeats and silence ──────────────────────────────────────────────────────────────────────

#[test]
fn six_hours_of_heartbeats() {
    let mut world = online();
    world.run(6 * HOUR);
    assert_eq!(world.close_reasons(), []);
    assert_eq!(world.server.count(3), 6 * 360);
    let times: Vec<u64> =
        world.server.got.iter().filter(|(_, b)| b[2] == 3 && b[3] == 0).map(|(t, _)| *t).collect();
    assert!(times.windows(2).all(|w| w[1] - w[0] == 10 * S), "one each interval");
    assert_eq!(world.attempts, [0]);
}

#[test]
fn silence_for_twice_the_interval_ends_the_connection() {
    let mut world = online();
    world.run(100 * S);
    world.server.beats = false;
    let heard = world.now;
    world.run(heard + 20 * S - 1);
    assert_eq!(world.close_reasons(), []);
    world.run(heard + 20 * S);
    assert_eq!(world.close_reason(), CloseReason::Silence { seconds: 20 });
    assert_eq!(world.server.kinds().last(), Some(&5), "a goodbye, in case it is heard");
    world.server.beats = true;
    world.run(heard + 60 * S);
    assert!(world.session.is_logged_on(), "and back again");
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut world = online();
    world.server.beats = false;
    for second in 1..200 {
        world.run(second * S);
        world.session.handle_bytes_seen(world.now);
    }
    assert_eq!(world.close_reasons(), []);
}

#[test]
fn a_pause_of_our_own_is_no_silence() {
    let mut world = online();
    world.server.beats = false;
    world.run(15 * S);
    world.session.handle_paused(true, world.now);
    world.run(HOUR);
    assert_eq!(world.close_reasons(), []);
    assert!(world.server.count(3) >= 359, "our own heartbeats go on");
    world.session.handle_paused(false, world.now);
    world.run(HOUR + 20 * S - 1);
    assert_eq!(world.close_reasons(), []);
    world.run(HOUR + 20 * S);
    assert_eq!(world.close_reason(), CloseReason::Silence { seconds: 20 });
}

#[test]
fn dropped_messages_are_told_as_increases() {
    let mut world = online();
    for (total, told) in [(0, None), (5, Some(5)), (5, None), (7, Some(2)), (3, Some(3))] {
        world.events.clear();
        let mut beat = wire::Heartbeat::DEFAULT;
        beat.num_dropped_messages = total.into();
        world.say(&beat);
        let wanted: Vec<Event> =
            told.into_iter().map(|count| Event::ServerDropped { count }).collect();
        assert_eq!(world.events(), wanted, "total {total}");
    }
    // Sierra's own longer heartbeat counts as well.
    let mut long = vec![0u8; 74];
    long[..4].copy_from_slice(&[74, 0, 3, 0]);
    long[4..8].copy_from_slice(&9u32.to_le_bytes());
    world.server.out.extend_from_slice(&long);
    world.settle();
    assert_eq!(world.events().last(), Some(&Event::ServerDropped { count: 6 }));
}

// ── feed, rejects, notices ──────────────────────────────────────────────────────────────────────

#[test]
fn the_feed_is_lost_and_restored() {
    for resubscribe in [0u8, 1] {
        let mut world = world();
        let answer = logon_answer(|a| a.resubscribe_when_market_data_feed_available = resubscribe);
        world.server.logon = Some(answer.as_bytes().to_vec());
        world.run(S);
        world.server.got.clear();
        world.events.clear();
        let mut status = wire::MarketDataFeedStatus::DEFAULT;
        for code in [1, 1, 2] {
            status.status = code.into();
            world.say(&status);
        }
        assert_eq!(world.events(), [Event::FeedLost, Event::FeedRestored]);
        let wanted: &[u16] = if resubscribe == 1 { &[101, 102, 101] } else { &[] };
        assert_eq!(world.server.kinds(), wanted);
    }
}

#[test]
fn the_feed_of_one_symbol() {
    let mut world = online();
    world.events.clear();
    let mut status = wire::MarketDataFeedSymbolStatus::DEFAULT;
    status.symbol_id = 2.into();
    for code in [1, 0, 2] {
        status.status = code.into();
        world.say(&status);
    }
    let told = |available| Event::SymbolFeed { symbol_id: 2, available };
    assert_eq!(world.events(), [told(false), told(true)]);
}

#[test]
fn every_rejection_is_told_with_its_text() {
    let mut world = online();
    world.events.clear();
    macro_rules! reject {
        ($message:ident, $field:ident, $id:expr) => {{
            let mut message = wire::$message::DEFAULT;
            message.$field = $id.into();
            message.reject_text = text96("Symbol not permitted");
            world.say(&message);
        }};
    }
    reject!(MarketDataReject, symbol_id, 2u32);
    reject!(MarketDepthReject, symbol_id, u32::MAX);
    reject!(OpenOrdersReject, request_id, -1);
    reject!(CurrentPositionsReject, request_id, 8);
    reject!(HistoricalOrderFillsReject, request_id, 9);
    reject!(SecurityDefinitionReject, request_id, 2);
    reject!(AccountBalanceReject, request_id, 11);
    reject!(HistoricalPriceDataReject, request_id, 12);
    reject!(HistoricalMarketDepthDataReject, request_id, 13);
    let seen: Vec<_> = world
        .events()
        .iter()
        .map(|event| match event {
            Event::Rejected { what, id, symbol_id, text } => {
                assert_eq!(text.as_str(), "Symbol not permitted");
                (*what, *id, *symbol_id)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            (RejectKind::MarketData, 2, Some(2)),
            (RejectKind::MarketDepth, 4_294_967_295, Some(u32::MAX)),
            (RejectKind::OpenOrders, -1, None),
            (RejectKind::CurrentPositions, 8, None),
            (RejectKind::HistoricalOrderFills, 9, None),
            (RejectKind::SecurityDefinition, 2, Some(2)),
            (RejectKind::AccountBalance, 11, None),
            (RejectKind::HistoricalPriceData, 12, None),
            (RejectKind::HistoricalMarketDepth, 13, None),
        ]
    );
    assert!(world.session.is_logged_on(), "a refusal is no reason to leave");
}

#[test]
fn messages_for_the_user() {
    let mut world = online();
    world.events.clear();
    let mut user = wire::UserMessage::DEFAULT;
    assert!(put_text(&mut user.user_message, &"x".repeat(255)));
    world.say(&user);
    let mut alert = wire::AlertMessage::DEFAULT;
    assert!(put_text(&mut alert.message_text, "margin\u{7}"));
    world.say(&alert);
    let [Event::Notice { kind: a, text: long }, Event::Notice { kind: b, text }] =
        world.events()[..]
    else {
        panic!("{:?}", world.events())
    };
    assert_eq!((a, b), (NoticeKind::User, NoticeKind::Alert));
    assert_eq!((long.as_str().len(), text.as_str()), (255, "margin "));
}

#[test]
fn unknown_types_are_counted_and_skipped() {
    let mut world = online();
    let before = world.events().len();
    for kind in [118u16, 4242, 65_535] {
        world.server.out.extend_from_slice(&6u16.to_le_bytes());
        world.server.out.extend_from_slice(&kind.to_le_bytes());
        world.server.out.extend_from_slice(&[1, 2]);
    }
    world.say(&wire::MarketDataUpdateTrade::DEFAULT);
    world.say(&wire::OrderUpdate::DEFAULT);
    assert_eq!(world.session.unknown_frames(), 3);
    assert_eq!(world.events().len(), before);
    assert!(world.session.is_logged_on());
}

// ── the way out ─────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_server_logs_off() {
    for stay_away in [0u8, 1] {
        let mut world = online();
        let mut logoff = wire::Logoff::DEFAULT;
        logoff.reason = text96("maintenance");
        logoff.do_not_reconnect = stay_away;
        world.say(&logoff);
        let CloseReason::ServerLogoff { text, do_not_reconnect } = world.close_reason() else {
            panic!("{:?}", world.close_reason())
        };
        assert_eq!((text.as_str(), do_not_reconnect), ("maintenance", stay_away == 1));
        assert_eq!(world.server.count(5), 0, "no answer to a goodbye");
        world.run(HOUR);
        assert_eq!(world.attempts.len() > 1, stay_away == 0);
        assert_eq!(world.session.is_logged_on(), stay_away == 0);
    }
}

#[test]
fn we_log_off() {
    let mut world = online();
    world.session.logoff("end of day", world.now);
    assert_eq!(world.session.send(&wire::OpenOrdersRequest::DEFAULT), Err(SendError::NotLoggedOn));
    world.run(world.now);
    assert_eq!(world.server.kinds().last(), Some(&5));
    assert_eq!(world.close_reason(), CloseReason::LoggedOff);
    assert!(matches!(world.events().last(), Some(Event::DoNotReconnect { text })
        if text.as_str() == "end of day"));
    world.run(HOUR);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn a_connection_is_made_anew() {
    let mut world = online();
    world.session.renew("once more", world.now);
    world.run(world.now);
    assert_eq!(world.server.kinds().last(), Some(&5), "a goodbye");
    assert!(matches!(world.events().last(), Some(Event::Reconnect { .. })));
    world.run(HOUR);
    assert_eq!((world.attempts.len(), world.session.is_logged_on()), (2, true));
}

#[test]
fn a_logoff_that_cannot_leave_ends_after_a_while() {
    let mut world = online();
    world.session.logoff("bye", world.now);
    assert_eq!(world.session.poll_timeout(), Some(world.now + 2 * S));
    world.session.handle_timeout(world.now + 2 * S);
    assert!(world.session.is_closing());
    let reason = CloseReason::LoggedOff;
    assert_eq!(world.session.poll_event(), Some(Event::CloseNow { reason }));
}

#[test]
fn a_logoff_while_waiting_stops_the_attempts() {
    let mut world = world();
    world.reachable = false;
    world.run(HOUR);
    let before = world.attempts.len();
    world.session.logoff("enough", world.now);
    world.run(2 * HOUR);
    assert_eq!(world.attempts.len(), before);
    assert_eq!(world.session.poll_timeout(), None);
}

// ── limits ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_server_that_does_not_read_is_left() {
    let mut world = online();
    let order = wire::SubmitNewSingleOrder::DEFAULT;
    let mut taken = 0;
    while world.session.send(&order).is_ok() {
        taken += 1;
        assert!(taken < 10_000, "the buffer is bounded");
    }
    assert_eq!(taken, dtc::session::OUTBOUND_BYTES_MAX / wire::SubmitNewSingleOrder::SIZE);
    assert_eq!(world.session.poll_event(), Some(Event::OutboundFull));
    let reason = CloseReason::OutboundFull;
    assert_eq!(world.session.poll_event(), Some(Event::CloseNow { reason }));
    assert_eq!(world.session.poll_event(), None);
}

#[test]
fn events_that_nobody_polls_end_the_connection() {
    let mut world = online();
    for _ in 0..1000 {
        feed(&mut world.session, wire::MarketDataReject::DEFAULT.as_bytes(), S);
    }
    assert!(world.session.is_closing());
    world.session.handle_disconnected(S);
    let mut last = Vec::new();
    while let Some(event) = world.session.poll_event() {
        last.push(event);
    }
    assert!(last.len() <= dtc::session::EVENTS_MAX);
    let reason = CloseReason::EventsFull;
    assert_eq!(last[last.len() - 2], Event::CloseNow { reason });
    assert!(matches!(last[last.len() - 1], Event::Reconnect { .. }));
}

#[test]
fn a_message_goes_out_with_its_own_size_and_number() {
    let mut world = online();
    let mut order = wire::CancelOrder::DEFAULT;
    order.size = 3.into();
    order.kind = 999.into();
    world.session.send(&order).unwrap();
    let frame = next_frame(world.session.poll_transmit().unwrap()).unwrap().unwrap();
    assert_eq!((frame.kind, frame.len()), (203, wire::CancelOrder::SIZE));
}

#[test]
fn nothing_before_the_connection_does_harm() {
    let mut session = Session::new(config());
    let beat = wire::Heartbeat::DEFAULT;
    session.handle_frame(&Frame { kind: 3, bytes: beat.as_bytes() }, 1);
    session.handle_disconnected(2);
    session.handle_timeout(3);
    session.handle_transmitted(100);
    assert!(session.poll_event().is_none() && session.poll_transmit().is_none());
    assert!(session.is_connect_due(3));
}

// ── back-off ────────────────────────────────────────────────────────────────────────────────────

fn waits(attempts: &[u64]) -> Vec<u64> {
    attempts.windows(2).map(|w| w[1] - w[0]).collect()
}

fn hours_without_a_server(seed: u64) -> Vec<u64> {
    let mut world = World::new(SessionConfig { seed, ..config() });
    world.reachable = false;
    world.run(3 * HOUR);
    world.attempts
}

#[test]
fn the_waits_double_with_jitter_from_the_seed() {
    let attempts = hours_without_a_server(1);
    assert_eq!(attempts, hours_without_a_server(1));
    assert_ne!(attempts, hours_without_a_server(2));
    assert!((180..400).contains(&attempts.len()), "{} attempts in 3 hours", attempts.len());
    for (n, wait) in waits(&attempts).into_iter().enumerate() {
        let whole = (500u64 << n.min(20)).min(60_000) * (S / 1000);
        assert!((whole / 2..=whole).contains(&wait), "wait {n}: {wait} of {whole}");
    }
}

#[test]
fn a_logon_that_lasted_starts_the_waits_anew() {
    let backoff = Backoff { first_ms: 1000, max_ms: 64_000 };
    for (lasts, anew) in [(29 * S, false), (30 * S, true)] {
        let mut world = World::new(SessionConfig { backoff, ..config() });
        world.reachable = false;
        world.run(300 * S);
        world.reachable = true;
        while !world.session.is_logged_on() {
            world.run(world.now + S / 10);
        }
        let logged_on = *world.attempts.last().unwrap();
        world.run(logged_on + lasts);
        world.disconnect();
        world.settle();
        let Some(Event::Reconnect { at, .. }) = world.events().last().copied() else {
            panic!("{:?}", world.events().last())
        };
        let wait = at - world.now;
        assert_eq!(wait <= S, anew, "after {} s: {} ms", lasts / S, wait / 1_000_000);
    }
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let mut session = Session::new(config());
    session.handle_connecting(0);
    assert_eq!(session.poll_timeout(), Some(10 * S));
    session.handle_timeout(10 * S);
    let reason = CloseReason::ConnectTimeout { seconds: 10 };
    assert_eq!(session.poll_event(), Some(Event::CloseNow { reason }));
}

#[test]
fn a_day_with_a_bad_server() {
    // Every hour the server falls silent for ten minutes; the same day twice is the same.
    let day = || {
        let mut world = online();
        for hour in 1..24 {
            world.run(hour * HOUR);
            world.server.beats = false;
            world.reachable = false;
            world.run(hour * HOUR + 600 * S);
            world.server.beats = true;
            world.reachable = true;
        }
        world.run(24 * HOUR);
        assert!(world.session.is_logged_on());
        let closes = world.close_reasons();
        assert_eq!(closes.len(), 23);
        assert!(closes.iter().all(|r| *r == CloseReason::Silence { seconds: 20 }));
        assert_eq!(world.server.count(1), 24);
        (world.attempts, world.events)
    };
    assert_eq!(day(), day());
}

// ── anything in any order ───────────────────────────────────────────────────────────────────────

proptest! {
    #[test]
    fn any_steps(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzz_session(&data);
    }

    /// Steps that make sense one by one, so that most of a day is spent logged on.
    #[test]
    fn sensible_steps_in_any_order(
        first in any::<u8>(), steps in prop::collection::vec(sensible_step(), 0..300)
    ) {
        let mut data = vec![first, 1, 0, 27, 0, 7, 0];
        data.extend(steps.into_iter().flatten());
        fuzz_session(&data);
    }
}

/// One step of `fuzz_session`, as bytes.
fn sensible_step() -> impl Strategy<Value = Vec<u8>> {
    let time = any::<u8>();
    prop_oneof![
        // A connection from its first to its last step.
        4 => Just(vec![1, 0, 27, 0, 7, 0]),
        1 => Just(vec![2, 0]),
        1 => Just(vec![0, 0]),
        // The feed is lost and restored, the server drops, refuses, notes, says goodbye.
        4 => (1u8..3).prop_map(|status| vec![47, 1, 0, status]),
        2 => any::<u8>().prop_map(|count| vec![57, 1, 0, count]),
        2 => (7u8..16).prop_map(|kind| vec![kind * 10 + 7, 2]),
        1 => any::<bool>().prop_map(|away| vec![67, 1, 96, away.into()]),
        // Capabilities and results of a logon, at random.
        2 => (any::<u8>(), 230u8..249)
            .prop_map(|(a, b)| vec![2, 0, 1, 0, 27, 0, 7, 2, 4, a % 6, b, a]),
        // Time passes, writes leave in part, messages go out, reading pauses.
        3 => (0u8..8).prop_map(|seconds| vec![3, seconds]),
        1 => time.prop_map(|seconds| vec![3, seconds]),
        3 => any::<u8>().prop_map(|count| vec![5, count]),
        3 => (0u8..255).prop_map(|what| vec![6, what]),
        1 => any::<u8>().prop_map(|on| vec![4, on]),
    ]
}
