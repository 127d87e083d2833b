//! A [`Command`] as four words: what a journal keeps and a digest hashes.

use super::{Action, BuySell, Command, Listing, OrderId, OrderKind};
use crate::units::{Px, SymbolId, Ts};

/// The words of a command, without its `seq` and `ts`.
pub(super) fn pack(command: &Command) -> [u64; 4] {
    let head = |tag: u64, way: Option<BuySell>, kind: u64, code: u64| {
        let way = way.map_or(0, |way| way as u64);
        tag | way << 8 | kind << 16 | code << 24 | u64::from(command.symbol.0) << 32
    };
    let two = |low: u32, high: Px| u64::from(low) | u64::from(high.ticks() as u32) << 32;
    match command.action {
        Action::New { id, way, kind, qty, px, parent } => {
            [head(1, Some(way), kind as u64, u64::from(parent)), id.to_bits(), two(qty, px), 0]
        }
        Action::Bracket { parent, child, way, qty, stop, target } => {
            let (sizes, prices) =
                (u64::from(qty) | u64::from(child) << 32, two(stop.ticks() as u32, target));
            [head(2, Some(way), 0, 0), parent.to_bits(), sizes, prices]
        }
        Action::Cancel { id } => [head(3, None, 0, 0), id.to_bits(), 0, 0],
        Action::Replace { id, qty, px } => [head(4, None, 0, 0), id.to_bits(), two(qty, px), 0],
        Action::Flatten { id } => [head(5, None, 0, 0), id.to_bits(), 0, 0],
        Action::List(listing) => [head(6, None, 0, listing as u64), 0, 0, 0],
        Action::Disconnect => [head(7, None, 0, 0), 0, 0, 0],
    }
}

/// The command of these words; `None` where they spell none.
pub(super) fn unpack(seq: u64, ts: Ts, words: [u64; 4]) -> Option<Command> {
    let [head, id, sizes, prices] = words;
    let [tag, way, kind, code, s0, s1, 0, 0] = head.to_le_bytes() else { return None };
    let way = match way {
        0 => None,
        1 => Some(BuySell::Buy),
        2 => Some(BuySell::Sell),
        _ => return None,
    };
    let id = OrderId::from_bits(id);
    let (qty, rest) = (sizes as u32, (sizes >> 32) as u32);
    let px = || Px::new(rest as i32);
    let action = match tag {
        1 => {
            let kind = match kind {
                1 => OrderKind::Market,
                2 => OrderKind::Limit,
                3 => OrderKind::Stop,
                4 => OrderKind::StopLimit,
                _ => return None,
            };
            Action::New { id, way: way?, kind, qty, px: px()?, parent: code != 0 }
        }
        2 => {
            let (stop, target) = (Px::new(prices as i32)?, Px::new((prices >> 32) as i32)?);
            Action::Bracket { parent: id, child: rest, way: way?, qty, stop, target }
        }
        3 => Action::Cancel { id },
        4 => Action::Replace { id, qty, px: px()? },
        5 => Action::Flatten { id },
        6 => Action::List(match code {
            1 => Listing::Orders,
            2 => Listing::Positions,
            3 => Listing::Fills,
            4 => Listing::Balance,
            _ => return None,
        }),
        7 => Action::Disconnect,
        _ => return None,
    };
    Some(Command { seq, ts, symbol: SymbolId(u16::from_le_bytes([s0, s1])), action })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let (id, way) = (OrderId::new(20_260_114, u32::MAX), BuySell::Sell);
        let (stop, target) = (Px::clamped(-7), Px::clamped(i64::from(Px::LIMIT)));
        for action in [
            Action::New { id, way, kind: OrderKind::StopLimit, qty: 5, px: stop, parent: true },
            Action::New { id, way, kind: OrderKind::Market, qty: 1, px: Px::ZERO, parent: false },
            Action::Bracket { parent: id, child: u32::MAX, way, qty: u32::MAX, stop, target },
            Action::Cancel { id },
            Action::Replace { id, qty: 3, px: target },
            Action::Flatten { id },
            Action::List(Listing::Balance),
            Action::Disconnect,
        ] {
            let command = Command { seq: 9, ts: Ts(7), symbol: SymbolId(15), action };
            assert_eq!(unpack(9, Ts(7), pack(&command)), Some(command));
        }
        for words in [[0; 4], [9, 0, 0, 0], [1 | 1 << 8 | 9 << 16, 0, 0, 0], [1 << 63 | 3, 0, 0, 0]]
        {
            assert_eq!(unpack(1, Ts(1), words), None);
        }
    }
}
