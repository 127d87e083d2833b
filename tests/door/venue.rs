//! A server that takes orders and does what the test says, over a real socket.

use crossbeam::channel::{Receiver, Sender, TryRecvError, unbounded};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use dtc::wire::{self, Message, value};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{F32, F64, I32};

/// What a test tells the server.
pub(crate) enum Say {
    /// Close the connection.
    Drop,
    /// Log off for good.
    Leave,
    /// Close the connection, and be this from then on.
    Become(Kind),
}

/// The test's end.
pub(crate) struct Venue {
    pub(crate) address: String,
    /// Messages as they came, number first.
    pub(crate) received: Receiver<(u16, Vec<u8>)>,
    pub(crate) say: Sender<Say>,
}

/// What the server is.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) brackets: bool,
    pub(crate) account: &'static str,
}

/// Serves one connection after the other until the test ends.
pub(crate) fn serve(kind: Kind) -> Venue {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback port");
    let address = listener.local_addr().expect("bound").to_string();
    let (tell, received) = unbounded();
    let (say, said) = unbounded();
    std::thread::spawn(move || {
        let mut kind = kind;
        while let Ok((stream, _)) = listener.accept() {
            let Some(next) = connection(stream, kind, &tell, &said) else { return };
            kind = next;
        }
    });
    Venue { address, received, say }
}

/// Serves until the connection ends; what the server is then, `None` where the test has ended.
fn connection(
    mut stream: TcpStream,
    kind: Kind,
    tell: &Sender<(u16, Vec<u8>)>,
    said: &Receiver<Say>,
) -> Option<Kind> {
    stream.set_read_timeout(Some(Duration::from_millis(2))).expect("timeout");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Some(kind),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Some(kind),
        }
        while let Ok(Some(frame)) = dtc::frame::next_frame(&bytes) {
            let (length, number) = (frame.len(), frame.kind);
            let answer = answer(kind, &frame);
            if stream.write_all(&answer).is_err()
                || tell.send((number, frame.bytes.to_vec())).is_err()
            {
                return None;
            }
            bytes.drain(..length);
        }
        match said.try_recv() {
            Ok(Say::Drop) => return Some(kind),
            Ok(Say::Become(next)) => return Some(next),
            Ok(Say::Leave) => {
                let mut logoff = wire::Logoff::DEFAULT;
                logoff.do_not_reconnect = 1;
                let _ = stream.write_all(logoff.as_bytes());
                return None;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

fn answer(kind: Kind, frame: &dtc::frame::Frame<'_>) -> Vec<u8> {
    let request = frame.bytes.get(4..8).map_or(0, |b| i32::from_le_bytes(b.try_into().expect("4")));
    let request = I32::new(request);
    match frame.kind {
        6 => wire::EncodingResponse::DEFAULT.as_bytes().to_vec(),
        1 => {
            let mut logon = wire::LogonResponse::DEFAULT;
            (logon.trading_is_supported, logon.oco_orders_supported) = (1, 1);
            logon.bracket_orders_supported = u8::from(kind.brackets);
            logon.security_definitions_supported = 1;
            logon.as_bytes().to_vec()
        }
        506 => {
            let asked = wire::SecurityDefinitionForSymbolRequest::parse(frame.bytes);
            let mut definition = wire::SecurityDefinitionResponse::DEFAULT;
            (definition.request_id, definition.symbol) = (request, asked.symbol);
            definition.min_price_increment = F32::new(0.25);
            definition.as_bytes().to_vec()
        }
        400 => {
            let mut account = wire::TradeAccountResponse::DEFAULT;
            (account.request_id, account.message_number) = (request, I32::new(1));
            account.total_number_messages = I32::new(1);
            assert!(value::put_text(&mut account.trade_account, kind.account));
            account.as_bytes().to_vec()
        }
        300 => {
            let mut none = wire::OrderUpdate::DEFAULT;
            (none.request_id, none.no_orders) = (request, 1);
            (none.total_num_messages, none.message_number) = (I32::new(1), I32::new(1));
            none.as_bytes().to_vec()
        }
        305 => {
            let mut none = wire::PositionUpdate::DEFAULT;
            (none.request_id, none.no_positions) = (request, 1);
            none.as_bytes().to_vec()
        }
        601 => {
            let mut balance = wire::AccountBalanceUpdate::DEFAULT;
            (balance.request_id, balance.cash_balance) = (request, F64::new(1e5));
            assert!(value::put_text(&mut balance.trade_account, kind.account));
            balance.as_bytes().to_vec()
        }
        303 => {
            let mut none = wire::HistoricalOrderFillResponse::DEFAULT;
            (none.request_id, none.no_order_fills) = (request, 1);
            none.as_bytes().to_vec()
        }
        208 => filled(frame.bytes),
        _ => Vec::new(),
    }
}

/// Accepted, then filled, in answer to a new order.
fn filled(order: &[u8]) -> Vec<u8> {
    let order = wire::SubmitNewSingleOrder::parse(order);
    let mut update = wire::OrderUpdate::DEFAULT;
    (update.symbol, update.trade_account) = (order.symbol, order.trade_account);
    (update.client_order_id, update.buy_sell) = (order.client_order_id, order.buy_sell);
    (update.order_type, update.order_quantity) = (order.order_type, order.quantity);
    assert!(value::put_text(&mut update.server_order_id, "S-1"));
    (update.order_status, update.order_update_reason) = (I32::new(4), I32::new(2));
    let mut bytes = update.as_bytes().to_vec();
    (update.order_status, update.order_update_reason) = (I32::new(7), I32::new(4));
    (update.filled_quantity, update.last_fill_quantity) = (order.quantity, order.quantity);
    update.last_fill_price = F64::new(6000.25);
    assert!(value::put_text(&mut update.last_fill_execution_id, "X-1"));
    bytes.extend_from_slice(update.as_bytes());
    bytes
}
