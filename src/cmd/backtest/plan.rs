//! What a run is made from: a set's changes over the configuration that belongs to its input.

use anyhow::{Result, anyhow, ensure};

use super::BacktestArgs;
use super::market::{Market, Read};
use super::sets::Set;
use crate::cmd::playback;
use crate::config::{Config, TradingConfig, TradingMode};
use crate::journal::Reader;
use crate::runtime::baselines;
use crate::runtime::files::{Loaded, TickFiles};
use crate::runtime::setup::Setup;
use crate::trader::Start;
use crate::units::Instrument;

/// Makes the setups of runs.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    args: &'a BacktestArgs,
    /// What the arguments name, for tick files; for journals too where a file is named.
    given: Config,
    /// Nothing is changed: a journal is repeated as it was.
    repeat: bool,
}

impl<'a> Plan<'a> {
    /// The plan of these sets.
    ///
    /// # Errors
    /// With the configuration file and what is wrong with it.
    pub(super) fn new(args: &'a BacktestArgs, sets: &[Set]) -> Result<Plan<'a>> {
        let preset = match (&args.config, &args.preset) {
            (None, None) => Some("core"),
            (_, preset) => preset.as_deref(),
        };
        let given = simulated(playback::config(args.config.as_deref(), preset)?);
        let own = args.config.is_none() && args.preset.is_none();
        let repeat = own && matches!(sets, [set] if set.label.is_empty());
        Ok(Plan { args, given, repeat })
    }

    /// Refuses sets that no input could be run with.
    ///
    /// # Errors
    /// With the set.
    pub(super) fn check(&self, sets: &[Set]) -> Result<()> {
        sets.iter().try_for_each(|set| set.config(&self.given).map(drop))
    }

    /// The setup of a set's run over an input.
    ///
    /// # Errors
    /// With the set that is refused, or with the file and what is wrong with it.
    pub(super) fn setup(&self, set: &Set, read: &Read) -> Result<Setup> {
        match &read.market {
            Market::Ticks(files) => self.of_ticks(set, files),
            Market::Journal(file) => self
                .of_journal(set, file)
                .map_err(|error| error.context(file.path.display().to_string())),
        }
    }

    fn of_ticks(&self, set: &Set, files: &TickFiles) -> Result<Setup> {
        let (mut config, instruments) = (set.config(&self.given)?, files.instruments.clone());
        trade_all(&mut config, &instruments);
        let mut setup = Setup::new(config, instruments, "replay").map_err(|e| anyhow!(e))?;
        baselines::attach(&mut setup, &self.args.baseline).map_err(|e| anyhow!(e))?;
        setup.read_news().map_err(|e| anyhow!(e))?;
        Ok(setup)
    }

    /// A journal is repeated as it was; where something is changed, everything else stays: it
    /// brings its configuration, baselines, calendar of events, and what its run began with.
    fn of_journal(&self, set: &Set, file: &Loaded) -> Result<Setup> {
        ensure!(
            self.args.wire_times.is_none(),
            "--wire-times is for tick files; a journal has its times"
        );
        let reader = Reader::open(&file.data)?;
        let recorded = Setup::from_journal(&reader).map_err(|e| anyhow!(e))?;
        if self.repeat && recorded.trades() {
            return Ok(recorded);
        }
        let base = if self.args.config.is_some() {
            self.given.clone()
        } else {
            let mut own = recorded.config.clone();
            playback::choose(&mut own, self.args.preset.as_deref());
            simulated(own)
        };
        let mut config = set.config(&base)?;
        if self.args.config.is_some() {
            trade_all(&mut config, &recorded.instruments);
        }
        let start = start(&recorded, &config).filter(|_| self.args.config.is_none());
        let news = recorded.news.clone();
        let same_news = news_of(&config) == news_of(&recorded.config);
        let Setup { instruments, baselines, .. } = recorded;
        // Whatever the run was, this is none of it: a replay of its market.
        let mut setup = Setup::new(config, instruments, "replay").map_err(|e| anyhow!(e))?;
        (setup.baselines, setup.start) = (baselines, start);
        if !same_news {
            setup.read_news().map_err(|e| anyhow!(e))?;
        }
        // What the run knew of events is known here too, where no other calendar is named.
        setup.news = setup.news.or(news);
        Ok(setup)
    }
}

/// The configuration with which orders meet the simulated exchange, whatever it says.
fn simulated(mut config: Config) -> Config {
    let trading = config.trading.get_or_insert_with(TradingConfig::default);
    trading.mode = TradingMode::Paper;
    config
}

/// The input says which symbols there are, and all of them are tried.
fn trade_all(config: &mut Config, instruments: &[Instrument]) {
    let names = || instruments.iter().map(|i| i.symbol.clone()).collect();
    config.trading.iter_mut().for_each(|trading| trading.symbols = names());
}

fn news_of(config: &Config) -> Option<&std::path::Path> {
    config.trading.as_ref().and_then(|trading| trading.news.as_deref())
}

/// What a recorded run began with, without orders: limits, equity. `None`, which is a fresh start
/// with the equity of the configuration, where it traded at a venue, whose account is not here, or
/// where the configuration names another equity.
fn start(recorded: &Setup, config: &Config) -> Option<Start> {
    let equity = |config: &Config| config.trading.as_ref().map(|trading| trading.equity);
    let live = recorded.config.live_trading().is_some();
    let same = !live && equity(&recorded.config) == equity(config);
    let start = recorded.start.clone().filter(|_| same)?;
    Some(Start { orders: String::new(), ..start })
}
