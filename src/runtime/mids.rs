//! Mids of the futures on their way from the decision to the cold thread, and the live basis that
//! they make with the prints of the index.

use std::collections::BTreeMap;

use rtrb::Consumer;

use crate::calendar::Calendar;
use crate::context::contract::Contract as Named;
use crate::options::basis::{Contract, Live, LiveBasis, contracts, fresh_limit, regular_hours};
use crate::options::chain::{Print, Underlying};
use crate::units::{Instrument, SymbolId, Ts};

/// Middle of a two-sided book at a time of the market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mid {
    /// The symbol.
    pub symbol: SymbolId,
    /// Twice the middle, in ticks, so that it stays whole.
    pub twice: i64,
    /// Market time.
    pub ts: Ts,
}

/// One symbol that is a future on an index.
#[derive(Debug)]
struct Followed {
    symbol: SymbolId,
    name: String,
    root: &'static str,
    of: Underlying,
    tick: f64,
    basis: Option<(Contract, LiveBasis)>,
    last: Option<Print>,
    /// The last live basis, kept when it can no longer be measured.
    live: Option<Live>,
}

/// See the module text.
#[derive(Debug)]
pub struct Futures {
    mids: Option<Consumer<Mid>>,
    followed: Vec<Followed>,
    flush_ms: Option<u32>,
}

impl Futures {
    /// The futures of a run; `flush_ms` is Sierra's interval where files are followed.
    #[must_use]
    pub fn new(mids: Consumer<Mid>, instruments: &[Instrument], flush_ms: Option<u32>) -> Futures {
        let one = |(id, instrument): (u16, &Instrument)| {
            let roots = [
                ("ES", Underlying::Spx),
                ("MES", Underlying::Spx),
                ("NQ", Underlying::Ndx),
                ("MNQ", Underlying::Ndx),
            ];
            let named = |(root, _): &&(&str, _)| Named::of(&instrument.symbol, root).is_some();
            let &(root, of) = roots.iter().find(named)?;
            Some(Followed {
                symbol: SymbolId(id),
                name: instrument.symbol.clone(),
                root,
                of,
                tick: instrument.tick,
                basis: None,
                last: None,
                live: None,
            })
        };
        let followed = (0_u16..).zip(instruments).filter_map(one).collect();
        Futures { mids: Some(mids), followed, flush_ms }
    }

    /// No futures.
    #[must_use]
    pub const fn none() -> Futures {
        Futures { mids: None, followed: Vec::new(), flush_ms: None }
    }

    /// Whether a future on `of` is followed.
    #[must_use]
    pub fn follows(&self, of: Underlying) -> bool {
        self.followed.iter().any(|f| f.of == of)
    }

    /// Takes what the decision sent.
    pub fn poll(&mut self, now: Ts, calendar: &Calendar) {
        let Some(mids) = &mut self.mids else { return };
        while let Ok(mid) = mids.pop() {
            let Some(one) = self.followed.iter_mut().find(|f| f.symbol == mid.symbol) else {
                continue;
            };
            let value = mid.twice as f64 / 2.0 * one.tick;
            one.last = Some(Print { value, ts: mid.ts });
            one.turn(mid.ts, calendar, self.flush_ms);
            if let Some((_, basis)) = &mut one.basis {
                basis.future(value, mid.ts);
            }
        }
        for one in &mut self.followed {
            if let Some((_, basis)) = &one.basis
                && let Ok(live) = basis.median(now)
            {
                one.live = Some(live);
            }
        }
    }

    /// Takes a print of an index.
    pub fn print(&mut self, of: Underlying, print: Print) {
        for one in self.followed.iter_mut().filter(|f| f.of == of) {
            if let Some((_, basis)) = &mut one.basis {
                basis.print(print.value, print.ts);
            }
        }
    }

    /// The last live basis of each contract on `of`, by its code.
    #[must_use]
    pub fn live(&self, of: Underlying, now: Ts) -> BTreeMap<String, Live> {
        let known = self.followed.iter().filter(|f| f.of == of);
        let known = known.filter_map(|f| Some((f.basis.as_ref()?.0.code.clone(), f.live?)));
        known.filter(|(_, live)| live.ts <= now).collect()
    }

    /// The index as a future says it: its mid less its last live basis.
    #[must_use]
    pub fn spot(&self, of: Underlying) -> Option<Print> {
        let known = self.followed.iter().filter(|f| f.of == of);
        known.into_iter().find_map(|f| {
            let (last, live) = (f.last?, f.live?);
            Some(Print { value: last.value - live.value, ts: last.ts })
        })
    }
}

impl Followed {
    /// A new session, or a contract that has not been looked up yet.
    fn turn(&mut self, at: Ts, calendar: &Calendar, flush_ms: Option<u32>) {
        let Some(hours) = regular_hours(calendar, at) else { return };
        let same = |basis: &(Contract, LiveBasis)| basis.1.hours() == hours;
        if self.basis.as_ref().is_some_and(same) {
            return;
        }
        let own = Named::of(&self.name, self.root);
        let is_own = |c: &Contract| {
            let listed = Named::of(&c.code, self.of.future());
            listed.zip(own).is_some_and(|(listed, own)| listed.is(own))
        };
        let limit = fresh_limit(flush_ms);
        let found = contracts(calendar, self.of, at).into_iter().find(is_own);
        self.basis = found.map(|c| (c, LiveBasis::new(hours, limit, limit)));
    }
}
