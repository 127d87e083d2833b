//! What the fuzz target runs over arbitrary bytes; a plain test runs the same over its seeds.

use super::{detect, import::ImportOptions, own_jsonl};
use crate::calendar::Calendar;
use crate::options::chain::{Chain, SourceKind};
use crate::units::{SECOND, Ts};

/// Reads `data` as a chain file of any format, with and without a given time, and checks what a
/// chain promises; what can be read must survive our own record.
///
/// # Panics
/// When a reader breaks a promise: that is a finding.
pub fn fuzz_chain(data: &[u8]) {
    let Ok(calendar) = Calendar::bundled() else { return };
    let given = ImportOptions { asof: Some(Ts(1_700_000_000 * SECOND)), ..Default::default() };
    for options in [ImportOptions::default(), given] {
        match detect::read_chain(data, &calendar, &options) {
            Ok(chain) => check(&chain),
            Err(error) => assert!(error.to_string().len() < 1_000, "{error}"),
        }
    }
}

fn check(chain: &Chain) {
    assert!(chain.asof.is_some() && chain.captured.is_some());
    assert!(chain.rows.iter().all(|row| row.settle_ts > chain.asof));
    let key = |at: usize| chain.rows.get(at).map(|row| row.osi);
    assert!((1..chain.rows.len()).all(|at| key(at - 1) != key(at)));
    let Ok(record) = own_jsonl::write(chain) else { panic!("a chain that cannot be written") };
    let again = match own_jsonl::read(&record, &ImportOptions::default()) {
        Ok(chain) => chain,
        Err(error) => panic!("a record that cannot be read: {error}"),
    };
    assert_eq!(again.rows, chain.rows);
    assert_eq!(again.provenance.source_kind, SourceKind::Replay);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            fuzz_chain(&data);
        }

        #[test]
        fn arbitrary_text(start in "(\\{|Expiration Date,|\u{1f}\u{8b})?", text in "\\PC{0,200}") {
            fuzz_chain(format!("{start}{text}").as_bytes());
        }
    }
}
