//! Which keys decide: what records call their configuration by.

use std::fmt::Write as _;

use super::{Config, MassiveConfig, OptionsConfig, TradingConfig, TradingMode, VolatilityConfig};
use crate::units::Instrument;

impl Config {
    /// What somebody would have to change in the file for the same market to be traded otherwise,
    /// as text; the preset and what products set for features not among it. Equal for two files
    /// that come to the same, a default written out or left out. Not in it: where data lie and
    /// come from, accounts and passwords, threads, rings, exports, names of contracts, the content
    /// of the files that are named, and whether somebody attends (a backtest halts for nobody).
    #[must_use]
    pub fn deciding(&self, instruments: &[Instrument]) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for instrument in instruments {
            let _ = writeln!(text, "symbol {} {:?}", instrument.root, instrument.tick);
        }
        let depth: Vec<u16> = self.symbols.iter().map(|symbol| symbol.depth_levels).collect();
        let _ = writeln!(text, "depth {depth:?}");
        let _ = writeln!(text, "features {:?}", self.feature_params());
        text.push_str(&self.options.deciding());
        text.push_str(&self.volatility.deciding());
        if let Some(trading) = &self.trading {
            text.push_str(&trading.deciding());
            let _ = writeln!(text, "entry {:?}", self.entry_params(instruments));
            let _ = writeln!(text, "risk {:?}", self.risk_params(true));
            let _ = writeln!(text, "products {:?}", self.products(instruments));
            let _ = writeln!(text, "orders {:?}", self.order_params());
            if trading.mode == TradingMode::Paper {
                let _ = writeln!(text, "exchange {:?}", self.exchange_params());
            }
        }
        text
    }
}

impl TradingConfig {
    /// What is in no parameters of the core.
    fn deciding(&self) -> String {
        let TradingConfig { mode, entry, max_hold_s, on_stop, journal_first, .. } = self;
        // In live the account says it.
        let equity = (*mode == TradingMode::Paper).then_some(self.equity);
        format!(
            "trading {mode:?} {equity:?} {entry:?} {max_hold_s:?} {on_stop:?} {journal_first}\n"
        )
    }
}

impl OptionsConfig {
    /// How chains become levels, where there are any.
    fn deciding(&self) -> String {
        if self.symbols.is_empty() {
            return "options none\n".to_owned();
        }
        let MassiveConfig { delayed, max_dte, .. } = self.massive;
        let massive = MassiveConfig { delayed, max_dte, ..MassiveConfig::default() };
        let OptionsConfig { out, alias_options_flow, .. } = OptionsConfig::default();
        let folder = None;
        let of = OptionsConfig { folder, out, alias_options_flow, massive, ..self.clone() };
        format!("options {of:?}\n")
    }
}

impl VolatilityConfig {
    /// Which indices are known, wherever they come from.
    fn deciding(&self) -> String {
        let histories = (self.vix_history.is_some(), self.vxn_history.is_some());
        let indices: Vec<&String> = self.scid.keys().chain(self.dtc.keys()).collect();
        let futures: Vec<&String> = self.vx.keys().collect();
        format!("volatility {histories:?} {indices:?} {futures:?} {}\n", self.massive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[sources]]\nkind = \"dtc\"\nname = \"es\"\naddress = \"127.0.0.1:1\"\n\
                        [[symbols]]\nname = \"ESZ6\"\nsource = \"es\"\n\
                        [options]\nsymbols = [\"SPX\"]\n[trading]\nequity = 100000.0\n";

    fn deciding(text: &str) -> String {
        let config = Config::parse(text).expect("valid");
        config.deciding(&config.instruments().expect("known"))
    }

    #[test]
    fn what_decides_and_what_does_not() {
        let with = |from: &str, to: &str| {
            assert!(TEXT.contains(from), "{from}");
            deciding(&TEXT.replacen(from, to, 1))
        };
        let more = |table: &str| deciding(&format!("{TEXT}{table}"));
        let own = deciding(TEXT);
        for same in [
            with("127.0.0.1:1", "10.0.0.1:2"),
            with("[trading]\n", "[trading]\nfolder = \"elsewhere\"\n"),
            with("[trading]\n", "[trading]\nallow_weak = false\n"),
            with("[options]\n", "[options]\nout = \"elsewhere\"\nalias_options_flow = true\n"),
            // Another month of the same product.
            with("ESZ6", "ESH7"),
            more("[rings]\nevents = 4096\n[threads]\nlayout = \"split\"\n"),
            more("[journal]\nfolder = \"elsewhere\"\n[orderflow]\nenabled = true\n"),
            more("[options.massive]\nretries = 3\n"),
            more("[risk]\nbase_risk = 0.005\n[exchange]\nlatency_us = 20000\n"),
        ] {
            assert_eq!(own, same);
        }
        let mut all = vec![own];
        for (at, other) in [
            with("equity = 100000.0", "equity = 100000.5"),
            with("[trading]\n", "[trading]\nentry = \"limit\"\n"),
            with("[trading]\n", "[trading]\nallow_weak = true\n"),
            with("[trading]\n", "[trading]\nmax_hold_s = 60\n"),
            more("[trading.product.ES]\ncontracts_max = 1\n"),
            with("[options]\n", "[options]\nssr = 1.0\n"),
            with("[options]\nsymbols = [\"SPX\"]\n", ""),
            with("source = \"es\"\n", "source = \"es\"\ndepth_levels = 5\n"),
            with("ESZ6", "MESZ6"),
            more("[risk]\nrr_min = 2.0\n"),
            more("[risk]\nday_loss = 0.01\n"),
            more("[exchange]\nlatency_us = 20001\n"),
            more("[features]\ngrace_ms = 900\n"),
            more("[volatility]\nmassive = true\n"),
            with("[trading]\nequity = 100000.0\n", ""),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(!all.contains(&other), "{at}: {other}");
            all.push(other);
        }
    }
}
