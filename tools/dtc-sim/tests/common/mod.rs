//! A plain client built on the standard library, and the markets to serve it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use dtc::frame::next_frame;
use dtc::wire::{
    AccountBalanceUpdate, HistoricalOrderFillResponse, LogonRequest, MarketDataRequest,
    MarketDataUpdateTradeCompact, MarketDataUpdateTradeV2,
    MarketDataUpdateTradeWithUnbundledIndicator2, MarketDepthRequest, MarketDepthSnapshotLevel,
    MarketDepthSnapshotLevelFloat, MarketDepthUpdateLevel,
    MarketDepthUpdateLevelFloatWithMilliseconds, MarketDepthUpdateLevelV2, Message, OrderUpdate,
    PositionUpdate, TradeAccountResponse, codes, value,
};
use dtc_sim::encode::Generation;
use dtc_sim::fault::FaultPlan;
use dtc_sim::market::{Market, MarketBody, MarketRecord, Side, SymbolSpec, VecMarket};
use dtc_sim::run::{AtEnd, Pace, ServeConfig, ServerHandle, serve};
use dtc_sim::server::ServerOptions;
use dtc_sim::state::{Level, MarketState};
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};

/// Symbols and records.
pub(crate) type Recorded = (Vec<SymbolSpec>, Vec<MarketRecord>);

/// Nothing here takes longer, or something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// (symbol id, price, volume) of a trade.
pub(crate) type Print = (u32, f64, f64);

pub(crate) fn market(seconds: f64) -> Recorded {
    let config = SyntheticConfig {
        symbols: vec![(es(), 5000.0), (nq(), 18_000.0)],
        duration_s: seconds,
        ..SyntheticConfig::default()
    };
    let mut market = SyntheticMarket::new(&config);
    let records = std::iter::from_fn(|| market.next()).collect();
    (market.symbols().to_vec(), records)
}

pub(crate) fn trades(records: &[MarketRecord]) -> Vec<Print> {
    let print = |record: &MarketRecord| match record.body {
        MarketBody::Trade { price, volume, .. } => {
            Some((u32::from(record.symbol) + 1, price, f64::from(volume)))
        }
        _ => None,
    };
    records.iter().filter_map(print).collect()
}

pub(crate) fn config(faults: FaultPlan) -> ServeConfig {
    ServeConfig { pace: Pace::FlatOut, at_end: AtEnd::Logoff, faults, ..ServeConfig::default() }
}

pub(crate) fn start(config: ServeConfig, market: &Recorded) -> ServerHandle {
    serve(config, Box::new(VecMarket::new(market.0.clone(), market.1.clone()))).unwrap()
}

/// What a client has seen over all its connections.
pub(crate) struct Client {
    address: SocketAddr,
    name: &'static str,
    specs: Vec<SymbolSpec>,
    stream: TcpStream,
    buffer: Vec<u8>,
    pub(crate) trades: Vec<Print>,
    book: MarketState,
    pub(crate) connections: u32,
    logged_off: bool,
    pub(crate) orders: Vec<(i32, f64)>,
    pub(crate) updates: Vec<OrderUpdate>,
    pub(crate) positions: Vec<PositionUpdate>,
    pub(crate) fills: Vec<HistoricalOrderFillResponse>,
    pub(crate) balances: Vec<AccountBalanceUpdate>,
    pub(crate) accounts: Vec<TradeAccountResponse>,
    deadline: Instant,
}

/// Why reading ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Logoff,
    Closed,
    Reset,
    Corrupt,
    Enough,
}

impl Client {
    pub(crate) fn connect(server: &ServerHandle, specs: &[SymbolSpec], name: &'static str) -> Self {
        let address = server.addr();
        let mut client = Self {
            address,
            name,
            specs: specs.to_vec(),
            stream: TcpStream::connect(address).unwrap(),
            buffer: Vec::new(),
            trades: Vec::new(),
            book: MarketState::new(specs),
            connections: 0,
            logged_off: false,
            orders: Vec::new(),
            updates: Vec::new(),
            positions: Vec::new(),
            fills: Vec::new(),
            balances: Vec::new(),
            accounts: Vec::new(),
            deadline: Instant::now() + PATIENCE,
        };
        client.open();
        client
    }

    /// Closes without a word.
    pub(crate) fn hang_up(&mut self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }

    pub(crate) fn reconnect(&mut self) {
        self.stream = TcpStream::connect(self.address).unwrap();
        self.open();
    }

    /// Logs on and, once welcome, subscribes everything.
    fn open(&mut self) {
        self.connections += 1;
        self.buffer.clear();
        self.stream.set_nodelay(true).unwrap();
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut logon =
            LogonRequest { heartbeat_interval_in_seconds: 30.into(), ..Message::DEFAULT };
        assert!(value::put_text(&mut logon.client_name, self.name));
        self.send(&logon);
    }

    pub(crate) fn send(&mut self, message: &impl Message) {
        self.stream.write_all(message.as_bytes()).unwrap();
    }

    fn subscribe(&mut self) {
        for (id, spec) in (1u32..).zip(self.specs.clone()) {
            let mut data = MarketDataRequest { symbol_id: id.into(), ..Message::DEFAULT };
            assert!(value::put_text(&mut data.symbol, &spec.symbol));
            self.send(&data);
            let mut depth = MarketDepthRequest {
                symbol_id: id.into(),
                num_levels: 10.into(),
                ..Message::DEFAULT
            };
            assert!(value::put_text(&mut depth.symbol, &spec.symbol));
            self.send(&depth);
        }
    }

    /// Reads until the connection ends or `enough` is true.
    pub(crate) fn read_until(&mut self, enough: impl Fn(&Self) -> bool) -> Ended {
        let mut chunk = [0u8; 4096];
        loop {
            assert!(Instant::now() < self.deadline, "{} trades so far", self.trades.len());
            let mut done = 0;
            loop {
                match next_frame(&self.buffer[done..]) {
                    Ok(Some(frame)) => {
                        let (kind, bytes) = (frame.kind, frame.bytes.to_vec());
                        done += bytes.len();
                        self.handle(kind, &bytes);
                    }
                    Ok(None) => break,
                    Err(_) => return Ended::Corrupt,
                }
            }
            self.buffer.drain(..done);
            if enough(self) {
                return Ended::Enough;
            }
            match self.stream.read(&mut chunk) {
                Ok(0) if self.logged_off => return Ended::Logoff,
                Ok(0) => return Ended::Closed,
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ended::Reset,
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    "{error}"
                ),
            }
        }
    }

    /// Reads to the goodbye, coming back as often as it takes.
    pub(crate) fn read_all(&mut self) {
        while self.read_until(|_| false) != Ended::Logoff {
            self.reconnect();
        }
    }

    fn handle(&mut self, kind: u16, bytes: &[u8]) {
        match kind {
            2 => self.subscribe(),
            5 => self.logged_off = true,
            112 => {
                let m = MarketDataUpdateTradeCompact::parse(bytes);
                let (price, volume) = (f64::from(m.price.get()), f64::from(m.volume.get()));
                self.trades.push((m.symbol_id.get(), price, volume));
            }
            146 => {
                let m = MarketDataUpdateTradeWithUnbundledIndicator2::parse(bytes);
                let (price, volume) = (f64::from(m.price.get()), f64::from(m.volume.get()));
                self.trades.push((m.symbol_id.get(), price, volume));
            }
            147 => {
                let m = MarketDataUpdateTradeV2::parse(bytes);
                self.trades.push((m.symbol_id.get(), m.price.get(), m.volume.get()));
            }
            106 => {
                let m = MarketDepthUpdateLevel::parse(bytes);
                let row = (m.side.get() as u8, m.update_type == 2, m.price.get());
                self.level(m.symbol_id.get(), row, m.quantity.get(), m.num_orders.get());
            }
            140 => {
                let m = MarketDepthUpdateLevelFloatWithMilliseconds::parse(bytes);
                let row = (m.side, m.update_type == 2, m.price.get().into());
                let quantity = m.quantity.get().into();
                self.level(m.symbol_id.get(), row, quantity, m.num_orders.get().into());
            }
            109 => {
                let m = MarketDepthUpdateLevelV2::parse(bytes);
                let row = (m.side, m.update_type == 2, m.price.get());
                self.level(m.symbol_id.get(), row, m.quantity.get(), m.num_orders.get().into());
            }
            122 => {
                let m = MarketDepthSnapshotLevel::parse(bytes);
                if m.is_first_message_in_batch == 1 {
                    self.clear(m.symbol_id.get());
                }
                let row = (m.side.get() as u8, false, m.price.get());
                self.level(m.symbol_id.get(), row, m.quantity.get(), m.num_orders.get());
            }
            145 => {
                let m = MarketDepthSnapshotLevelFloat::parse(bytes);
                if m.final_update_in_batch == codes::FINAL_UPDATE_BEGIN_BATCH {
                    self.clear(m.symbol_id.get());
                }
                let row = (m.side, false, m.price.get().into());
                self.level(m.symbol_id.get(), row, m.quantity.get().into(), m.num_orders.get());
            }
            301 => {
                let m = OrderUpdate::parse(bytes);
                self.orders.push((m.order_update_reason.get(), m.last_fill_price.get()));
                self.updates.push(m);
            }
            304 => self.fills.push(HistoricalOrderFillResponse::parse(bytes)),
            306 => self.positions.push(PositionUpdate::parse(bytes)),
            401 => self.accounts.push(TradeAccountResponse::parse(bytes)),
            600 => self.balances.push(AccountBalanceUpdate::parse(bytes)),
            _ => {}
        }
    }

    fn clear(&mut self, id: u32) {
        let record =
            MarketRecord { ts_ns: 0, symbol: (id - 1) as u16, body: MarketBody::ClearBook };
        self.book.apply(&record);
    }

    fn level(&mut self, id: u32, row: (u8, bool, f64), quantity: f64, orders: u32) {
        let (side, delete, price) = row;
        let side = match side {
            codes::AT_BID => Side::Bid,
            codes::AT_ASK => Side::Ask,
            _ => return,
        };
        let body = MarketBody::Depth {
            side,
            delete,
            price,
            quantity: quantity as u32,
            orders: orders as u16,
            level: 0,
            final_in_batch: true,
        };
        self.book.apply(&MarketRecord { ts_ns: 0, symbol: (id - 1) as u16, body });
    }

    pub(crate) fn books(&self) -> Vec<Vec<Level>> {
        books(&self.book, self.specs.len())
    }
}

/// Equal, or where they part: the whole lists would fill the screen.
#[track_caller]
pub(crate) fn assert_same(got: &[Print], expected: &[Print]) {
    let parts = got.iter().zip(expected).position(|(a, b)| a != b);
    let lengths = (got.len(), expected.len());
    assert!(parts.is_none() && lengths.0 == lengths.1, "part at {parts:?}, lengths {lengths:?}");
}

pub(crate) fn books(state: &MarketState, symbols: usize) -> Vec<Vec<Level>> {
    (0..symbols as u16)
        .flat_map(|symbol| [(symbol, Side::Bid), (symbol, Side::Ask)])
        .map(|(symbol, side)| state.symbol(symbol).unwrap().book.levels(side).to_vec())
        .collect()
}

pub(crate) fn final_books(market: &Recorded) -> Vec<Vec<Level>> {
    let mut state = MarketState::new(&market.0);
    market.1.iter().for_each(|record| state.apply(record));
    books(&state, market.0.len())
}

pub(crate) fn generation(generation: Generation) -> ServerOptions {
    ServerOptions { generation, ..ServerOptions::default() }
}
