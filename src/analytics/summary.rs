//! How trades ended: win rate, profit factor, expectancy.

use serde::Serialize;

use super::chance::wilson;
use super::curve::Drawdown;
use super::{Trip, deviation, mean};

/// Standard normal deviate of a one-sided bound of 95 %.
const ONE_SIDED: f64 = 1.645;

/// How a trade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More than its fees gained.
    Win,
    /// More than its fees lost.
    Loss,
    /// Neither: |net| ≤ fees.
    Flat,
}

impl Verdict {
    /// Of a net result and the fees in it.
    #[must_use]
    pub fn of(net: f64, fees: f64) -> Verdict {
        // Both come from decimals: what differs by less than a millionth is equal.
        if net.abs() <= fees + 1e-6 {
            Verdict::Flat
        } else if net > 0.0 {
            Verdict::Win
        } else {
            Verdict::Loss
        }
    }

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Win => "win",
            Verdict::Loss => "loss",
            Verdict::Flat => "flat",
        }
    }
}

/// A result in R and how it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Score {
    /// Net result in multiples of the money at risk.
    r: f64,
    /// How it counts.
    verdict: Verdict,
}

/// What a list of trades comes to. `None` where the list cannot say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Trades.
    pub trades: u64,
    /// Of them won.
    pub wins: u64,
    /// Lost.
    pub losses: u64,
    /// Within their fees.
    pub flats: u64,
    /// wins / (wins + losses).
    pub win_rate: Option<f64>,
    /// Its 95 % Wilson interval.
    pub win_rate_interval: Option<(f64, f64)>,
    /// Σ gains / |Σ losses| in R, over every trade; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// Mean R of all trades that have one.
    pub expectancy_r: Option<f64>,
    /// Standard deviation of R, n − 1.
    pub sd_r: Option<f64>,
    /// One-sided 95 % lower bound of the expectancy: mean − 1.645·s/√n.
    pub expectancy_lower_bound_r: Option<f64>,
    /// Mean R of wins.
    pub average_win_r: Option<f64>,
    /// Mean R of losses, below 0.
    pub average_loss_r: Option<f64>,
    /// average win / |average loss|.
    pub payoff: Option<f64>,
    /// Σ R.
    pub net_r: f64,
    /// Largest fall of Σ R from a former height, closed trades only.
    pub max_drawdown_r: f64,
    /// Σ R / that fall; `None` without one.
    pub recovery: Option<f64>,
    /// Trades without R: no money at risk was known, they count in no number in R.
    pub without_r: u64,
    /// Profit before fees, USD.
    pub gross_usd: f64,
    /// Fees, USD.
    pub fees_usd: f64,
    /// Profit, USD.
    pub net_usd: f64,
}

impl Summary {
    /// Of results in R, in their order; nothing in USD is known of them.
    fn of_scores(scores: &[Score]) -> Summary {
        let rs: Vec<f64> = scores.iter().map(|s| s.r).collect();
        let of = |verdict: Verdict| -> Vec<f64> {
            scores.iter().filter(|s| s.verdict == verdict).map(|s| s.r).collect()
        };
        let (wins, losses) = (of(Verdict::Win), of(Verdict::Loss));
        let gains = rs.iter().filter(|&&r| r > 0.0).fold(0.0, |sum, r| sum + r);
        let lost = rs.iter().filter(|&&r| r < 0.0).fold(0.0, |sum, r| sum + r);
        let (expectancy, sd) = (mean(&rs), deviation(&rs));
        let bound = |mean: f64, sd: f64| mean - ONE_SIDED * sd / libm::sqrt(rs.len() as f64);
        let (average_win, average_loss) = (mean(&wins), mean(&losses));
        let mut sum = 0.0;
        let heights = rs.iter().map(|r| {
            sum += r;
            sum
        });
        let drawdown = Drawdown::of(0.0, heights).depth;
        let net: f64 = rs.iter().sum();
        Summary {
            profit_factor: (lost < 0.0).then(|| gains / -lost),
            expectancy_r: expectancy,
            sd_r: sd,
            expectancy_lower_bound_r: expectancy.zip(sd).map(|(mean, sd)| bound(mean, sd)),
            average_win_r: average_win,
            average_loss_r: average_loss,
            payoff: average_win.zip(average_loss).map(|(win, loss)| win / -loss),
            net_r: net,
            max_drawdown_r: drawdown,
            recovery: (drawdown > 0.0).then(|| net / drawdown),
            ..Summary::default()
        }
        .counted(scores.iter().map(|s| s.verdict))
    }

    /// Of trades, in their order.
    #[must_use]
    pub fn of<'a>(trips: impl Iterator<Item = &'a Trip> + Clone) -> Summary {
        let scores: Vec<Score> =
            trips.clone().filter_map(|t| Some(Score { r: t.r?, verdict: t.verdict() })).collect();
        let (gross, fees) =
            trips.clone().fold((0.0, 0.0), |sum, t| (sum.0 + t.gross_usd, sum.1 + t.fees_usd));
        let summary = Summary::of_scores(&scores).counted(trips.map(Trip::verdict));
        Summary {
            without_r: summary.trades - scores.len() as u64,
            gross_usd: gross,
            fees_usd: fees,
            net_usd: gross - fees,
            ..summary
        }
    }

    /// With the counts and the win rate of these.
    fn counted(self, verdicts: impl Iterator<Item = Verdict>) -> Summary {
        let mut counts = [0_u64; 3];
        for verdict in verdicts {
            let [wins, losses, flats] = &mut counts;
            *match verdict {
                Verdict::Win => wins,
                Verdict::Loss => losses,
                Verdict::Flat => flats,
            } += 1;
        }
        let [wins, losses, flats] = counts;
        let decided = wins + losses;
        Summary {
            trades: decided + flats,
            wins,
            losses,
            flats,
            win_rate: (decided > 0).then(|| wins as f64 / decided as f64),
            win_rate_interval: wilson(wins, decided),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, trip};
    use super::*;

    /// The list of the specification.
    const LIST: [f64; 10] = [2.5, -1.0, -1.0, 2.5, 0.0, -1.0, 1.2, -1.0, 2.5, -0.5];

    #[test]
    fn golden_list() {
        let trips: Vec<Trip> = LIST.iter().enumerate().map(|(at, &r)| trip(at, r)).collect();
        let summary = Summary::of(trips.iter());
        close(summary.win_rate, 0.444_444, 6);
        close(summary.profit_factor, 1.933_333, 6);
        close(summary.expectancy_r, 0.42, 6);
        close(summary.average_win_r, 2.175, 6);
        close(summary.average_loss_r, -0.9, 6);
        close(Some(summary.net_r), 4.2, 6);
        close(Some(summary.max_drawdown_r), 2.0, 6);
        close(summary.recovery, 2.1, 6);
        close(summary.sd_r, 1.587_311, 6);
        close(summary.expectancy_lower_bound_r, -0.405_711, 6);
        close(summary.payoff, 2.175 / 0.9, 9);
        let counts = (summary.trades, summary.wins, summary.losses, summary.flats);
        assert_eq!(counts, (10, 4, 5, 1));
        close(Some(summary.net_usd), 420.0, 6);
        // The twin in R alone says the same.
        let scores = LIST.map(|r| Score { r, verdict: Verdict::of(r, 0.0) });
        let plain = Summary::of_scores(&scores);
        assert_eq!(
            Summary { net_usd: plain.net_usd, gross_usd: plain.gross_usd, ..summary },
            plain
        );
    }

    #[test]
    fn what_is_not_there_is_not_said() {
        let none = Summary::of([].iter());
        assert_eq!(none, Summary::default());
        let wins = [trip(0, 1.0), trip(1, 2.0)];
        let summary = Summary::of(wins.iter());
        assert_eq!(summary.profit_factor, None, "no losses, no factor");
        assert_eq!((summary.payoff, summary.recovery), (None, None));
        close(summary.win_rate, 1.0, 12);
        let one = Summary::of(wins.get(..1).expect("one").iter());
        assert_eq!(one.expectancy_lower_bound_r, None);
    }

    #[test]
    fn a_trade_without_risk_counts_in_money_alone() {
        let bare = Trip { r: None, gross_usd: -250.0, ..trip(1, 0.0) };
        let trips = [trip(0, 2.0), bare];
        let summary = Summary::of(trips.iter());
        assert_eq!((summary.trades, summary.losses, summary.without_r), (2, 1, 1));
        close(summary.expectancy_r, 2.0, 12);
        close(Some(summary.net_usd), -50.0, 9);
    }
}
