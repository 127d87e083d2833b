//! A against B: two sets over the same inputs, compared date by date.

use super::results::RunResult;

/// The net profits of two sets on the trade dates that both saw, in the order of the dates, USD.
#[must_use]
pub(super) fn daily(a: &[RunResult], b: &[RunResult]) -> Vec<(i32, f64, f64)> {
    let by_day = |results: &[RunResult]| {
        let mut days = std::collections::BTreeMap::<i32, f64>::new();
        for result in results {
            for (day, usd) in result.days.iter().zip(result.daily_usd()) {
                *days.entry(*day).or_default() += usd;
            }
        }
        days
    };
    let (a, b) = (by_day(a), by_day(b));
    a.into_iter().filter_map(|(day, usd)| Some((day, usd, *b.get(&day)?))).collect()
}
