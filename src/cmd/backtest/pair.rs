//! A against B: two sets over the same inputs, compared date by date.

use std::collections::BTreeMap;

use super::results::RunResult;

/// The net profits of two sets on the trade dates that both saw, in the order of the dates, USD.
pub(super) fn daily<'a>(
    a: impl Iterator<Item = &'a RunResult>,
    b: impl Iterator<Item = &'a RunResult>,
) -> Vec<(i32, f64, f64)> {
    let (a, b) = (by_day(a), by_day(b));
    a.into_iter().filter_map(|(day, usd)| Some((day, usd, *b.get(&day)?))).collect()
}

fn by_day<'a>(results: impl Iterator<Item = &'a RunResult>) -> BTreeMap<i32, f64> {
    let mut days = BTreeMap::new();
    for result in results {
        for (day, usd) in result.days.iter().zip(result.daily_usd()) {
            *days.entry(*day).or_default() += usd;
        }
    }
    days
}
