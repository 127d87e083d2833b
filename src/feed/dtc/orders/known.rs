//! Orders under the ids that a server gives them.

use std::fmt::Write as _;

use dtc::wire::value;

use crate::order::{BuySell, ExecutionId, OrderId};
use crate::units::SymbolId;

/// The server's id of an order, NUL-padded as on the wire.
pub type ServerId = [u8; 32];

/// The server's id of an execution, NUL-padded as on the wire.
pub type ServerExecution = [u8; 64];

/// A text of the server for what has a number of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// An order of ours.
    Order(OrderId, ServerId),
    /// An execution.
    Execution(ExecutionId, ServerExecution),
}

/// Server ids that are remembered; the oldest gives way.
pub(super) const KNOWN: usize = 1024;

/// An order of ours under the server's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownOrder {
    /// Ours.
    pub id: OrderId,
    /// Its symbol in the run.
    pub symbol: SymbolId,
    /// The server's.
    pub server: ServerId,
}

impl KnownOrder {
    /// On one line: id, symbol, the server's id as hexadecimal digits.
    pub(super) fn to_text(self) -> String {
        let mut text = format!("{} {} ", self.id.to_bits(), self.symbol.0);
        for byte in value::text(&self.server) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The order of [`KnownOrder::to_text`]; `None` for any other text.
    pub(super) fn parse(line: &str) -> Option<KnownOrder> {
        let mut words = line.split(' ');
        let id = OrderId::from_bits(words.next()?.parse().ok()?);
        let symbol = SymbolId(words.next()?.parse().ok()?);
        let (digits, mut server) = (words.next()?, [0; 32]);
        for (at, byte) in (0..digits.len()).step_by(2).zip(&mut server) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(KnownOrder { id, symbol, server })
    }
}

/// An order that the server has named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) server: ServerId,
    pub(super) id: OrderId,
    pub(super) symbol: SymbolId,
    pub(super) way: Option<BuySell>,
}

/// The newest of them, with room that never grows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    known: Vec<Known>,
    /// Place of the next entry once it is full.
    next: usize,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { known: Vec::with_capacity(KNOWN), next: 0 }
    }

    pub(super) fn by_server(&self, server: &[u8; 32]) -> Option<Known> {
        let server = padded(server);
        let named = server.first().is_some_and(|&b| b != 0);
        self.newest(|k| named && k.server == server)
    }

    pub(super) fn by_id(&self, id: OrderId) -> Option<Known> {
        self.newest(|k| k.id == id)
    }

    fn newest(&self, is: impl Fn(&&Known) -> bool) -> Option<Known> {
        let (newer, older) = self.halves();
        newer.iter().rev().chain(older.iter().rev()).find(is).copied()
    }

    fn halves(&self) -> (&[Known], &[Known]) {
        self.known.split_at_checked(self.next).unwrap_or_default()
    }

    pub(super) fn insert(&mut self, known: Known) {
        if self.known.len() < KNOWN {
            self.known.push(known);
        } else if let Some(oldest) = self.known.get_mut(self.next) {
            *oldest = known;
            self.next = (self.next + 1) % KNOWN;
        }
    }

    pub(super) fn remember(&mut self, known: KnownOrder) {
        let KnownOrder { id, symbol, server } = known;
        self.insert(Known { server: padded(&server), id, symbol, way: None });
    }

    /// Those that are ours, oldest first.
    pub(super) fn ours(&self) -> impl Iterator<Item = KnownOrder> + '_ {
        let (newer, older) = self.halves();
        let known = |k: &Known| KnownOrder { id: k.id, symbol: k.symbol, server: k.server };
        older.iter().chain(newer).filter(|k| k.id.is_ours()).map(known)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.known.capacity()
    }
}

/// The text of a field, with nothing behind its end.
pub(super) fn padded<const N: usize>(field: &[u8; N]) -> [u8; N] {
    let mut id = [0; N];
    for (to, from) in id.iter_mut().zip(value::text(field)) {
        *to = *from;
    }
    id
}
