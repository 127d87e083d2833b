//! VIX and its kin on the cold thread: histories read, files followed, a provider asked.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::indices::IndexFile;
use crate::calendar::{Calendar, days};
use crate::config::VolatilityConfig;
use crate::options::chain::{Print, Underlying};
use crate::providers::{ChainProvider, Clock};
use crate::units::Ts;
use crate::volatility::analyzer::{Analyzer, Future, Index, Params};
use crate::volatility::closes::Closes;
use crate::volatility::{Part, Quote, Source};

/// Volatility indices by their tickers.
const INDICES: [(&str, Index); 5] = [
    ("VIX", Index::Vix),
    ("VIX9D", Index::Vix9d),
    ("VIX3M", Index::Vix3m),
    ("VIX6M", Index::Vix6m),
    ("VXN", Index::Vxn),
];
/// The indices that options are on.
const CASH: [(&str, Underlying); 2] = [("SPX", Underlying::Spx), ("NDX", Underlying::Ndx)];
/// Months by their letter in a contract's name.
const MONTHS: &str = "FGHJKMNQUVXZ";

/// A followed VX future.
#[derive(Debug)]
struct Vx {
    file: IndexFile,
    expiry: jiff::civil::Date,
    last: Option<Print>,
}

/// See the module text.
#[derive(Debug)]
pub struct Vix {
    vix: Analyzer,
    vxn: Analyzer,
    files: Vec<(Index, IndexFile)>,
    cash: Vec<(Underlying, IndexFile)>,
    prints: [Option<Print>; 2],
    vx: Vec<Vx>,
}

impl Vix {
    /// Of a configuration: reads its histories, opens no other file yet.
    ///
    /// # Errors
    /// With the file and line of a history, or the name of a VX contract, that cannot be read.
    pub fn new(config: &VolatilityConfig, calendar: &Calendar) -> Result<Vix> {
        let closes = |path: &Option<std::path::PathBuf>| match path {
            Some(path) => history(path),
            None => Ok(Closes::EMPTY),
        };
        let files = INDICES
            .iter()
            .filter_map(|&(name, index)| Some((index, IndexFile::new(config.scid.get(name)?))));
        let cash = CASH
            .iter()
            .filter_map(|&(name, of)| Some((of, IndexFile::new(config.scid.get(name)?))));
        let mut vx = Vec::new();
        for (name, path) in &config.vx {
            let expiry = expiry(name, calendar)
                .with_context(|| format!("volatility.vx: {name:?} is no contract such as VXZ6"))?;
            vx.push(Vx { file: IndexFile::new(path), expiry, last: None });
        }
        vx.sort_by_key(|one| one.expiry);
        Ok(Vix {
            vix: Analyzer::new(Params::default(), closes(&config.vix_history)?),
            vxn: Analyzer::vxn(Params::default(), closes(&config.vxn_history)?),
            files: files.collect(),
            cash: cash.collect(),
            prints: [None; 2],
            vx,
        })
    }

    /// Whether any file is followed.
    #[must_use]
    pub fn follows(&self) -> bool {
        !(self.files.is_empty() && self.cash.is_empty() && self.vx.is_empty())
    }

    /// Looks at every followed file once; returns whether anything was new.
    pub fn poll(&mut self, now: Ts, calendar: &Calendar, say: &mut dyn FnMut(String)) -> bool {
        let mut new = false;
        for at in 0..self.files.len() {
            let Some((index, file)) = self.files.get_mut(at) else { break };
            let index = *index;
            if let Some(print) = file.poll(say) {
                self.take(index, print, Source::Scid, now, calendar);
                new = true;
            }
        }
        for (of, file) in &mut self.cash {
            if let (Some(print), Some(slot)) = (file.poll(say), self.prints.get_mut(*of as usize)) {
                *slot = Some(print);
                new = true;
            }
        }
        let mut moved = false;
        for one in &mut self.vx {
            if let Some(print) = one.file.poll(say) {
                one.last = Some(print);
                moved = true;
            }
        }
        if moved {
            self.futures();
        }
        new || moved
    }

    /// Asks a provider for the indices; what it does not give is left as it was.
    pub fn ask(
        &mut self,
        provider: &mut dyn ChainProvider,
        calendar: &Calendar,
        clock: &dyn Clock,
    ) {
        let names = INDICES.map(|(name, _)| name);
        let Ok(values) = provider.indices(&names, clock) else { return };
        for (name, value) in names.into_iter().zip(values) {
            if let Ok(value) = value {
                let print = Print { value: value.value, ts: value.ts };
                self.named(name, print, clock.now(), calendar);
            }
        }
    }

    /// Takes a value that a provider gives under a ticker; another ticker is left out.
    pub fn named(&mut self, name: &str, print: Print, now: Ts, calendar: &Calendar) {
        if let Some(&(_, index)) = INDICES.iter().find(|(known, _)| *known == name) {
            self.take(index, print, Source::Index, now, calendar);
        }
    }

    /// Takes a value of a DTC server.
    pub fn served(&mut self, name: &str, print: Print, now: Ts, calendar: &Calendar) {
        if let Some(&(_, index)) = INDICES.iter().find(|(known, _)| *known == name) {
            self.take(index, print, Source::Dtc, now, calendar);
        }
        let of = CASH.iter().find(|(known, _)| *known == name).map(|&(_, of)| of);
        if let Some(slot) = of.and_then(|of| self.prints.get_mut(of as usize)) {
            *slot = Some(print);
        }
    }

    /// A VIX given by hand, of the time `ts`: before every other source.
    pub fn give(&mut self, value: f64, ts: Ts, now: Ts, calendar: &Calendar) {
        self.take(Index::Vix, Print { value, ts }, Source::Given, now, calendar);
    }

    /// Takes a value of an index.
    pub fn take(
        &mut self,
        index: Index,
        print: Print,
        source: Source,
        now: Ts,
        calendar: &Calendar,
    ) {
        let quote = Quote::new(print.value, print.ts, source);
        let analyzer = if matches!(index, Index::Vxn) { &mut self.vxn } else { &mut self.vix };
        let _ = analyzer.observe(index, quote, now, calendar);
    }

    /// The newest print of an index that options are on.
    #[must_use]
    pub fn print(&self, of: Underlying) -> Option<Print> {
        self.prints.get(of as usize).copied().flatten()
    }

    /// What the Context says of volatility.
    #[must_use]
    pub fn part(&self, now: Ts, calendar: &Calendar) -> Part {
        let mut part = self.vix.part(now, calendar);
        part.vxn = self.vxn.quote(Index::Vxn, now, calendar);
        part
    }

    fn futures(&mut self) {
        let priced = || self.vx.iter().filter_map(|one| Some((one.expiry, one.last?)));
        let futures: Vec<Future> =
            priced().map(|(expiry, print)| Future { expiry, price: print.value }).collect();
        // The oldest of them says how old the curve is.
        if let Some(ts) = priced().map(|(_, print)| print.ts).min() {
            self.vix.vx(&futures, ts);
        }
    }
}

fn history(path: &Path) -> Result<Closes> {
    let bytes = std::fs::read(path).with_context(|| format!("VIX history {}", path.display()))?;
    Closes::parse(&bytes).with_context(|| format!("VIX history {}", path.display()))
}

/// Settlement day of a VX contract such as `VXZ6`: a month's letter and the last digit or two of
/// the year.
fn expiry(name: &str, calendar: &Calendar) -> Option<jiff::civil::Date> {
    let rest = name.strip_prefix("VX")?;
    let letter = rest.chars().next()?;
    let month = i8::try_from(MONTHS.find(letter)?).ok()? + 1;
    let year: i16 = rest.get(1..)?.parse().ok()?;
    let year = if year < 10 { 2020 + year } else { 2000 + year };
    let day = calendar.vix_expiry(year, month)?;
    (days(day) > 0).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts() {
        let calendar = Calendar::bundled().expect("rows");
        let day = |name| expiry(name, &calendar).map(|d| d.to_string());
        assert_eq!(day("VXZ6").as_deref(), Some("2026-12-16"));
        assert_eq!(day("VXF27").as_deref(), Some("2027-01-20"));
        for name in ["", "VX", "VXA6", "ESZ6", "VXZ", "VXZZ"] {
            assert_eq!(day(name), None, "{name}");
        }
    }

    #[test]
    fn a_history_that_is_not_there_is_named() {
        let config = VolatilityConfig {
            vix_history: Some("no/such/VIX.csv".into()),
            ..VolatilityConfig::default()
        };
        let calendar = Calendar::bundled().expect("rows");
        let error = format!("{:#}", Vix::new(&config, &calendar).expect_err("missing"));
        assert!(error.contains("no/such/VIX.csv"), "{error}");
    }
}
