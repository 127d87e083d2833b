//! An [`Event`] as 40 bytes of the journal.

use zerocopy::little_endian::{I32, I64, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::event::{Body, Event, GapCause, HaltCause};
use crate::order::{KillState, Listing, OrderId};
use crate::units::{Aggressor, Px, QTY_MAX, Side, SymbolId, Ts};

/// Everything of an event but its `seq`, which the record gives.
#[repr(C)]
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
pub struct PackedEvent {
    ts: I64,
    ts_exch: I64,
    symbol: U16,
    flags: u8,
    tag: u8,
    px: [I32; 2],
    qty: [U32; 2],
    orders: U16,
    side: u8,
    code: u8,
}

/// Bytes of a [`PackedEvent`].
pub const PACKED_BYTES: usize = size_of::<PackedEvent>();
const _: () = assert!(PACKED_BYTES == 40);

/// Packs an event.
#[must_use]
pub fn pack(event: &Event) -> PackedEvent {
    let mut packed = PackedEvent {
        ts: I64::new(event.ts.0),
        ts_exch: I64::new(event.ts_exch.0),
        symbol: U16::new(event.symbol.0),
        flags: event.flags,
        tag: 0,
        px: [I32::new(0); 2],
        qty: [U32::new(0); 2],
        orders: U16::new(0),
        side: 0,
        code: 0,
    };
    packed.tag = match event.body {
        Body::Trade { px, qty, aggressor, unbundled } => {
            packed.px = [I32::new(px.ticks()), I32::new(0)];
            packed.qty = [U32::new(qty), U32::new(0)];
            (packed.side, packed.code) = (aggressor as u8, unbundled);
            1
        }
        Body::Quote { bid, ask } => {
            for (at, side) in [bid, ask].into_iter().enumerate() {
                if let Some((px, qty)) = side
                    && let (Some(p), Some(q)) = (packed.px.get_mut(at), packed.qty.get_mut(at))
                {
                    (*p, *q) = (I32::new(px.ticks()), U32::new(qty));
                    packed.code |= 1 << at;
                }
            }
            2
        }
        Body::Depth { side, px, qty, orders } => {
            packed.px = [I32::new(px.ticks()), I32::new(0)];
            packed.qty = [U32::new(qty), U32::new(0)];
            (packed.side, packed.orders) = (side as u8, U16::new(orders));
            3
        }
        Body::Clear => 4,
        Body::BatchEnd => 5,
        Body::Timer => 6,
        Body::Gap(cause) => {
            packed.code = cause as u8;
            7
        }
        Body::Halt { state, cause } => {
            (packed.side, packed.code) = (state as u8, cause as u8);
            8
        }
        Body::Status(status) => {
            packed.code = status;
            9
        }
        Body::Reject { message_type } => {
            packed.orders = U16::new(message_type);
            10
        }
        ref other => of_account(other, &mut packed),
    };
    packed
}

/// Fills in what the operator, the shell or a venue says of the account.
fn of_account(body: &Body, packed: &mut PackedEvent) -> u8 {
    match *body {
        Body::Resume(state) => {
            packed.side = state as u8;
            11
        }
        Body::Flatten { all } => {
            packed.code = u8::from(all);
            12
        }
        Body::Link(up) => {
            packed.code = u8::from(up);
            13
        }
        Body::Position(qty) => {
            packed.px = [I32::new(qty), I32::new(0)];
            14
        }
        Body::Balance(usd) => {
            packed.qty = words(usd.to_bits());
            15
        }
        Body::Listed(listing) => {
            packed.code = listing as u8;
            16
        }
        Body::Reserved(id) => {
            packed.qty = words(id.to_bits());
            17
        }
        Body::Sent(id) => {
            packed.qty = words(id.to_bits());
            18
        }
        // What a venue says of orders is decoded from its bytes again; only those bytes are kept.
        _ => 0,
    }
}

fn words(number: u64) -> [U32; 2] {
    [U32::new(number as u32), U32::new((number >> 32) as u32)]
}

impl PackedEvent {
    fn flag(&self) -> Option<bool> {
        match self.code {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// The event with sequence number `seq`; `None` where the bytes spell none.
    #[must_use]
    pub fn unpack(&self, seq: u64) -> Option<Event> {
        let [px, px2] = [self.px[0].get(), self.px[1].get()];
        let [qty, qty2] = [self.qty[0].get(), self.qty[1].get()];
        let whole = u64::from(qty) | u64::from(qty2) << 32;
        if qty.max(qty2) > QTY_MAX && !matches!(self.tag, 15 | 17 | 18) {
            return None;
        }
        let body = match self.tag {
            1 => Body::Trade {
                px: Px::new(px)?,
                qty,
                aggressor: match self.side {
                    0 => Aggressor::None,
                    1 => Aggressor::Buy,
                    2 => Aggressor::Sell,
                    _ => return None,
                },
                unbundled: self.code,
            },
            2 => Body::Quote {
                bid: if self.code & 1 != 0 { Some((Px::new(px)?, qty)) } else { None },
                ask: if self.code & 2 != 0 { Some((Px::new(px2)?, qty2)) } else { None },
            },
            3 => Body::Depth {
                side: match self.side {
                    1 => Side::Bid,
                    2 => Side::Ask,
                    _ => return None,
                },
                px: Px::new(px)?,
                qty,
                orders: self.orders.get(),
            },
            4 => Body::Clear,
            5 => Body::BatchEnd,
            6 => Body::Timer,
            7 => Body::Gap(match self.code {
                1 => GapCause::Disconnect,
                2 => GapCause::ServerDropped,
                3 => GapCause::FeedLost,
                4 => GapCause::FileReplaced,
                _ => return None,
            }),
            8 => Body::Halt { state: KillState::of(self.side)?, cause: HaltCause::of(self.code)? },
            9 => Body::Status(self.code),
            10 => Body::Reject { message_type: self.orders.get() },
            11 => Body::Resume(KillState::of(self.side)?),
            12 => Body::Flatten { all: self.flag()? },
            13 => Body::Link(self.flag()?),
            14 => Body::Position(px),
            15 => Body::Balance(Some(f64::from_bits(whole)).filter(|usd| usd.is_finite())?),
            16 => Body::Listed(match self.code {
                1 => Listing::Orders,
                2 => Listing::Positions,
                3 => Listing::Fills,
                4 => Listing::Balance,
                _ => return None,
            }),
            17 => Body::Reserved(OrderId::from_bits(whole)),
            18 => Body::Sent(OrderId::from_bits(whole)),
            _ => return None,
        };
        let (ts, ts_exch) = (Ts(self.ts.get()), Ts(self.ts_exch.get()));
        let plausible = |t: Ts| t == Ts::NONE || Ts::from_outside(t.0) == t;
        if !plausible(ts) || !plausible(ts_exch) {
            return None;
        }
        let symbol = SymbolId(self.symbol.get());
        Some(Event { seq, ts, ts_exch, symbol, flags: self.flags, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let px = Px::clamped(-19_201);
        for body in [
            Body::Trade { px, qty: 7, aggressor: Aggressor::Sell, unbundled: 2 },
            Body::Quote { bid: None, ask: Some((px, 3)) },
            Body::Quote { bid: Some((px, 9)), ask: None },
            Body::Depth { side: Side::Ask, px, qty: 0, orders: 12 },
            Body::Clear,
            Body::BatchEnd,
            Body::Timer,
            Body::Gap(GapCause::FileReplaced),
            Body::Halt { state: KillState::HaltTrading, cause: HaltCause::Outbound },
            Body::Resume(KillState::Emergency),
            Body::Flatten { all: true },
            Body::Link(false),
            Body::Position(-3),
            Body::Balance(100_000.25),
            Body::Listed(Listing::Fills),
            Body::Reserved(OrderId::new(20_260_114, u32::MAX)),
            Body::Sent(OrderId::new(20_260_114, 7)),
            Body::Status(4),
            Body::Reject { message_type: 103 },
        ] {
            let (ts, ts_exch, symbol) = (Ts(5), Ts::NONE, SymbolId(3));
            let event = Event { seq: 77, ts, ts_exch, symbol, flags: 5, body };
            assert_eq!(pack(&event).unpack(77), Some(event));
        }
    }

    #[test]
    fn nonsense_is_no_event() {
        for tag in [0, 11, 255] {
            let mut bytes = [0xff; PACKED_BYTES];
            bytes[19] = tag;
            let packed = PackedEvent::read_from_bytes(&bytes).expect("size");
            assert_eq!(packed.unpack(1), None);
        }
    }
}
