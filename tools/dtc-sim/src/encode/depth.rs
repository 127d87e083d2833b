//! Depth: updates and the snapshot that opens a subscription.

use dtc::wire::{
    MarketDepthSnapshotLevel, MarketDepthSnapshotLevelFloat, MarketDepthUpdateLevel,
    MarketDepthUpdateLevelFloatWithMilliseconds, MarketDepthUpdateLevelV2, Message, codes,
};

use super::{Encoder, Generation, millis, push, seconds_f64};
use crate::market::Side;
use crate::state::{Level, SymbolState};

/// One change of one level, prices as displayed.
pub(super) struct Change {
    pub(super) side: Side,
    pub(super) kind: u8,
    pub(super) price: f64,
    pub(super) quantity: u32,
    pub(super) orders: u16,
    pub(super) level: u16,
    pub(super) last: bool,
}

impl Encoder<'_> {
    /// Appends the book as a snapshot: bids then asks, best first, at most `levels_max` a side
    /// (0 for all).
    ///
    /// An empty book as 122 is one message with both flags and defaults elsewhere. A 145 cannot say
    /// "first" and "last" at once, so there a book of fewer than two levels is two messages, the
    /// second a repetition.
    pub fn depth_snapshot(&self, state: &SymbolState, levels_max: usize, out: &mut Vec<u8>) {
        let limit = if levels_max == 0 { usize::MAX } else { levels_max };
        let rows = [Side::Bid, Side::Ask].into_iter().flat_map(|side| {
            let levels = state.book.levels(side).iter().take(limit);
            levels.zip(1u16..).map(move |(level, number)| (side, number, level))
        });
        let count = rows.clone().count();
        if count == 0 {
            return self.empty_snapshot(state, out);
        }
        for (index, (side, number, level)) in rows.enumerate() {
            let (first, last) = (index == 0, index + 1 == count);
            if first && last && self.generation == Generation::Float {
                self.snapshot_level(state, side, number, level, (true, false), out);
                self.snapshot_level(state, side, number, level, (false, true), out);
            } else {
                self.snapshot_level(state, side, number, level, (first, last), out);
            }
        }
    }

    pub(super) fn depth_update(&self, ts_ns: i64, change: &Change, out: &mut Vec<u8>) {
        let price = self.spec.to_wire(change.price);
        let quantity = change.quantity;
        let final_update_in_batch =
            if change.last { codes::FINAL_UPDATE_TRUE } else { codes::FINAL_UPDATE_FALSE };
        match self.generation {
            Generation::Compact => push(
                out,
                &MarketDepthUpdateLevel {
                    symbol_id: self.symbol_id.into(),
                    side: u16::from(side_code(change.side)).into(),
                    price: price.into(),
                    quantity: f64::from(quantity).into(),
                    update_type: change.kind,
                    date_time: seconds_f64(ts_ns).into(),
                    num_orders: u32::from(change.orders).into(),
                    final_update_in_batch,
                    level: change.level.into(),
                    ..Message::DEFAULT
                },
            ),
            Generation::Float => push(
                out,
                &MarketDepthUpdateLevelFloatWithMilliseconds {
                    symbol_id: self.symbol_id.into(),
                    date_time: millis(ts_ns).into(),
                    price: (price as f32).into(),
                    quantity: (quantity as f32).into(),
                    side: side_code(change.side),
                    update_type: change.kind,
                    num_orders: change.orders.into(),
                    final_update_in_batch,
                    level: change.level.into(),
                    ..Message::DEFAULT
                },
            ),
            Generation::V2 => push(
                out,
                &MarketDepthUpdateLevelV2 {
                    symbol_id: self.symbol_id.into(),
                    date_time: millis(ts_ns).into(),
                    price: price.into(),
                    quantity: f64::from(quantity).into(),
                    num_orders: change.orders.into(),
                    level: change.level.into(),
                    side: side_code(change.side),
                    update_type: change.kind,
                    final_update_in_batch,
                    ..Message::DEFAULT
                },
            ),
        }
    }

    pub(super) fn clear(&self, ts_ns: i64, before: &SymbolState, out: &mut Vec<u8>) {
        for side in [Side::Bid, Side::Ask] {
            for level in before.book.levels(side) {
                let change = Change {
                    side,
                    kind: codes::UPDATE_DELETE,
                    price: level.price,
                    quantity: 0,
                    orders: 0,
                    level: 1,
                    last: false,
                };
                self.depth_update(ts_ns, &change, out);
            }
        }
    }

    pub(super) fn batch_end(&self, ts_ns: i64, before: &SymbolState, out: &mut Vec<u8>) {
        let best = [Side::Bid, Side::Ask]
            .into_iter()
            .find_map(|side| before.book.best(side).map(|level| (side, level)));
        let Some((side, level)) = best else {
            if before.batch_open {
                self.empty_snapshot(before, out);
            }
            return;
        };
        let kind = match self.generation {
            Generation::V2 => codes::UPDATE_CHANGE,
            Generation::Compact | Generation::Float => codes::UPDATE_INSERT_UPDATE,
        };
        let change = Change {
            side,
            kind,
            price: level.price,
            quantity: level.quantity,
            orders: level.orders,
            level: 1,
            last: true,
        };
        self.depth_update(ts_ns, &change, out);
    }

    fn empty_snapshot(&self, state: &SymbolState, out: &mut Vec<u8>) {
        let symbol_id = self.symbol_id.into();
        if self.generation == Generation::Float {
            for final_update_in_batch in [codes::FINAL_UPDATE_BEGIN_BATCH, codes::FINAL_UPDATE_TRUE]
            {
                push(
                    out,
                    &MarketDepthSnapshotLevelFloat {
                        symbol_id,
                        final_update_in_batch,
                        ..Message::DEFAULT
                    },
                );
            }
            return;
        }
        push(
            out,
            &MarketDepthSnapshotLevel {
                symbol_id,
                is_first_message_in_batch: 1,
                is_last_message_in_batch: 1,
                date_time: seconds_f64(state.depth_ts_ns).into(),
                ..Message::DEFAULT
            },
        );
    }

    fn snapshot_level(
        &self,
        state: &SymbolState,
        side: Side,
        number: u16,
        level: &Level,
        (first, last): (bool, bool),
        out: &mut Vec<u8>,
    ) {
        let price = self.spec.to_wire(level.price);
        if self.generation == Generation::Float {
            let final_update_in_batch = match (first, last) {
                (_, true) => codes::FINAL_UPDATE_TRUE,
                (true, false) => codes::FINAL_UPDATE_BEGIN_BATCH,
                (false, false) => codes::FINAL_UPDATE_FALSE,
            };
            return push(
                out,
                &MarketDepthSnapshotLevelFloat {
                    symbol_id: self.symbol_id.into(),
                    price: (price as f32).into(),
                    quantity: (level.quantity as f32).into(),
                    num_orders: u32::from(level.orders).into(),
                    level: number.into(),
                    side: side_code(side),
                    final_update_in_batch,
                    ..Message::DEFAULT
                },
            );
        }
        push(
            out,
            &MarketDepthSnapshotLevel {
                symbol_id: self.symbol_id.into(),
                side: u16::from(side_code(side)).into(),
                price: price.into(),
                quantity: f64::from(level.quantity).into(),
                level: number.into(),
                is_first_message_in_batch: first.into(),
                is_last_message_in_batch: last.into(),
                date_time: seconds_f64(state.depth_ts_ns).into(),
                num_orders: u32::from(level.orders).into(),
                ..Message::DEFAULT
            },
        );
    }
}

fn side_code(side: Side) -> u8 {
    match side {
        Side::Bid => codes::AT_BID,
        Side::Ask => codes::AT_ASK,
    }
}
