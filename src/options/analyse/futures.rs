//! Levels on the front and the next quarterly future.

use std::collections::BTreeMap;

use super::Run;
use super::head::seconds;
use super::part::Part;
use crate::options::basis::{self, Basis, Contract, round_tick};
use crate::options::pins::PINS_MAX;
use crate::options::priced::Priced;
use crate::options::snapshot::FutureLevels;
use crate::options::{Known, Null, Nulls, null};
use crate::units::Reason;

/// A contract with its basis and the age of that, s.
pub(super) struct Future {
    pub(super) contract: Contract,
    pub(super) basis: Known<(Basis, f64)>,
}

impl Run<'_> {
    /// Front first.
    pub(super) fn futures(&self, priced: &Priced) -> Vec<Future> {
        let now = self.inputs.now;
        let contracts = basis::contracts(self.calendar, self.chain.underlying, priced.asof);
        let of = |contract: Contract| {
            let live = self.inputs.live.get(&contract.code).copied();
            let live = live.ok_or(Null { reason: Reason::NoInput, detail: "live_basis" });
            let basis = basis::choose(self.calendar, &contract, live, priced, now);
            let basis = basis.map(|b| (b, seconds(now, b.ts).max(0.0)));
            Future { contract, basis }
        };
        contracts.into_iter().map(of).collect()
    }

    pub(super) fn future_levels(
        &self,
        part: &Part<'_>,
        futures: &[Future],
        nulls: &mut Nulls,
    ) -> BTreeMap<String, FutureLevels> {
        let mut map = BTreeMap::new();
        let mut why = Null { reason: Reason::NoInput, detail: "calendar" };
        for future in futures {
            let code = &future.contract.code;
            match future.basis {
                Ok((basis, age)) => {
                    let levels =
                        levels(part, basis.value, nulls, &format!("futures.{code}.levels"));
                    let record = FutureLevels {
                        basis: basis.value,
                        basis_source: basis.source.name().to_owned(),
                        basis_age_s: age,
                        levels,
                    };
                    map.insert(code.clone(), record);
                }
                Err(missing) => {
                    why = missing;
                    let _: Option<f64> = nulls.take(&format!("futures.{code}"), Err(missing));
                }
            }
        }
        if map.is_empty() {
            let _: Option<f64> = nulls.take("futures", Err(why));
        }
        map
    }
}

/// Each level plus the basis, on the tick.
fn levels(
    part: &Part<'_>,
    basis: f64,
    nulls: &mut Nulls,
    path: &str,
) -> BTreeMap<String, Option<f64>> {
    let mut found: Vec<(String, Known<f64>)> = vec![
        ("spot".to_owned(), Ok(part.spot)),
        ("call_wall".to_owned(), part.walls.call.map(|w| w.strike)),
        ("put_wall".to_owned(), part.walls.put.map(|w| w.strike)),
        ("gamma_flip".to_owned(), part.flip.level()),
        ("max_pain".to_owned(), part.headline().map(|(_, strike)| strike)),
        ("vol_trigger".to_owned(), part.trigger.at.map(|(level, _)| level)),
    ];
    for i in 0..PINS_MAX {
        let pin = part.pins.as_ref().map_err(|why| *why).and_then(|pins| match pins.get(i) {
            Some(pin) => Ok(pin.strike),
            None => null(Reason::NoInput, "no_pin"),
        });
        found.push((format!("pin{}", i + 1), pin));
    }
    let on_future = |(name, level): (String, Known<f64>)| {
        let level = nulls.take(&format!("{path}.{name}"), level);
        (name, level.map(|l| round_tick(l + basis)))
    };
    found.into_iter().map(on_future).collect()
}
