//! The client against real sockets of this machine.
#![cfg(feature = "client")]

use dtc::client::{BUFFER_BYTES_MIN, Client, ClientError};
use dtc::frame::next_frame;
use dtc::session::{Backoff, CloseReason, SessionConfig, SessionEvent, Subscription};
use dtc::wire::{self, Message, value::put_text};
use mio::{Events, Poll, Token};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use zerocopy::IntoBytes;

const PATIENCE: Duration = Duration::from_secs(20);

fn config(symbol: &str) -> SessionConfig {
    SessionConfig {
        subscriptions: vec![Subscription {
            symbol_id: 1,
            symbol: symbol.into(),
            exchange: String::new(),
            depth_levels: 10,
        }],
        backoff: Backoff { first_ms: 2, max_ms: 20 },
        ..SessionConfig::default()
    }
}

/// Clients on one poll, with what they gave so far.
struct Rig {
    poll: Poll,
    start: Instant,
    clients: Vec<Client>,
    frames: Vec<Vec<(u16, Vec<u8>)>>,
    raw: Vec<Vec<u8>>,
    events: Vec<Vec<SessionEvent>>,
    errors: Vec<Vec<ClientError>>,
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "the socket tests run in real time")]
    fn new(clients: Vec<Client>) -> Rig {
        let count = clients.len();
        Rig {
            poll: Poll::new().unwrap(),
            start: Instant::now(),
            clients,
            frames: vec![Vec::new(); count],
            raw: vec![Vec::new(); count],
            events: vec![Vec::new(); count],
            errors: vec![Vec::new(); count],
        }
    }

    fn one(address: SocketAddr, config: SessionConfig) -> Rig {
        Rig::new(vec![Client::new(Token(7), address, config, 0)])
    }

    fn turn(&mut self) {
        let mut events = Events::with_capacity(16);
        self.poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
        let now = self.start.elapsed().as_nanos() as u64;
        for (at, client) in self.clients.iter_mut().enumerate() {
            for event in &events {
                client.handle_readiness(event);
            }
            if let Err(error) = client.service(self.poll.registry(), now) {
                self.errors[at].push(error);
            }
            while client.readable() {
                match client.read_once(now) {
                    Ok(0) => {}
                    Ok(count) => {
                        assert_eq!(client.last_read().len(), count);
                        self.raw[at].extend_from_slice(client.last_read());
                    }
                    Err(error) => self.errors[at].push(error),
                }
                loop {
                    match client.next_frame(now) {
                        Ok(Some(frame)) => {
                            self.frames[at].push((frame.kind, frame.bytes.to_vec()));
                        }
                        Ok(None) => break,
                        Err(error) => self.errors[at].push(error),
                    }
                }
            }
            while let Some(event) = client.poll_event() {
                self.events[at].push(event);
            }
        }
    }

    /// Whether the first client is logged on and has sent all it had to say.
    fn is_settled(&mut self) -> bool {
        let session = self.clients[0].session();
        session.is_logged_on() && session.poll_transmit().is_none()
    }

    /// Turns until `done` says so.
    fn until(&mut self, done: impl Fn(&mut Rig) -> bool) {
        while !done(self) {
            assert!(self.start.elapsed() < PATIENCE, "{:?} {:?}", self.events, self.errors);
            self.turn();
        }
    }
}

/// The server's end of one connection, blocking.
struct Peer(TcpStream);

impl Peer {
    fn accept(listener: &TcpListener) -> Peer {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer(stream)
    }

    /// The next message of the client; `None` when it has closed.
    fn read(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 4];
        self.0.read_exact(&mut bytes).ok()?;
        bytes.resize(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])), 0);
        self.0.read_exact(&mut bytes[4..]).unwrap();
        Some(bytes)
    }

    fn expect(&mut self, kind: u16) -> Vec<u8> {
        let bytes = self.read().expect("a message");
        assert_eq!(u16::from_le_bytes([bytes[2], bytes[3]]), kind);
        bytes
    }

    fn say(&mut self, message: &impl Message) {
        self.0.write_all(message.as_bytes()).unwrap();
    }

    /// Up to and with the subscriptions; returns the symbol.
    fn log_on(&mut self) -> String {
        self.expect(6);
        self.say(&wire::EncodingResponse::DEFAULT);
        self.expect(1);
        self.say(&wire::LogonResponse::DEFAULT);
        let request = wire::MarketDataRequest::parse(&self.expect(101));
        self.expect(102);
        wire::value::text_lossy(&request.symbol).into_owned()
    }
}

fn serve(run: impl FnOnce(TcpListener) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || run(listener)))
}

fn trades(count: u32) -> Vec<u8> {
    let one = |n: u32| {
        let mut trade = wire::MarketDataUpdateTrade::DEFAULT;
        trade.symbol_id = n.into();
        trade.as_bytes().to_vec()
    };
    (0..count).flat_map(one).collect()
}

#[test]
fn everything_arrives_whatever_the_pieces() {
    const COUNT: u32 = 20_000;
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        let bytes = trades(COUNT);
        let mut rest = bytes.as_slice();
        let mut size = 1;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            peer.0.write_all(piece).unwrap();
            rest = after;
            size = size * 7 % 99_991 + 1;
        }
        assert!(peer.read().is_none(), "the client stays until it is dropped");
    });
    let mut rig = Rig::one(address, config("ES"));
    let wanted = COUNT as usize + 2;
    rig.until(|rig| rig.frames[0].len() >= wanted);
    assert_eq!(rig.frames[0].len(), wanted);
    let ids = rig.frames[0][2..].iter().map(|(kind, bytes)| {
        assert_eq!(*kind, 107);
        wire::MarketDataUpdateTrade::parse(bytes).symbol_id.get()
    });
    assert!(ids.eq(0..COUNT), "in order, each once");

    // The raw reads are the same stream.
    let mut rest = rig.raw[0].as_slice();
    for (kind, bytes) in &rig.frames[0] {
        let frame = next_frame(rest).unwrap().unwrap();
        assert_eq!((frame.kind, frame.bytes), (*kind, bytes.as_slice()));
        rest = &rest[frame.len()..];
    }
    assert!(rest.is_empty());
    assert!(rig.clients[0].is_connected() && rig.clients[0].generation() == 1);
    assert!(rig.is_settled());
    assert_eq!(rig.errors[0], []);
    drop(rig);
    server.join().unwrap();
}

#[test]
fn the_largest_frames_fit() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        let mut frame = vec![7u8; 65_535];
        frame[..4].copy_from_slice(&[0xFF, 0xFF, 0xF0, 0xFF]);
        for _ in 0..20 {
            peer.0.write_all(&frame).unwrap();
            peer.0.write_all(&[5, 0, 0xF1, 0xFF, 1]).unwrap();
        }
        assert!(peer.read().is_none());
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.frames[0].len() >= 42);
    assert_eq!(rig.frames[0][2].1.len(), 65_535);
    assert_eq!(rig.clients[0].session().unknown_frames(), 40);
    drop(rig);
    server.join().unwrap();
}

#[test]
fn several_clients_on_one_poll() {
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for (token, symbol) in ["ES", "NQ", "YM"].into_iter().enumerate() {
        let (address, server) = serve(move |listener| {
            let mut peer = Peer::accept(&listener);
            assert_eq!(peer.log_on(), symbol);
            for trade in trades(500).chunks(977) {
                peer.0.write_all(trade).unwrap();
            }
            assert!(peer.read().is_none());
        });
        servers.push(server);
        clients.push(Client::new(Token(token), address, config(symbol), BUFFER_BYTES_MIN));
    }
    let mut rig = Rig::new(clients);
    rig.until(|rig| rig.frames.iter().all(|frames| frames.len() == 502));
    assert!(rig.errors.iter().all(Vec::is_empty));
    drop(rig);
    for server in servers {
        server.join().unwrap();
    }
}

#[test]
fn a_refused_connection_is_told_with_its_address_and_tried_again() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.errors[0].len() >= 3);
    for error in &rig.errors[0] {
        assert_eq!(
            *error,
            ClientError::Connect { address, kind: std::io::ErrorKind::ConnectionRefused }
        );
        assert!(error.to_string().contains(&address.to_string()));
    }
    assert!(matches!(rig.events[0][0], SessionEvent::Reconnect { address: None, .. }));
    assert_eq!(rig.clients[0].generation(), 0);
}

#[test]
fn a_lost_connection_is_made_again() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        let mut half = trades(3);
        half.truncate(half.len() - 5);
        peer.0.write_all(&half).unwrap();
        drop(peer);
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        peer.0.write_all(&trades(2)).unwrap();
        assert!(peer.read().is_none());
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.clients[0].generation() == 2 && rig.frames[0].len() == 2 + 2 + 2 + 2);
    assert_eq!(rig.errors[0], [ClientError::Closed { address }]);
    let kinds: Vec<u16> = rig.frames[0].iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [7, 2, 107, 107, 7, 2, 107, 107], "half a trade is no trade");
    drop(rig);
    server.join().unwrap();
}

#[test]
fn a_broken_stream_ends_the_connection_with_the_reason() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        peer.0.write_all(&[4, 0, 3, 0, 3, 0, 0, 0, 9, 9, 9]).unwrap();
        assert!(peer.read().is_none(), "the client leaves");
        Peer::accept(&listener).log_on();
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.clients[0].generation() == 2 && rig.is_settled());
    assert!(matches!(rig.errors[0][0], ClientError::Frame { .. }));
    let text = rig.errors[0][0].to_string();
    assert!(text.contains("size of 3 bytes"), "{text}");
    let broken =
        |e: &SessionEvent| matches!(e, SessionEvent::CloseNow { reason: CloseReason::Broken(_) });
    assert!(rig.events[0].iter().any(broken));
    drop(rig);
    server.join().unwrap();
}

#[test]
fn what_came_with_a_goodbye_is_cut_as_well() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        let mut bytes = wire::Logoff::DEFAULT.as_bytes().to_vec();
        bytes.extend_from_slice(&trades(3));
        peer.0.write_all(&bytes).unwrap();
        assert!(peer.read().is_none(), "the client leaves");
        Peer::accept(&listener).log_on();
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.clients[0].generation() == 2 && rig.is_settled());
    let kinds: Vec<u16> = rig.frames[0].iter().map(|(kind, _)| *kind).take(6).collect();
    assert_eq!(kinds, [7, 2, 5, 107, 107, 107], "one read, whole");
    drop(rig);
    server.join().unwrap();
}

#[test]
fn our_goodbye_arrives_before_the_end() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        peer.0.write_all(&trades(1000)).unwrap();
        let goodbye = wire::Logoff::parse(&peer.expect(5));
        assert_eq!(wire::value::text_lossy(&goodbye.reason), "end of day");
        assert!(peer.read().is_none());
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.is_settled());
    rig.clients[0].session().logoff("end of day", 0);
    let last = |rig: &mut Rig| rig.events[0].last().copied();
    rig.until(|rig| matches!(last(rig), Some(SessionEvent::DoNotReconnect { .. })));
    server.join().unwrap();
    assert_eq!(rig.clients[0].poll_timeout(), None);
    assert!(!rig.clients[0].is_connected());
    assert_eq!(rig.errors[0], []);
}

/// A server that sends its client to `to`, once.
fn redirecting(to: String, then_log_on: bool) -> (SocketAddr, JoinHandle<()>) {
    serve(move |listener| {
        let mut peer = Peer::accept(&listener);
        peer.expect(6);
        peer.say(&wire::EncodingResponse::DEFAULT);
        peer.expect(1);
        let mut answer = wire::LogonResponse::DEFAULT;
        answer.result = 4.into();
        assert!(put_text(&mut answer.reconnect_address, &to));
        peer.say(&answer);
        assert!(peer.read().is_none());
        if then_log_on {
            Peer::accept(&listener).log_on();
        }
    })
}

#[test]
fn the_client_goes_where_the_server_sends_it() {
    for name in [false, true] {
        let (there, second) = serve(|listener| {
            let mut peer = Peer::accept(&listener);
            peer.log_on();
            assert!(peer.read().is_none());
        });
        let to = if name { format!("localhost:{}", there.port()) } else { there.to_string() };
        let (address, first) = redirecting(to, false);
        let mut rig = Rig::one(address, config("ES"));
        rig.until(|rig| rig.is_settled());
        assert_eq!(rig.clients[0].address().port(), there.port());
        drop(rig);
        first.join().unwrap();
        second.join().unwrap();
    }
}

#[test]
fn an_address_that_cannot_be_found_leads_home() {
    let (address, server) = redirecting("no such host:70000".into(), true);
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.clients[0].generation() == 2 && rig.is_settled());
    let [ClientError::Redirect { to }] = rig.errors[0][..] else { panic!("{:?}", rig.errors) };
    assert_eq!(to.as_str(), "no such host:70000");
    assert_eq!(rig.clients[0].address(), address);
    drop(rig);
    server.join().unwrap();
}

#[test]
fn a_server_that_does_not_read_is_left() {
    let (address, server) = serve(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.log_on();
        thread::park_timeout(PATIENCE);
    });
    let mut rig = Rig::one(address, config("ES"));
    rig.until(|rig| rig.is_settled());
    let full = |e: &SessionEvent| matches!(e, SessionEvent::OutboundFull);
    let order = wire::SubmitNewSingleOrder::DEFAULT;
    while !rig.events[0].iter().any(full) {
        for _ in 0..200 {
            if rig.clients[0].session().send(&order).is_err() {
                break;
            }
        }
        assert!(rig.start.elapsed() < PATIENCE);
        rig.turn();
    }
    rig.until(|rig| !rig.clients[0].is_connected());
    server.thread().unpark();
    server.join().unwrap();
}
