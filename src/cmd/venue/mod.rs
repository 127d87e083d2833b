//! `dtc-sim`: where orders go, and what goes wrong with them, as arguments.

mod exchange;

use anyhow::Result;
use clap::{Args, ValueEnum};
use dtc_sim::fault::OrderFaults;
use dtc_sim::market::SymbolSpec;
use dtc_sim::venue::{DeskOptions, SimpleVenue, Venue};

pub use exchange::ExchangeVenue;

use crate::calendar::Calendar;
use crate::execution::exchange::{Params, Queue};

/// Who matches orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Matching {
    /// The simulated exchange of paper and backtest: latency, queues, slippage.
    Exchange,
    /// At once, at the touch of the served book.
    Simple,
}

/// What shrinks the queue ahead of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueModel {
    /// Trades alone.
    Pessimistic,
    /// Trades, and cancels in proportion.
    Proportional,
}

/// Where orders go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Orders")]
pub struct VenueArgs {
    /// Who matches them.
    #[arg(long, value_enum, default_value_t = Matching::Exchange)]
    matching: Matching,
    /// Exchange: milliseconds of market time from an order to its effect.
    #[arg(long, value_name = "MS", default_value_t = 20)]
    latency: u32,
    /// Exchange: what shrinks the queue ahead of a resting order.
    #[arg(long, value_enum, default_value_t = QueueModel::Pessimistic)]
    queue: QueueModel,
    /// Exchange: ticks that whoever takes pays on top, at least 1.
    #[arg(long, value_name = "TICKS", default_value_t = 1)]
    slippage: u16,
    /// Name of the trade account.
    #[arg(long, default_value = "SIM", value_parser = account)]
    account: String,
    /// Cash in the account at the start, USD.
    #[arg(long, value_name = "USD", default_value_t = 100_000.0)]
    cash: f64,
    /// Fee for each contract that trades, USD.
    #[arg(long, value_name = "USD", default_value_t = 0.0)]
    fee: f64,
}

/// Faults of orders. They are counted from 1 as they are received, refused ones too; a pair counts
/// two.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults of order N (the Nth received; a pair counts two)")]
pub struct OrderFaultArgs {
    /// It is refused, with this text.
    #[arg(long, value_name = "N[:TEXT]", value_parser = rejection)]
    order_reject: Vec<(u64, String)>,
    /// Its acknowledgement comes MS milliseconds late, and what follows behind it.
    #[arg(long, value_name = "N:MS", value_parser = timed)]
    order_late: Vec<(u64, u64)>,
    /// Its acknowledgement is never sent.
    #[arg(long, value_name = "N")]
    order_lost_ack: Vec<u64>,
    /// Nothing is told of it unasked.
    #[arg(long, value_name = "N")]
    order_silent: Vec<u64>,
    /// Its fills are told twice.
    #[arg(long, value_name = "N")]
    order_twice: Vec<u64>,
    /// Its first cancel waits for its next fill, MS milliseconds at most.
    #[arg(long, value_name = "N:MS", value_parser = timed)]
    order_race: Vec<(u64, u64)>,
    /// Each change gives it another id of the server.
    #[arg(long, value_name = "N")]
    order_new_id: Vec<u64>,
    /// It is taken in; the connection is cut before anything is said of it.
    #[arg(long, value_name = "N")]
    order_cut: Vec<u64>,
    /// The connection is cut before it is taken in.
    #[arg(long, value_name = "N")]
    order_lost: Vec<u64>,
}

impl VenueArgs {
    /// The account.
    #[must_use]
    pub fn desk(&self) -> DeskOptions {
        let account = self.account.clone();
        DeskOptions { account, cash: self.cash, fee_per_contract: self.fee }
    }

    /// The venue for these symbols.
    ///
    /// # Errors
    /// When the bundled calendar cannot be read.
    pub fn venue(&self, specs: &[SymbolSpec]) -> Result<Box<dyn Venue>> {
        if self.matching == Matching::Simple {
            return Ok(Box::new(SimpleVenue::new(specs)));
        }
        let params = Params {
            latency_ns: i64::from(self.latency) * 1_000_000,
            queue: match self.queue {
                QueueModel::Pessimistic => Queue::Pessimistic,
                QueueModel::Proportional => Queue::Proportional,
            },
            slippage_ticks: i32::from(self.slippage),
            ..Params::default()
        };
        Ok(Box::new(ExchangeVenue::new(specs, params, Calendar::bundled()?)))
    }
}

impl OrderFaultArgs {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> OrderFaults {
        OrderFaults {
            rejects: self.order_reject.clone(),
            late_acks: self.order_late.clone(),
            lost_acks: self.order_lost_ack.clone(),
            silent: self.order_silent.clone(),
            duplicate_fills: self.order_twice.clone(),
            cancel_races: self.order_race.clone(),
            new_ids: self.order_new_id.clone(),
            cut_before: self.order_lost.clone(),
            cut_after: self.order_cut.clone(),
        }
    }
}

/// What fits the field of the protocol.
fn account(text: &str) -> Result<String, String> {
    if (1..=31).contains(&text.len()) && text.is_ascii() {
        Ok(text.to_owned())
    } else {
        Err("want 1 to 31 ASCII characters".to_owned())
    }
}

fn timed(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once(':').and_then(|(n, ms)| Some((n.parse().ok()?, ms.parse().ok()?)));
    parts.ok_or_else(|| "want ORDER:MILLISECONDS".to_owned())
}

fn rejection(text: &str) -> Result<(u64, String), String> {
    let (number, text) = text.split_once(':').unwrap_or((text, "Refused by the fault plan"));
    let number = number.parse().map_err(|_| "want ORDER or ORDER:TEXT".to_owned())?;
    Ok((number, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Both {
        #[command(flatten)]
        venue: VenueArgs,
        #[command(flatten)]
        faults: OrderFaultArgs,
    }

    #[test]
    fn arguments() {
        let none = Both::parse_from(["x"]);
        assert_eq!(none.faults.plan(), OrderFaults::default());
        assert_eq!(none.venue.desk(), DeskOptions::default());
        let args = Both::parse_from([
            "x",
            "--order-reject=3:Not enough margin",
            "--order-reject=4",
            "--order-late=1:300",
            "--order-race=2:50",
            "--order-cut=5",
            "--order-lost=6",
            "--order-twice=7",
            "--order-silent=8",
            "--order-lost-ack=9",
            "--order-new-id=10",
            "--account=Sim1",
            "--fee=2.25",
        ]);
        let expected = OrderFaults {
            rejects: vec![
                (3, "Not enough margin".to_owned()),
                (4, "Refused by the fault plan".to_owned()),
            ],
            late_acks: vec![(1, 300)],
            lost_acks: vec![9],
            silent: vec![8],
            duplicate_fills: vec![7],
            cancel_races: vec![(2, 50)],
            new_ids: vec![10],
            cut_before: vec![6],
            cut_after: vec![5],
        };
        assert_eq!(args.faults.plan(), expected);
        assert_eq!(
            (args.venue.desk().account.as_str(), args.venue.desk().fee_per_contract),
            ("Sim1", 2.25)
        );
        for bad in ["--order-late=1", "--order-race=x:1", "--order-reject=x", "--account="] {
            assert!(Both::try_parse_from(["x", bad]).is_err(), "{bad}");
        }
    }
}
