//! [`Wire`]: a [`Command`] as DTC bytes.
//!
//! Only the fixed binary encoding. Every order is a DAY order and says that a program sent it;
//! prices are what the server writes, divided by the symbol's display multiplier.

use dtc::wire::{
    AccountBalanceRequest, CancelOrder, CancelReplaceOrder, CurrentPositionsRequest,
    HistoricalOrderFillsRequest, Message, OpenOrdersRequest, SubmitFlattenPositionOrder,
    SubmitNewOCOOrder, SubmitNewSingleOrder, codes, value,
};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{F64, I32};

use crate::order::{Action, Command, Listing, OrderId, OrderKind};
use crate::units::{Px, Qty, SymbolId};

/// Server ids that are remembered: far more than orders can live at once.
const SERVER_IDS_MAX: usize = 256;
/// Days of fills that are asked for: a restart may be on the evening behind a long weekend.
const FILL_DAYS: i32 = 5;

/// A server's id of an order, NUL-terminated.
pub type ServerId = [u8; 32];

/// A symbol as a server knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Symbol.
    pub symbol: String,
    /// Exchange; empty where the server uses none.
    pub exchange: String,
    /// Tick in points.
    pub tick: f64,
    /// What wire prices are multiplied with to be points; 1 for most.
    pub display_multiplier: f64,
}

/// Why a command has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The symbol has no name.
    Symbol,
    /// A text does not fit its field.
    Text,
    /// The price is no number.
    Price,
    /// It is no message but an act of the connection.
    NoMessage,
}

/// Turns commands into bytes for one account.
#[derive(Clone, Debug)]
pub struct Wire {
    account: [u8; 32],
    names: Vec<Name>,
    servers: Vec<(OrderId, ServerId)>,
    oldest: usize,
}

impl Wire {
    /// For `account`; `names` by symbol id.
    ///
    /// # Errors
    /// The account is longer than its field, or a name longer than its own.
    pub fn new(account: &str, names: Vec<Name>) -> Result<Wire, WireError> {
        let fits = |n: &Name| n.symbol.len() < 64 && n.exchange.len() < 16;
        if !names.iter().all(fits) {
            return Err(WireError::Text);
        }
        let servers = Vec::with_capacity(SERVER_IDS_MAX);
        Ok(Wire { account: text(account)?, names, servers, oldest: 0 })
    }

    /// Notes the id that the server gives an order of ours; the newest counts.
    pub fn learn(&mut self, id: OrderId, server: &[u8]) {
        let server = value::text(server);
        let mut field = ServerId::default();
        let Some(to) = field.get_mut(..server.len()) else { return };
        to.copy_from_slice(server);
        if server.is_empty() || server.len() == field.len() || !id.is_ours() {
            return;
        }
        if let Some((_, known)) = self.servers.iter_mut().find(|(known, _)| *known == id) {
            *known = field;
        } else if self.servers.len() < SERVER_IDS_MAX {
            self.servers.push((id, field));
        } else if let Some(place) = self.servers.get_mut(self.oldest) {
            *place = (id, field);
            self.oldest = (self.oldest + 1) % SERVER_IDS_MAX;
        }
    }

    /// What wire prices of a symbol are multiplied with to be points, as its definition says.
    pub fn scale(&mut self, symbol: SymbolId, display_multiplier: f64) {
        if let Some(name) = self.names.get_mut(usize::from(symbol.0)) {
            name.display_multiplier = display_multiplier;
        }
    }

    /// The order that the server calls so, where one is known.
    #[must_use]
    pub fn client(&self, server: &[u8]) -> Option<OrderId> {
        let wanted = value::text(server);
        self.servers.iter().find(|(_, known)| value::text(known) == wanted).map(|&(id, _)| id)
    }

    /// Hands the message of a command to `send`, whole.
    ///
    /// # Errors
    /// Why there is none.
    pub fn encode(&self, command: &Command, send: &mut impl FnMut(&[u8])) -> Result<(), WireError> {
        match command.action {
            Action::New { .. } => send(self.single(command)?.as_bytes()),
            Action::Bracket { .. } => send(self.bracket(command)?.as_bytes()),
            Action::Cancel { id } => send(self.cancel(id)?.as_bytes()),
            Action::Replace { id, qty, px } => send(self.replace(command, id, qty, px)?.as_bytes()),
            Action::Flatten { id } => send(self.flatten(command, id)?.as_bytes()),
            Action::List(listing) => self.list(listing, send),
            Action::Disconnect => return Err(WireError::NoMessage),
        }
        Ok(())
    }

    fn single(&self, command: &Command) -> Result<SubmitNewSingleOrder, WireError> {
        let Action::New { id, way, kind, qty, px, parent } = command.action else {
            return Err(WireError::NoMessage);
        };
        let name = self.name(command)?;
        if parent {
            // The bracket behind it needs prices even where the entry needs none.
            name.price(px)?;
        }
        let mut order = SubmitNewSingleOrder::DEFAULT;
        order.symbol = text(&name.symbol)?;
        order.exchange = text(&name.exchange)?;
        order.trade_account = self.account;
        order.client_order_id = client(id)?;
        order.order_type = I32::new(kind as i32);
        order.buy_sell = I32::new(way as i32);
        if kind != OrderKind::Market {
            order.price1 = name.price(px)?;
        }
        if kind == OrderKind::StopLimit {
            order.price2 = name.price(px)?;
        }
        order.quantity = contracts(qty);
        order.time_in_force = I32::new(codes::TIF_DAY);
        order.is_automated_order = 1;
        order.is_parent_order = u8::from(parent);
        Ok(order)
    }

    fn bracket(&self, command: &Command) -> Result<SubmitNewOCOOrder, WireError> {
        let Action::Bracket { parent, child, way, qty, stop, target } = command.action else {
            return Err(WireError::NoMessage);
        };
        let name = self.name(command)?;
        let mut pair = SubmitNewOCOOrder::DEFAULT;
        pair.symbol = text(&name.symbol)?;
        pair.exchange = text(&name.exchange)?;
        pair.trade_account = self.account;
        pair.client_order_id_1 = client(parent.plus(child))?;
        pair.order_type_1 = I32::new(codes::ORDER_TYPE_STOP);
        pair.buy_sell_1 = I32::new(way as i32);
        pair.price1_1 = name.price(stop)?;
        pair.quantity_1 = contracts(qty);
        pair.client_order_id_2 = client(parent.plus(child).plus(1))?;
        pair.order_type_2 = I32::new(codes::ORDER_TYPE_LIMIT);
        pair.buy_sell_2 = I32::new(way as i32);
        pair.price1_2 = name.price(target)?;
        pair.quantity_2 = contracts(qty);
        pair.time_in_force = I32::new(codes::TIF_DAY);
        pair.is_automated_order = 1;
        pair.parent_trigger_client_order_id = client(parent)?;
        pair.partial_fill_handling = codes::PARTIAL_FILL_HANDLING_REDUCE_QUANTITY;
        // The prices are levels of the market, not distances from the fill of the entry.
        pair.maintain_same_prices_on_parent_fill = 1;
        Ok(pair)
    }

    fn cancel(&self, id: OrderId) -> Result<CancelOrder, WireError> {
        let mut cancel = CancelOrder::DEFAULT;
        cancel.server_order_id = self.server(id);
        cancel.client_order_id = client(id)?;
        cancel.trade_account = self.account;
        Ok(cancel)
    }

    fn replace(
        &self,
        command: &Command,
        id: OrderId,
        qty: Qty,
        px: Px,
    ) -> Result<CancelReplaceOrder, WireError> {
        let name = self.name(command)?;
        let mut replace = CancelReplaceOrder::DEFAULT;
        replace.server_order_id = self.server(id);
        replace.client_order_id = client(id)?;
        replace.trade_account = self.account;
        replace.price1 = name.price(px)?;
        replace.price1_is_set = 1;
        replace.price2_is_set = 0;
        replace.quantity = contracts(qty);
        Ok(replace)
    }

    fn flatten(
        &self,
        command: &Command,
        id: OrderId,
    ) -> Result<SubmitFlattenPositionOrder, WireError> {
        let name = self.name(command)?;
        let mut flatten = SubmitFlattenPositionOrder::DEFAULT;
        flatten.symbol = text(&name.symbol)?;
        flatten.exchange = text(&name.exchange)?;
        flatten.trade_account = self.account;
        flatten.client_order_id = client(id)?;
        flatten.is_automated_order = 1;
        Ok(flatten)
    }

    /// The request id of an answer is the code of its [`Listing`].
    fn list(&self, listing: Listing, send: &mut impl FnMut(&[u8])) {
        let id = I32::new(listing as i32);
        match listing {
            Listing::Orders => {
                let mut request = OpenOrdersRequest::DEFAULT;
                (request.request_id, request.trade_account) = (id, self.account);
                send(request.as_bytes());
            }
            Listing::Positions => {
                let mut request = CurrentPositionsRequest::DEFAULT;
                (request.request_id, request.trade_account) = (id, self.account);
                send(request.as_bytes());
            }
            Listing::Fills => {
                let mut request = HistoricalOrderFillsRequest::DEFAULT;
                (request.request_id, request.trade_account) = (id, self.account);
                request.number_of_days = I32::new(FILL_DAYS);
                send(request.as_bytes());
            }
            Listing::Balance => {
                let mut request = AccountBalanceRequest::DEFAULT;
                (request.request_id, request.trade_account) = (id, self.account);
                send(request.as_bytes());
            }
        }
    }

    fn name(&self, command: &Command) -> Result<&Name, WireError> {
        self.names.get(usize::from(command.symbol.0)).ok_or(WireError::Symbol)
    }

    /// Empty before the server gave one: it then goes by the client's id.
    fn server(&self, id: OrderId) -> ServerId {
        self.servers.iter().find(|(known, _)| *known == id).map(|&(_, s)| s).unwrap_or_default()
    }
}

impl Name {
    fn price(&self, px: Px) -> Result<F64, WireError> {
        // The multiplier travels as f32 (0.00999999977 for 0.01): undo that rounding.
        let multiplier = libm::round(self.display_multiplier * 1e6) / 1e6;
        let price = f64::from(px.ticks()) * self.tick / multiplier;
        if price.is_finite() { Ok(F64::new(price)) } else { Err(WireError::Price) }
    }
}

fn contracts(qty: Qty) -> F64 {
    F64::new(f64::from(qty))
}

/// An order that is not ours has no id that may be sent.
fn client(id: OrderId) -> Result<[u8; 32], WireError> {
    let mut field = [0; 32];
    for (to, from) in field.iter_mut().zip(id.text()) {
        *to = from;
    }
    if id.is_ours() { Ok(field) } else { Err(WireError::Text) }
}

fn text<const N: usize>(text: &str) -> Result<[u8; N], WireError> {
    let mut field = [0; N];
    if value::put_text(&mut field, text) { Ok(field) } else { Err(WireError::Text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::BuySell;
    use crate::units::{SymbolId, Ts};

    const ID: OrderId = OrderId::new(20_260_114, 17);

    fn wire() -> Wire {
        let name = |symbol: &str, exchange: &str, display_multiplier| Name {
            symbol: symbol.to_owned(),
            exchange: exchange.to_owned(),
            tick: 0.25,
            display_multiplier,
        };
        let names = vec![name("ESH26", "CME", 1.0), name("NQH26", "", f64::from(0.01_f32))];
        Wire::new("Sim1", names).expect("texts fit")
    }

    fn bytes(wire: &Wire, symbol: u16, action: Action) -> Vec<u8> {
        let command = Command { seq: 1, ts: Ts(1), symbol: SymbolId(symbol), action };
        let mut all = Vec::new();
        let mut messages = 0;
        wire.encode(&command, &mut |message| {
            messages += 1;
            all.extend_from_slice(message);
        })
        .expect("bytes");
        assert_eq!(messages, 1, "one command, one message");
        all
    }

    fn px(points: f64) -> Px {
        Px::new((points * 4.0) as i32).expect("px")
    }

    /// Bytes at an offset of the layout table of the protocol's header.
    fn at<const N: usize>(message: &[u8], offset: usize) -> [u8; N] {
        message[offset..offset + N].try_into().expect("inside")
    }

    fn double(message: &[u8], offset: usize) -> f64 {
        f64::from_le_bytes(at(message, offset))
    }

    fn integer(message: &[u8], offset: usize) -> i32 {
        i32::from_le_bytes(at(message, offset))
    }

    fn string(message: &[u8], offset: usize) -> String {
        String::from_utf8_lossy(value::text(&message[offset..])).into_owned()
    }

    fn head(message: &[u8]) -> (u16, u16) {
        (u16::from_le_bytes(at(message, 0)), u16::from_le_bytes(at(message, 2)))
    }

    #[test]
    fn a_new_order_stands_at_the_offsets_of_the_header() {
        let way = BuySell::Sell;
        let (id, qty, px) = (ID, 3, px(6000.25));
        let limit = Action::New { id, way, kind: OrderKind::Limit, qty, px, parent: true };
        let m = bytes(&wire(), 0, limit);
        assert_eq!((head(&m), m.len()), ((304, 208), 304));
        assert_eq!((string(&m, 4), string(&m, 68)), ("ESH26".to_owned(), "CME".to_owned()));
        assert_eq!(string(&m, 84), "Sim1");
        assert_eq!(string(&m, 116), "mia-20260114-0000000017");
        assert_eq!((integer(&m, 148), integer(&m, 152)), (2, 2));
        assert_eq!((double(&m, 160), double(&m, 168), double(&m, 176)), (6000.25, 0.0, 3.0));
        assert_eq!((integer(&m, 184), m[200], m[201]), (1, 1, 1));
        // The second symbol's wire prices are a hundred times what they are in points.
        let market = Action::New { id, way, kind: OrderKind::Market, qty, px, parent: false };
        let m = bytes(&wire(), 1, market);
        assert_eq!((integer(&m, 148), double(&m, 160), m[201]), (1, 0.0, 0));
        let stop = Action::New { id, way, kind: OrderKind::Stop, qty, px, parent: false };
        assert_eq!(double(&bytes(&wire(), 1, stop), 160), 600_025.0);
    }

    #[test]
    fn a_bracket_is_one_pair_that_waits_for_its_parent() {
        let (stop, target) = (px(5990.0), px(6020.5));
        let m = bytes(
            &wire(),
            0,
            Action::Bracket { parent: ID, child: 1, way: BuySell::Sell, qty: 3, stop, target },
        );
        assert_eq!((head(&m), m.len()), ((448, 201), 448));
        assert_eq!(string(&m, 84), "mia-20260114-0000000018");
        assert_eq!((integer(&m, 116), integer(&m, 120)), (3, 2));
        assert_eq!((double(&m, 128), double(&m, 144)), (5990.0, 3.0));
        assert_eq!(string(&m, 152), "mia-20260114-0000000019");
        assert_eq!((integer(&m, 184), integer(&m, 188)), (2, 2));
        assert_eq!((double(&m, 192), double(&m, 208)), (6020.5, 3.0));
        assert_eq!((integer(&m, 216), string(&m, 232)), (1, "Sim1".to_owned()));
        assert_eq!(string(&m, 265), "mia-20260114-0000000017");
        assert_eq!((m[264], m[352], m[353], m[376]), (1, 1, 0, 1));
    }

    #[test]
    fn cancel_and_replace_carry_the_newest_server_id() {
        let mut wire = wire();
        let m = bytes(&wire, 0, Action::Cancel { id: ID });
        assert_eq!((head(&m), m.len()), ((100, 203), 100));
        assert_eq!((string(&m, 4), string(&m, 36)), (String::new(), ID.to_string()));
        wire.learn(ID, b"1001\0\0");
        wire.learn(ID, b"1002\0rest");
        wire.learn(OrderId::foreign(3), b"1003");
        wire.learn(ID, b"");
        wire.learn(ID, &[b'x'; 32]);
        wire.learn(ID, &[b'x'; 40]);
        assert_eq!((wire.client(b"1002"), wire.client(b"1001")), (Some(ID), None));
        assert_eq!(wire.client(b"1003"), None);
        let m = bytes(&wire, 0, Action::Cancel { id: ID });
        assert_eq!((string(&m, 4), string(&m, 68)), ("1002".to_owned(), "Sim1".to_owned()));
        let m = bytes(&wire, 0, Action::Replace { id: ID, qty: 5, px: px(6000.0) });
        assert_eq!((head(&m), m.len()), ((192, 204), 192));
        assert_eq!((string(&m, 4), string(&m, 36)), ("1002".to_owned(), ID.to_string()));
        assert_eq!((double(&m, 72), double(&m, 88), m[96], m[97]), (6000.0, 5.0, 1, 0));
        assert_eq!(string(&m, 121), "Sim1");
    }

    #[test]
    fn the_table_of_server_ids_forgets_the_oldest() {
        let mut wire = wire();
        for n in 0..SERVER_IDS_MAX as u32 + 1 {
            wire.learn(ID.plus(n), format!("s{n}").as_bytes());
        }
        assert_eq!(wire.client(b"s0"), None);
        assert_eq!(wire.client(b"s1"), Some(ID.plus(1)));
        assert_eq!(wire.client(b"s256"), Some(ID.plus(256)));
    }

    #[test]
    fn a_flatten_names_symbol_and_account() {
        let m = bytes(&wire(), 0, Action::Flatten { id: ID });
        assert_eq!((head(&m), m.len()), ((198, 209), 198));
        assert_eq!((string(&m, 4), string(&m, 84)), ("ESH26".to_owned(), "Sim1".to_owned()));
        assert_eq!((string(&m, 116), m[196]), (ID.to_string(), 1));
    }

    #[test]
    fn lists_ask_for_the_account() {
        let rows = [
            (Listing::Orders, (76, 300), 44),
            (Listing::Fills, (88, 303), 44),
            (Listing::Positions, (40, 305), 8),
            (Listing::Balance, (40, 601), 8),
        ];
        for (listing, wanted, account) in rows {
            let m = bytes(&wire(), 0, Action::List(listing));
            assert_eq!((head(&m), integer(&m, 4)), (wanted, listing as i32));
            assert_eq!(string(&m, account), "Sim1");
        }
        let m = bytes(&wire(), 0, Action::List(Listing::Orders));
        assert_eq!(integer(&m, 8), 1, "all orders");
        let m = bytes(&wire(), 0, Action::List(Listing::Fills));
        assert_eq!(integer(&m, 40), FILL_DAYS);
    }

    #[test]
    fn what_has_no_bytes_says_so() {
        let wire = wire();
        let encode = |symbol, action| {
            let command = Command { seq: 1, ts: Ts(1), symbol: SymbolId(symbol), action };
            wire.encode(&command, &mut |_| panic!("no bytes"))
        };
        assert_eq!(encode(0, Action::Disconnect), Err(WireError::NoMessage));
        assert_eq!(encode(2, Action::Flatten { id: ID }), Err(WireError::Symbol));
        assert_eq!(encode(0, Action::Cancel { id: OrderId::foreign(1) }), Err(WireError::Text));
        assert!(Wire::new(&"x".repeat(32), Vec::new()).is_err());
        assert!(Wire::new(&"x".repeat(31), Vec::new()).is_ok());
        let zero = Name { display_multiplier: 0.0, ..wire.names[0].clone() };
        let zero = Wire::new("Sim1", vec![zero]).expect("texts fit");
        let action = Action::Replace { id: ID, qty: 1, px: px(1.0) };
        let command = Command { seq: 1, ts: Ts(1), symbol: SymbolId(0), action };
        assert_eq!(zero.encode(&command, &mut |_| ()), Err(WireError::Price));
    }
}
