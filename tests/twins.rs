//! Fast code against its slow twin, on any input.

use std::collections::BTreeMap;

use mia::book::{Book, HELD, VISIBLE};
use mia::event::{Body, Event, flag};
use mia::profile::Profile;
use mia::units::{Aggressor, Px, Side, SymbolId, Ts};
use mia_test_support::naive::value_area;
use proptest::prelude::*;

fn depth(side: Side, px: i64, qty: u32) -> Event {
    let (ts, symbol, flags) = (Ts(1), SymbolId(0), flag::BATCH_END);
    let body = Body::Depth { side, px: Px::clamped(px), qty, orders: 1 };
    Event { seq: 1, ts, ts_exch: ts, symbol, flags, body }
}

fn updates() -> impl Strategy<Value = Vec<(bool, i64, u32)>> {
    prop::collection::vec((any::<bool>(), 0_i64..60, 0_u32..4), 0..400)
}

proptest! {
    /// Ladder against a sorted map, both sides, deletes of unknown prices included. The map forgets
    /// its worst level where the ladder is full, as the ladder does.
    #[test]
    fn ladder_equals_map(updates in updates()) {
        let mut book = Book::new();
        let mut twins = [BTreeMap::new(), BTreeMap::new()];
        for (bid, px, qty) in updates {
            let (side, sign) = if bid { (Side::Bid, -1) } else { (Side::Ask, 1) };
            book.apply(&depth(side, px, qty));
            let twin = &mut twins[usize::from(bid)];
            if qty == 0 {
                twin.remove(&(px * sign));
            } else {
                twin.insert(px * sign, qty);
                if twin.len() > HELD {
                    twin.pop_last();
                }
            }
            for (ladder, twin, sign) in
                [(book.asks(), &twins[0], 1), (book.bids(), &twins[1], -1)]
            {
                let own: Vec<_> =
                    ladder.visible().iter().map(|l| (i64::from(l.px.ticks()), l.qty)).collect();
                let expected: Vec<_> =
                    twin.iter().take(VISIBLE).map(|(p, q)| (p * sign, *q)).collect();
                prop_assert_eq!(own, expected);
            }
        }
    }

    /// Profile against the definition.
    #[test]
    fn profile_equals_definition(trades in prop::collection::vec((0_i64..40, 1_u32..50), 1..120)) {
        let mut profile = Profile::new(128);
        let mut rows = BTreeMap::new();
        for &(px, qty) in &trades {
            profile.add(Px::clamped(px), qty, Aggressor::Buy);
            *rows.entry(px).or_insert(0_u64) += u64::from(qty);
        }
        let area = profile.value_area().unwrap();
        let own = (area.poc, area.val, area.vah);
        let (poc, lo, hi) = value_area(&rows);
        prop_assert_eq!(own, (Px::clamped(poc), Px::clamped(lo), Px::clamped(hi)));
    }
}
