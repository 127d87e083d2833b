//! `[trading]`: whether orders are made, for whom, and of what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Config, SourceConfig};
use crate::order::OrderKind;
use crate::units::{Instrument, SECOND};

/// Where orders go.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TradingMode {
    /// To the simulated exchange, on live data.
    #[default]
    Paper,
    /// To a DTC server, for the account named; needs `--live` as well.
    Live,
}

/// What an orderly stop leaves behind.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// Entries are canceled; stops and targets go on working at the venue.
    #[default]
    Leave,
    /// Positions are closed first.
    Flatten,
}

/// Kind of an entry order.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A market order.
    #[default]
    Market,
    /// A limit order one tick beyond the far touch: what it may pay more is what a market order may
    /// pay by walking the book. Size and reward to risk are reckoned from the touch, with the
    /// slippage of the product, for either kind.
    Limit,
}

impl EntryKind {
    /// As an order has it.
    #[must_use]
    pub const fn kind(self) -> OrderKind {
        match self {
            EntryKind::Market => OrderKind::Market,
            EntryKind::Limit => OrderKind::Limit,
        }
    }
}

/// `[trading]`. Without this table nothing is ordered: signals are recorded and shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TradingConfig {
    /// `paper` or `live`.
    pub mode: TradingMode,
    /// Trade account at the server, at most 31 characters; needed in live, unused in paper.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Which `[[sources]]` takes the orders, a DTC server; needed in live, unused in paper.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Symbols that may be traded; none named: all of the run but those of NQ and MNQ, which are
    /// recorded only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// Data folder: the halt file `HALT`, `control/`, the order ids, the records. One run each.
    pub folder: PathBuf,
    /// Equity of the first run in paper, USD, above 0. Later runs of the same folder go on with
    /// what the last one had, and say so; in live the account says it.
    pub equity: f64,
    /// `market` or `limit`.
    pub entry: EntryKind,
    /// Trade the tier WEAK too. Paper always does where the gate of the preset lets it.
    pub allow_weak: bool,
    /// File of tier-1 events, see [`News::parse`](crate::decision::News::parse); without one live
    /// enters nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub news: Option<PathBuf>,
    /// Seconds that a position may be held; left out: as long as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_hold_s: Option<u32>,
    /// `leave` or `flatten`: what SIGINT and SIGTERM do to positions.
    pub on_stop: OnStop,
    /// Hold new orders back until the journal has what led to them on disk.
    pub journal_first: bool,
    /// Money of a product, by root, or by symbol where the root is not known:
    /// `[trading.product.MNQ]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub product: BTreeMap<String, ProductConfig>,
}

impl Default for TradingConfig {
    fn default() -> TradingConfig {
        TradingConfig {
            mode: TradingMode::Paper,
            account: String::new(),
            source: String::new(),
            symbols: Vec::new(),
            folder: PathBuf::from("data"),
            equity: 100_000.0,
            entry: EntryKind::Market,
            allow_weak: false,
            news: None,
            max_hold_s: None,
            on_stop: OnStop::Leave,
            journal_first: false,
            product: BTreeMap::new(),
        }
    }
}

/// `[trading.product.ROOT]`: what is left out is what is known of ES, NQ, MES and MNQ.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProductConfig {
    /// USD of one tick of one contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_value: Option<f64>,
    /// Fees of one contract, in and out, USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_turn: Option<f64>,
    /// Slippage to reckon with, ticks a side (1): sizes count both, the ratio of reward to risk
    /// that of the stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slippage_ticks: Option<u32>,
    /// Least distance of a stop, ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_stop_ticks: Option<u32>,
    /// Most contracts of a position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contracts_max: Option<u32>,
    /// Root of the small contract, named where the size comes to 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro: Option<String>,
}

/// A product with everything that sizing needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Money {
    /// USD of one tick of one contract.
    pub tick_value: f64,
    /// Fees of one contract, in and out, USD.
    pub round_turn: f64,
    /// Slippage to reckon with, ticks a side.
    pub slippage_ticks: u32,
    /// Least distance of a stop, ticks.
    pub min_stop_ticks: u32,
    /// Most contracts of a position.
    pub contracts_max: u32,
    /// The small contract: its root, USD of a tick and fees of a round turn.
    pub micro: Option<(String, f64, f64)>,
}

/// Most micro contracts of a position.
pub(super) const MICROS_MAX: u32 = 50;

/// What is known of a root: tick value, round turn, least stop, micro.
struct Known(&'static str, f64, f64, Option<u32>, Option<&'static str>);

/// Tick values of the CME contracts; fees and least stops as the specification has them. A least
/// stop is given for ES and MES only: others must say theirs.
const KNOWN: [Known; 4] = [
    Known("ES", 12.50, 5.00, Some(6), Some("MES")),
    Known("NQ", 5.00, 5.00, None, Some("MNQ")),
    Known("MES", 1.25, 1.50, Some(6), None),
    Known("MNQ", 0.50, 1.50, None, None),
];

/// Roots that are recorded and not traded, unless a symbol of them is named.
const RECORD_ONLY: [&str; 2] = ["NQ", "MNQ"];

/// Longest account name: the wire has 32 bytes with a NUL.
const ACCOUNT_MAX: usize = 31;
/// Slowest flush of a followed file that live trading accepts, milliseconds.
const LIVE_FLUSH_MS: u32 = 500;

impl Config {
    /// The table, where orders go to a server.
    #[must_use]
    pub fn live_trading(&self) -> Option<&TradingConfig> {
        self.trading.as_ref().filter(|t| t.mode == TradingMode::Live)
    }

    /// Whether symbol `name` may be traded: one that `trading.symbols` names; where it names none,
    /// every one but those that are recorded only.
    #[must_use]
    pub fn trades(&self, name: &str) -> bool {
        let Some(trading) = &self.trading else { return false };
        if trading.symbols.is_empty() {
            let root = Instrument::from_symbol(name).map(|instrument| instrument.root);
            return !root.is_some_and(|root| RECORD_ONLY.contains(&root.as_str()));
        }
        trading.symbols.iter().any(|s| s == name)
    }

    /// Refuses a start whose flag and configuration do not say the same: `live` is the flag. There
    /// is no way from one mode into the other.
    ///
    /// # Errors
    /// A text that says which of the two is missing.
    pub fn check_mode(&self, live: bool) -> Result<(), String> {
        match (self.live_trading().is_some(), live) {
            (true, false) => Err("trading.mode is \"live\": give --live too, or set \"paper\"; \
                                  nothing was started"
                .to_owned()),
            (false, true) => Err("--live: trading.mode is not \"live\"".to_owned()),
            _ => Ok(()),
        }
    }

    /// Checks the three tables against each other and the rest.
    pub(super) fn check_trading(&self) -> Result<(), String> {
        self.risk.check()?;
        self.risk_params(true).check()?;
        self.exchange.check()?;
        let Some(trading) = &self.trading else { return Ok(()) };
        if !(trading.equity.is_finite() && trading.equity > 0.0) {
            return Err("trading.equity: above 0".to_owned());
        }
        if trading.max_hold_s == Some(0) {
            return Err("trading.max_hold_s: above 0, or left out".to_owned());
        }
        if trading.account.len() > ACCOUNT_MAX || trading.account.contains(char::is_control) {
            return Err(format!("trading.account: at most {ACCOUNT_MAX} plain characters"));
        }
        if trading.journal_first && !self.journal.enabled {
            return Err("trading.journal_first: needs journal.enabled = true".to_owned());
        }
        for name in &trading.symbols {
            if !self.symbols.iter().any(|s| s.name == *name) {
                return Err(format!("trading.symbols: there is no symbol {name:?}"));
            }
        }
        for (root, product) in &trading.product {
            if product.micro.as_ref().is_some_and(|m| !KNOWN.iter().any(|k| k.0 == *m)) {
                return Err(format!("trading.product.{root}.micro: ES, NQ, MES or MNQ"));
            }
        }
        for instrument in &self.instruments()? {
            match trading.money(instrument) {
                Ok(money) => {
                    let named = |e| format!("trading.product.{}.{e}", key(instrument));
                    money.product(true, SECOND).check().map_err(named)?;
                }
                Err(error) if self.trades(&instrument.symbol) => return Err(error),
                Err(_) => {}
            }
        }
        if trading.mode == TradingMode::Live { self.check_live(trading) } else { Ok(()) }
    }

    fn check_live(&self, trading: &TradingConfig) -> Result<(), String> {
        if trading.account.trim().is_empty() {
            return Err("trading.account: live needs the name of the trade account".to_owned());
        }
        if !self.journal.enabled {
            return Err("journal.enabled: live needs the journal, a start after a crash goes on \
                        from it"
                .to_owned());
        }
        let server = |s: &&SourceConfig| s.name() == trading.source;
        match self.sources.iter().find(server) {
            Some(SourceConfig::Dtc(_)) => {}
            Some(SourceConfig::Sierra(_)) => {
                return Err("trading.source: files take no orders, name a DTC server".to_owned());
            }
            None => {
                let name = &trading.source;
                return Err(format!("trading.source: live needs a DTC source, got {name:?}"));
            }
        }
        for source in &self.sources {
            if source.is_delayed() {
                let name = source.name();
                return Err(format!("source {name}: delayed data are for paper, never live"));
            }
            if let SourceConfig::Sierra(sierra) = source
                && !(1..=LIVE_FLUSH_MS).contains(&sierra.scid_flush_ms)
            {
                return Err(format!(
                    "source {}: live needs scid_flush_ms of 1 to {LIVE_FLUSH_MS} (Sierra Chart: \
                     Global Settings >> Data/Trade Service Settings >> Advanced >> Intraday File \
                     Flush Time in Milliseconds)",
                    sierra.name
                ));
            }
        }
        if self.decision.weights.is_empty() && self.decision.preset == "core" {
            return Err(
                "decision.preset: core is for paper, replay and backtest, never live".to_owned()
            );
        }
        Ok(())
    }
}

impl TradingConfig {
    /// Money of a product: the configuration, else what is known of its root.
    ///
    /// # Errors
    /// A text that names the key that is missing.
    pub fn money(&self, instrument: &Instrument) -> Result<Money, String> {
        let root = instrument.root.as_str();
        let none = ProductConfig::default();
        let set = self.product.get(key(instrument)).unwrap_or(&none);
        let known = KNOWN.iter().find(|k| k.0 == root);
        let missing = |what: &str| {
            let (of, symbol) = (key(instrument), &instrument.symbol);
            format!("trading.product.{of}.{what}: {symbol} cannot be traded without")
        };
        let from_points = instrument.multiplier.map(|usd| usd * instrument.tick);
        let micro = set.micro.as_deref().or(known.and_then(|k| k.4));
        let micro = micro.and_then(|name| KNOWN.iter().find(|k| k.0 == name));
        Ok(Money {
            tick_value: set.tick_value.or(from_points).ok_or_else(|| missing("tick_value"))?,
            round_turn: set
                .round_turn
                .or(known.map(|k| k.2))
                .ok_or_else(|| missing("round_turn"))?,
            slippage_ticks: set.slippage_ticks.unwrap_or(1),
            min_stop_ticks: set
                .min_stop_ticks
                .or(known.and_then(|k| k.3))
                .ok_or_else(|| missing("min_stop_ticks"))?,
            contracts_max: set.contracts_max.unwrap_or(match root {
                "MES" | "MNQ" => MICROS_MAX,
                _ => 5,
            }),
            micro: micro.map(|k| (k.0.to_owned(), k.1, k.2)),
        })
    }
}

/// Under which name `[trading.product]` has an instrument.
fn key(instrument: &Instrument) -> &str {
    if instrument.root.is_empty() { &instrument.symbol } else { &instrument.root }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = r#"
        [[symbols]]
        name = "ESZ6"
        source = "files"
        [[symbols]]
        name = "NQZ6"
        source = "es"
        [[sources]]
        kind = "dtc"
        name = "es"
        address = "127.0.0.1:11099"
        [[sources]]
        kind = "sierra"
        name = "files"
        folder = "/sierra/Data"
        scid_flush_ms = 500
        [trading]
        mode = "live"
        account = "SIM1"
        source = "es"
        symbols = ["ESZ6"]
        [trading.product.NQ]
        min_stop_ticks = 10
        [risk]
        flat_by = "16:50"
        [exchange]
        queue = "proportional"
    "#;

    #[test]
    fn reads_itself_back() {
        let config = Config::parse(LIVE).expect("valid");
        assert_eq!(Config::parse(&config.to_text()), Ok(config.clone()));
        assert!(config.live_trading().is_some());
        assert!(config.trades("ESZ6") && !config.trades("NQZ6"));
        assert_eq!(config.risk.flat_by_minutes(), Ok(16 * 60 + 50));
        let none = Config::default();
        assert_eq!((none.trading.as_ref(), none.trades("ESZ6")), (None, false));
        assert!(!none.to_text().contains("[trading]"), "nothing is traded without the table");
    }

    #[test]
    fn the_nasdaq_is_recorded_only_unless_it_is_named() {
        let of = |symbols: &str| {
            let text = LIVE.replace("symbols = [\"ESZ6\"]", symbols);
            let config = Config::parse(&text).expect("valid");
            ["ESZ6", "MESZ6.CME", "NQZ6", "MNQZ6", "BTCUSD"].map(|name| config.trades(name))
        };
        assert_eq!(of(""), [true, true, false, false, true]);
        assert_eq!(of("symbols = [\"NQZ6\"]"), [false, false, true, false, false]);
        assert_eq!(of("symbols = [\"NQZ6\", \"ESZ6\"]"), [true, false, true, false, false]);
        // What is only recorded needs no money.
        let bare = LIVE.replace("[trading.product.NQ]\n        min_stop_ticks = 10", "");
        assert!(Config::parse(&bare).is_ok());
    }

    #[test]
    fn errors_name_the_key() {
        for (from, to, word) in [
            ("account = \"SIM1\"", "", "trading.account"),
            ("account = \"SIM1\"", "account = \" \"", "trading.account"),
            ("account = \"SIM1\"", "account = \"12345678901234567890123456789012\"", "31"),
            ("mode = \"live\"", "mode = \"demo\"", "mode"),
            ("source = \"es\"\n        symbols", "symbols", "trading.source"),
            ("source = \"es\"\n        symbols", "source = \"files\"\n symbols", "no orders"),
            ("scid_flush_ms = 500", "scid_flush_ms = 501", "scid_flush_ms"),
            ("scid_flush_ms = 500", "scid_flush_ms = 0", "scid_flush_ms"),
            ("scid_flush_ms = 500", "", "scid_flush_ms"),
            ("scid_flush_ms = 500", "scid_flush_ms = 500\ndelayed = true", "delayed"),
            ("[risk]", "[decision]\npreset = \"core\"\n[risk]", "core"),
            ("[risk]", "[decision]\npreset = \"core\"\ngate = 30.0\n[risk]", "core"),
            ("\"ESZ6\"]", "\"ESZ9\"]", "ESZ9"),
            ("[\"ESZ6\"]", "[\"NQZ6\"]\nmax_hold_s = 0", "max_hold_s"),
            ("min_stop_ticks = 10", "min_stop_ticks = 0", "trading.product.NQ.min_stop_ticks"),
            ("min_stop_ticks = 10", "micro = \"M2K\"", "micro"),
            (
                "[\"ESZ6\"]\n        [trading.product.NQ]\n        min_stop_ticks = 10",
                "[\"NQZ6\"]",
                "trading.product.NQ.min_stop_ticks",
            ),
            (
                "source = \"es\"\n        symbols",
                "source = \"es\"\nequity = 0.0\nsymbols",
                "equity",
            ),
            (
                "source = \"es\"\n        symbols",
                "source = \"es\"\njournal_first = true\nsymbols",
                "",
            ),
            ("flat_by = \"16:50\"", "flat_by = \"24:00\"", "flat_by"),
            ("flat_by = \"16:50\"", "flat_by = \"4:5\"", "flat_by"),
            ("flat_by = \"16:50\"", "flat_by = \"17:00\"", "flat_by"),
            ("flat_by = \"16:50\"", "flat_by = \"23:59\"", "flat_by"),
            ("flat_by = \"16:50\"", "day_loss_r = 0.0", "risk.day_loss_r"),
            ("flat_by = \"16:50\"", "day_loss_r = nan", "risk.day_loss_r"),
            ("flat_by = \"16:50\"", "base_risk = 0.02", "risk.base_risk"),
            ("flat_by = \"16:50\"", "month_warn = 0.06", "month_warn"),
            ("flat_by = \"16:50\"", "throttle_max = 1", "risk.throttle_max"),
            ("queue = \"proportional\"", "slippage_ticks = 0", "slippage_ticks"),
            ("queue = \"proportional\"", "latency_us = 10000001", "latency_us"),
        ] {
            let text = LIVE.replace(from, to);
            assert_ne!(text, LIVE, "{from}");
            match Config::parse(&text) {
                Err(error) => assert!(!word.is_empty() && error.contains(word), "{to}: {error}"),
                Ok(_) => assert!(word.is_empty(), "{to} was taken"),
            }
        }
        let bare = LIVE.replace("symbols = [", "journal_first = true\nsymbols = [")
            + "[journal]\nenabled = false\n";
        assert!(Config::parse(&bare).expect_err("no journal").contains("journal_first"));
    }

    #[test]
    fn live_needs_the_flag_and_the_flag_needs_live() {
        let live = Config::parse(LIVE).expect("valid");
        assert_eq!(live.check_mode(true), Ok(()));
        assert!(live.check_mode(false).expect_err("no flag").contains("--live"));
        let paper = Config::parse(&LIVE.replace("\"live\"", "\"paper\"")).expect("valid");
        assert_eq!(paper.check_mode(false), Ok(()));
        assert!(paper.check_mode(true).expect_err("paper").contains("--live"));
        assert!(Config::default().check_mode(true).is_err());
        // What live refuses, paper may have.
        let text = "[decision]\npreset = \"core\"\n[trading]\nequity = 5e4\n";
        Config::parse(text).expect("paper trades core");
    }

    #[test]
    fn money_of_products() {
        let config = Config::parse(LIVE).expect("valid");
        let trading = config.trading.as_ref().expect("there");
        let es = Instrument::from_symbol("ESZ6").expect("root");
        let money = trading.money(&es).expect("known");
        assert_eq!((money.tick_value, money.round_turn, money.slippage_ticks), (12.5, 5.0, 1));
        assert_eq!((money.min_stop_ticks, money.contracts_max), (6, 5));
        assert_eq!(money.micro, Some(("MES".to_owned(), 1.25, 1.5)));
        let nq = trading.money(&Instrument::from_symbol("NQZ6").expect("root")).expect("set");
        assert_eq!((nq.tick_value, nq.min_stop_ticks), (5.0, 10));
        let mes = trading.money(&Instrument::from_symbol("MESZ6").expect("root")).expect("known");
        assert_eq!((mes.contracts_max, mes.micro), (50, None));
        let btc = Instrument::with_tick("BTCUSD", 0.5).expect("tick");
        assert!(trading.money(&btc).expect_err("unknown").contains("tick_value"));
    }
}
