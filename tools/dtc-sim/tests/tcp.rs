//! The server over real sockets, against a plain client built on the standard library.

mod common;
mod orders;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dtc::wire::{LogonRequest, Message, SubmitNewSingleOrder, codes, value};
use dtc_sim::encode::Generation;
use dtc_sim::fault::{FaultPlan, Garbage, Split};
use dtc_sim::run::{AtEnd, Pace, ServeConfig, Start};
use zerocopy::IntoBytes;

use common::{Client, Ended, assert_same, config, final_books, generation, market, start, trades};

#[test]
fn everything_arrives_in_each_generation() {
    let market = market(30.0);
    for each in [Generation::Compact, Generation::Float, Generation::V2] {
        let server = start(
            ServeConfig { options: generation(each), ..config(FaultPlan::default()) },
            &market,
        );
        let mut client = Client::connect(&server, &market.0, "one");
        assert_eq!(client.read_until(|_| false), Ended::Logoff);
        assert_same(&client.trades, &trades(&market.1));
        assert_eq!(client.books(), final_books(&market));
        assert!(server.finished());
        let stats = server.join();
        assert_eq!((stats.clients_accepted, stats.records), (1, market.1.len() as u64));
        assert!(stats.bytes_written > 100_000);
    }
}

#[test]
fn every_split_gives_the_same() {
    let market = market(5.0);
    for split in [Split::EveryByte, Split::Every(3), Split::Random { seed: 9, max: 70 }] {
        let server = start(config(FaultPlan { split, ..FaultPlan::default() }), &market);
        let mut client = Client::connect(&server, &market.0, "one");
        client.read_all();
        assert_same(&client.trades, &trades(&market.1));
        assert_eq!(client.books(), final_books(&market));
    }
}

#[test]
fn missed_records_are_replayed_without_loss_or_repetition() {
    let market = market(20.0);
    let end = market.1.len() as u64;
    let faults = FaultPlan {
        split: Split::Random { seed: 5, max: 200 },
        disconnects: vec![1, 1000, 1001, 2500, end],
        ..FaultPlan::default()
    };
    let server = start(ServeConfig { replay_missed: true, ..config(faults) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    client.read_all();
    assert_eq!(client.connections, 6);
    assert_same(&client.trades, &trades(&market.1));
    assert_eq!(client.books(), final_books(&market));
    assert_eq!(server.join().disconnects_forced, 5);
}

#[test]
fn lost_records_are_exactly_those_announced() {
    let market = market(20.0);
    let faults = FaultPlan {
        disconnects: vec![1000, 2500],
        lost_after_disconnect: 300,
        ..FaultPlan::default()
    };
    let server = start(ServeConfig { wait_for_clients: true, ..config(faults) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    client.read_all();
    let mut expected = trades(&market.1[..1000]);
    expected.extend(trades(&market.1[1300..2500]));
    expected.extend(trades(&market.1[2800..]));
    assert_same(&client.trades, &expected);
    assert_eq!(client.books(), final_books(&market), "the snapshot closes the hole in the book");
    let stats = server.join();
    assert_eq!((stats.disconnects_forced, stats.records_lost), (2, 600));
}

#[test]
fn garbage_ends_the_stream_and_unknown_types_do_not() {
    let market = market(10.0);
    let faults = FaultPlan {
        garbage: vec![
            Garbage::unknown_type(200),
            Garbage::undersized(500),
            Garbage::unknown_type(900),
        ],
        ..FaultPlan::default()
    };
    let server = start(ServeConfig { replay_missed: true, ..config(faults) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    assert_eq!(client.read_until(|_| false), Ended::Corrupt);
    assert_same(&client.trades, &trades(&market.1[..500]));
    client.reconnect();
    client.read_all();
    assert_eq!(client.connections, 2);
    assert_same(&client.trades, &trades(&market.1));
}

#[test]
fn a_reset_is_seen_as_one() {
    let market = market(10.0);
    let faults = FaultPlan { resets: vec![700], ..FaultPlan::default() };
    let server = start(ServeConfig { wait_for_clients: true, ..config(faults) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    assert_eq!(client.read_until(|_| false), Ended::Reset);
    client.reconnect();
    client.read_all();
    let all = trades(&market.1);
    assert!(client.trades.len() <= all.len());
    assert!(client.trades.ends_with(&trades(&market.1[700..])));
    assert_eq!(client.books(), final_books(&market));
}

#[test]
fn several_clients_see_the_same() {
    let market = market(10.0);
    let server = start(ServeConfig { clients_wanted: 3, ..config(FaultPlan::default()) }, &market);
    let mut clients: Vec<Client> =
        ["a", "b", "c"].map(|name| Client::connect(&server, &market.0, name)).into();
    // One after the other: those not read yet hold the market back and lose nothing.
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| client.read_all());
        }
    });
    for client in &clients {
        assert_same(&client.trades, &trades(&market.1));
        assert_eq!(client.books(), final_books(&market));
    }
}

#[test]
fn hostile_clients_are_closed_and_the_others_go_on() {
    let market = market(10.0);
    let server = start(ServeConfig { clients_wanted: 1, ..config(FaultPlan::default()) }, &market);
    let hostile: [&[u8]; 5] = [
        &[3, 0, 1, 0],
        &[0; 64],
        &[0xff; 64],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[96, 0, 101, 0, 1, 0],
    ];
    for (at, bytes) in hostile.into_iter().enumerate() {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(bytes).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut byte = [0u8; 1];
        match stream.read(&mut byte) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) if at + 1 == hostile.len() => {
                assert_ne!(error.kind(), ErrorKind::ConnectionReset, "half a message may wait");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    let mut client = Client::connect(&server, &market.0, "one");
    client.read_all();
    assert_same(&client.trades, &trades(&market.1));
    assert_eq!(server.join().protocol_errors, 4);
}

#[test]
fn a_late_client_joins_the_book_as_it_stands() {
    let market = market(3.0);
    let server =
        start(ServeConfig { pace: Pace::Times(2.0), ..config(FaultPlan::default()) }, &market);
    let mut first = Client::connect(&server, &market.0, "first");
    assert_eq!(first.read_until(|client| client.trades.len() > 20), Ended::Enough);
    let mut second = Client::connect(&server, &market.0, "second");
    second.read_all();
    first.read_all();
    assert_same(&first.trades, &trades(&market.1));
    assert!(!second.trades.is_empty() && second.trades.len() < first.trades.len());
    assert!(first.trades.ends_with(&second.trades));
    assert_eq!(second.books(), final_books(&market));
}

#[test]
fn stalls_and_slow_lines_take_their_time_and_lose_nothing() {
    let market = market(2.0);
    let faults = FaultPlan { stalls: vec![(100, 400)], ..FaultPlan::default() };
    let server = start(config(faults), &market);
    let began = Instant::now();
    let mut client = Client::connect(&server, &market.0, "one");
    client.read_all();
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_same(&client.trades, &trades(&market.1));
    let bytes = server.join().bytes_written;

    let rate = bytes;
    let faults = FaultPlan { bytes_per_s_max: Some(rate), ..FaultPlan::default() };
    let server = start(config(faults), &market);
    let began = Instant::now();
    let mut client = Client::connect(&server, &market.0, "one");
    client.read_all();
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    assert_same(&client.trades, &trades(&market.1));
}

#[test]
fn heartbeats_can_be_dropped() {
    for (drop_heartbeats, expected) in [(false, true), (true, false)] {
        let faults = FaultPlan { drop_heartbeats, ..FaultPlan::default() };
        let market = market(1.0);
        let server = start(ServeConfig { at_end: AtEnd::KeepOpen, ..config(faults) }, &market);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        let logon = LogonRequest { heartbeat_interval_in_seconds: 1.into(), ..Message::DEFAULT };
        stream.write_all(logon.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        let mut seen = vec![0u8; 256];
        stream.read_exact(&mut seen).unwrap();
        let mut beat = [0u8; 16];
        assert_eq!(stream.read_exact(&mut beat).is_ok(), expected);
    }
}

#[test]
fn an_order_fills_against_the_served_book() {
    let market = market(5.0);
    let server =
        start(ServeConfig { at_end: AtEnd::KeepOpen, ..config(FaultPlan::default()) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    let count = trades(&market.1).len();
    assert_eq!(client.read_until(|client| client.trades.len() == count), Ended::Enough);
    let mut order = SubmitNewSingleOrder {
        order_type: codes::ORDER_TYPE_MARKET.into(),
        buy_sell: codes::BUY.into(),
        quantity: 1.0.into(),
        ..Message::DEFAULT
    };
    assert!(value::put_text(&mut order.symbol, &market.0[0].symbol));
    assert!(value::put_text(&mut order.client_order_id, "mine"));
    client.send(&order);
    assert_eq!(client.read_until(|client| client.orders.len() == 2), Ended::Enough);
    let ask = final_books(&market)[1][0].price;
    assert_eq!(client.orders[1], (codes::ORDER_FILLED, ask));
    assert_eq!(server.join().orders, 1);
}

#[test]
fn the_market_starts_when_told() {
    let market = market(5.0);
    // Nobody is needed.
    let immediately = ServeConfig { start: Start::Immediately, ..config(FaultPlan::default()) };
    let server = start(immediately, &market);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.finished() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.join().records, market.1.len() as u64);

    // A client that wants one symbol only is waited for a little, then it starts.
    let server = start(config(FaultPlan::default()), &market);
    let mut client = Client::connect(&server, &market.0[..1], "one");
    assert_eq!(server.stats().records, 0);
    client.read_all();
    let own: Vec<_> = trades(&market.1).into_iter().filter(|print| print.0 == 1).collect();
    assert_same(&client.trades, &own);
    assert_eq!(client.books(), final_books(&market)[..2]);
}

#[test]
fn a_client_that_breaks_off_goes_on_where_it_was() {
    let market = market(20.0);
    let replay = ServeConfig {
        replay_missed: true,
        pace: Pace::Times(20.0),
        ..config(FaultPlan::default())
    };
    let server = start(replay, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    assert_eq!(client.read_until(|client| client.trades.len() > 50), Ended::Enough);
    client.hang_up();
    std::thread::sleep(Duration::from_millis(100));
    let away = server.stats().records;
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.stats().records, away, "the market waits");
    let before = client.trades.len();
    client.reconnect();
    client.read_all();
    // What was on its way when the client broke off may be lost, and nothing else.
    let all = trades(&market.1);
    let lost = all.len() - client.trades.len();
    assert!(lost < 50, "{lost} trades lost");
    assert_same(&client.trades[..before], &all[..before]);
    assert_same(&client.trades[before..], &all[before + lost..]);
    assert_eq!(client.books(), final_books(&market));
}

#[test]
fn stopping_is_quick_and_says_goodbye() {
    let market = market(1000.0);
    let server =
        start(ServeConfig { pace: Pace::Recorded, ..config(FaultPlan::default()) }, &market);
    let mut client = Client::connect(&server, &market.0, "one");
    assert_eq!(client.read_until(|client| !client.trades.is_empty()), Ended::Enough);
    assert!(!server.finished());
    let began = Instant::now();
    server.stop();
    assert_eq!(client.read_until(|_| false), Ended::Logoff);
    drop(client);
    server.join();
    assert!(began.elapsed() < Duration::from_secs(3));
}
