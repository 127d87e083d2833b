//! Which future a name means: month and year of `ESU26`, `MNQU21-CME`, `F.US.MESM5`.
//!
//! A basis belongs to one contract and jumps at the roll, so levels are read for the contract that
//! a symbol names; a name without a month means the front one.

/// CME month letters, January first.
const MONTHS: &[u8] = b"FGHJKMNQUVXZ";

/// Month and year of a contract, the year as far as the name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// 1 to 12.
    month: u8,
    /// Last one or two digits.
    year: u8,
    /// 10 or 100.
    modulus: u8,
}

impl Contract {
    /// The contract of a name that begins with `root`; `None` where it names no month and year.
    #[must_use]
    pub fn of(name: &str, root: &str) -> Option<Contract> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let rest = name.strip_prefix("F.US.").unwrap_or(name).strip_prefix(root)?;
        let (&letter, digits) = rest.as_bytes().split_first()?;
        let month = MONTHS.iter().position(|&m| m == letter)? + 1;
        let count = digits.iter().take_while(|d| d.is_ascii_digit()).count();
        // Four digits say the century, too.
        let digits = match count {
            1 | 2 => digits.get(..count)?,
            4 => digits.get(2..4)?,
            _ => return None,
        };
        let year = digits.iter().fold(0, |year, d| year * 10 + (d - b'0'));
        let modulus = if digits.len() == 1 { 10 } else { 100 };
        Some(Contract { month: u8::try_from(month).ok()?, year, modulus })
    }

    /// Whether both names mean one contract, as far as the shorter year says.
    #[must_use]
    pub const fn is(self, other: Contract) -> bool {
        let modulus = if self.modulus < other.modulus { self.modulus } else { other.modulus };
        self.month == other.month && self.year % modulus == other.year % modulus
    }

    /// Months since January 2000, the year taken as the first one not more than a year before
    /// `year` (such as 2026).
    #[must_use]
    pub fn months(self, year: i16) -> i32 {
        let modulus = i32::from(self.modulus);
        let from = i32::from(year) - 2001;
        let year = from + (i32::from(self.year) - from).rem_euclid(modulus);
        12 * year + i32::from(self.month) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |name, root| Contract::of(name, root).expect("contract");
        assert!(of("ESU26", "ES").is(of("F.US.MESU6", "MES")));
        assert!(of("ESU26", "ES").is(of("ESU2026", "ES")));
        assert!(!of("ESU26", "ES").is(of("ESU16", "ES")));
        assert!(!of("ESU26", "ES").is(of("ESZ26", "ES")));
        assert!(of("MNQU21-CME", "MNQ").is(of("NQU21", "NQ")));
        for none in ["ES", "ES-10-records", "NQU21", "ESU", "ESU123", "ES-U26"] {
            assert_eq!(Contract::of(none, "ES"), None, "{none}");
        }
    }

    #[test]
    fn order_over_a_new_year() {
        let months = |name| Contract::of(name, "ES").expect("contract").months(2026);
        assert_eq!(months("ESZ26") + 3, months("ESH27"));
        assert_eq!(months("ESZ6") + 3, months("ESH7"));
        assert_eq!(months("ESZ25") + 3, months("ESH26"));
        assert_eq!(months("ESU6"), 12 * 26 + 8);
    }
}
