//! Recorded events → the records that the simulator serves.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use dtc_sim::encode::Generation;
use dtc_sim::market::{Aggressor, MarketBody, MarketRecord, Side, SymbolSpec, VecMarket};

use crate::event::{Body, Event, flag};
use crate::journal::Reader;
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::player::Player;
use crate::runtime::setup::Setup;
use crate::units::{self, Instrument, Px, Ts};

/// The market that `files` recorded: tick files merged by time, or one journal.
///
/// # Errors
/// With the file and what is wrong with it.
pub fn recorded(files: &[PathBuf], tick: Option<f64>) -> Result<(VecMarket, Vec<Instrument>)> {
    let files: Vec<Loaded> =
        files.iter().map(|p| load(p).map_err(|e| anyhow!(e))).collect::<Result<_>>()?;
    let mut records = Vec::new();
    let instruments = match files.as_slice() {
        [file] if file.kind == FileKind::Journal => {
            let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
            let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
            let setup = Setup::from_journal(&reader).map_err(|e| named(&e))?;
            let mut player = Player::new(reader, &setup.instruments).map_err(|e| named(&e))?;
            player
                .play(|event| push(&mut records, event, &setup.instruments))
                .map_err(|e| named(&e))?;
            setup.instruments
        }
        _ => {
            let files = TickFiles::new(files, tick).map_err(|e| anyhow!(e))?;
            let mut stream = files.stream().map_err(|e| anyhow!(e))?;
            while let Some(event) = stream.next_event()? {
                push(&mut records, &event, &files.instruments);
            }
            files.instruments.clone()
        }
    };
    Ok((VecMarket::new(instruments.iter().map(spec).collect(), records), instruments))
}

/// A symbol as the simulator serves it.
#[must_use]
pub fn spec(instrument: &Instrument) -> SymbolSpec {
    let value = instrument.multiplier.map_or(0.0, |m| m * instrument.tick);
    SymbolSpec::new(&instrument.symbol, "", instrument.tick, value)
}

/// The time that the simulator serves for an event.
fn served_ns(event: &Event) -> i64 {
    event.ts_exch.or(event.ts).0
}

/// Gives an event the exchange time that a client of the simulator would read of it in messages of
/// `form`. Its receive time stays.
pub fn as_sent(form: Generation, event: &mut Event) {
    let ts_ns = served_ns(event);
    let sent = match event.body {
        Body::Trade { .. } | Body::Quote { .. } => form.market_data_time(ts_ns),
        Body::Depth { .. } | Body::Clear | Body::BatchEnd => form.depth_time(ts_ns),
        _ => return,
    };
    event.ts_exch = sent.map_or(Ts::NONE, Ts::from_outside);
}

/// Adds what the simulator serves of `event`. Timers and notes of a recording are none of the
/// market's business.
pub fn push(records: &mut Vec<MarketRecord>, event: &Event, instruments: &[Instrument]) {
    let Some(instrument) = instruments.get(usize::from(event.symbol.0)) else { return };
    let points = |px: Px| instrument.points(px);
    let end = event.has(flag::BATCH_END);
    let body = match event.body {
        Body::Trade { px, qty, aggressor, unbundled } => MarketBody::Trade {
            price: points(px),
            volume: qty,
            aggressor: match aggressor {
                units::Aggressor::None => Aggressor::None,
                units::Aggressor::Buy => Aggressor::Buy,
                units::Aggressor::Sell => Aggressor::Sell,
            },
            unbundled,
        },
        Body::Quote { bid, ask } => {
            let side = |s: Option<(Px, u32)>| s.map(|(px, qty)| (points(px), f64::from(qty)));
            MarketBody::Quote { bid: side(bid), ask: side(ask) }
        }
        Body::Depth { side, px, qty, orders } => MarketBody::Depth {
            side: match side {
                units::Side::Bid => Side::Bid,
                units::Side::Ask => Side::Ask,
            },
            delete: qty == 0,
            price: points(px),
            quantity: qty,
            orders,
            level: 0,
            final_in_batch: end,
        },
        Body::Clear => MarketBody::ClearBook,
        Body::BatchEnd => MarketBody::BatchEnd,
        _ => return,
    };
    let (ts_ns, symbol) = (served_ns(event), event.symbol.0);
    records.push(MarketRecord { ts_ns, symbol, body });
    if end && matches!(event.body, Body::Clear) {
        records.push(MarketRecord { ts_ns, symbol, body: MarketBody::BatchEnd });
    }
}
