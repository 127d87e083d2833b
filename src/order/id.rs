//! Client order ids.

use crate::units::{SYMBOLS_MAX, SymbolId, Ts};

/// First characters of every id of ours.
const PREFIX: &[u8; 4] = b"mia-";
/// Least date of an id of ours: what is below is no date.
const DATE_MIN: u32 = 10_000_101;
/// Characters of an id.
const TEXT_BYTES: usize = 23;

/// A client order id: trade date and a counter that never repeats. The counter runs in blocks that
/// are reserved on disk before their first use.
///
/// Orders that are not ours get numbers of the same type with date 0, in the order in which they
/// are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId {
    // Two words of four bytes: an event has no room for the padding that eight would need.
    date: u32,
    counter: u32,
}

/// An id as the venue sees it: `mia-YYYYMMDD-` and ten digits.
pub type OrderText = [u8; TEXT_BYTES];

impl OrderId {
    /// No order.
    pub const NONE: OrderId = OrderId::new(0, 0);

    /// The id of a trade date, as the number YYYYMMDD, and a counter.
    #[must_use]
    pub const fn new(date: u32, counter: u32) -> OrderId {
        OrderId { date, counter }
    }

    /// The number of an order that is not ours, from 1.
    #[must_use]
    pub const fn foreign(number: u32) -> OrderId {
        OrderId::new(0, number)
    }

    /// Trade date as YYYYMMDD; 0 for an order that is not ours.
    #[must_use]
    pub const fn date(self) -> u32 {
        self.date
    }

    /// The counter.
    #[must_use]
    pub const fn counter(self) -> u32 {
        self.counter
    }

    /// The id of a round trip that no entry of ours opened, by the receive time of its first fill:
    /// no order has it, and no other run gives it to another one.
    #[must_use]
    pub const fn trip(ts: Ts, symbol: SymbolId) -> OrderId {
        // Tenths of a millisecond: the date stays far below the first one of a calendar.
        let tenths = if ts.0 > 100_000 { (ts.0 / 100_000).cast_unsigned() } else { 1 };
        OrderId::from_bits(tenths * SYMBOLS_MAX as u64 + symbol.0 as u64)
    }

    /// Whether the id was given by this program to an order.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        self.date() >= DATE_MIN
    }

    /// As one number; greater ids are later.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.date as u64) << 32 | self.counter as u64
    }

    /// The id of [`OrderId::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> OrderId {
        OrderId::new((bits >> 32) as u32, bits as u32)
    }

    /// The id `n` places later, of the same date.
    #[must_use]
    pub const fn plus(self, n: u32) -> OrderId {
        OrderId::new(self.date(), self.counter().wrapping_add(n))
    }

    /// As the venue sees it.
    #[must_use]
    pub fn text(self) -> OrderText {
        let mut text = [b'-'; TEXT_BYTES];
        let (head, rest) = text.split_at_mut(PREFIX.len());
        head.copy_from_slice(PREFIX);
        let (date, counter) = rest.split_at_mut(9);
        if let Some((_, date)) = date.split_last_mut() {
            digits(self.date(), date);
        }
        digits(self.counter(), counter);
        text
    }

    /// An id of ours from what a venue sent, `None` for any other text.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<OrderId> {
        let rest = text.strip_prefix(PREFIX)?;
        let (date, rest) = rest.split_at_checked(8)?;
        let counter = rest.strip_prefix(b"-").filter(|c| c.len() == 10)?;
        let date = number(date).filter(|&d| d >= u64::from(DATE_MIN))?;
        Some(OrderId::new(u32::try_from(date).ok()?, u32::try_from(number(counter)?).ok()?))
    }
}

fn digits(mut number: u32, into: &mut [u8]) {
    for place in into.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0_u64, |sum, d| d.is_ascii_digit().then(|| sum * 10 + u64::from(d - b'0')))
}

/// The number of an execution: the same execution always has the same one, `NONE` where the venue
/// gave no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId([u32; 2]);

impl ExecutionId {
    /// No id.
    pub const NONE: ExecutionId = ExecutionId([0; 2]);

    /// The id of a number; 0 = none.
    #[must_use]
    pub const fn new(number: u64) -> ExecutionId {
        ExecutionId([(number >> 32) as u32, number as u32])
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        let [high, low] = self.0;
        (high as u64) << 32 | low as u64
    }
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_ours() {
            f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
        } else {
            write!(f, "foreign-{}", self.to_bits())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let id = OrderId::new(20_260_114, 4_294_967_295);
        assert_eq!(&id.text(), b"mia-20260114-4294967295");
        assert_eq!(OrderId::parse(&id.text()), Some(id));
        assert_eq!(id.to_string(), "mia-20260114-4294967295");
        for text in [
            "",
            "mia-",
            "mia-20260114-429496729",
            "mia-20260114-4294967296",
            "x",
            "mia-00000000-0000000001",
            "mia-2026011a-0000000001",
            "mia-20260114_0000000001",
        ] {
            assert_eq!(OrderId::parse(text.as_bytes()), None, "{text}");
        }
        assert!(!OrderId::foreign(7).is_ours());
        let trip = |ns, symbol| OrderId::trip(Ts(ns), SymbolId(symbol));
        let now = 1_768_402_800_000_000_000;
        assert_eq!(trip(now, 3).to_string(), "foreign-282944448000003");
        assert!(!trip(now, 15).is_ours() && !trip(i64::MAX, 15).is_ours());
        assert!(trip(now, 15) < trip(now + 100_000, 0));
        assert_eq!(OrderId::new(5, 9).plus(2), OrderId::new(5, 11));
    }
}
