//! Orders: one line each, appended only when a checkout succeeded. Never rewritten.

use std::fs::{self, OpenOptions};
use std::io::Write;

use sha2::{Digest, Sha256};

use super::Shop;
use crate::error::{Failure, Result};

/// First line of `orders.csv`.
pub const HEADER: &str = "order,sku,cents,release\n";

/// Appends an order.
///
/// # Errors
/// When the file cannot be written; then the checkout has failed.
pub(super) fn append(shop: &Shop, order: u64, sku: &str, cents: u64, release: &str) -> std::io::Result<()> {
    let line = format!("{order},{sku},{cents},{release}\n");
    // Only the deployer and people switch releases; a folder that vanished is not made anew.
    OpenOptions::new().append(true).open(shop.orders())?.write_all(line.as_bytes())
}

/// Lines of `orders.csv` after the header. A last line without an end is still being written and left out.
fn lines(shop: &Shop) -> Result<Vec<String>> {
    let path = shop.orders();
    let text = fs::read_to_string(&path)
        .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e))?;
    let complete = text.rsplit_once('\n').map_or("", |(before, _)| before);
    Ok(complete.lines().skip(1).map(str::to_owned).collect())
}

/// How many orders there are.
///
/// # Errors
/// When the file cannot be read.
pub fn count(shop: &Shop) -> Result<u64> {
    Ok(lines(shop)?.len() as u64)
}

/// The fingerprint of the first `first` orders as a small CSV table: their number, their sum and a digest.
/// Later orders do not change it; a lost or altered earlier one does.
///
/// # Errors
/// When the file cannot be read or holds fewer orders.
pub fn fingerprint(shop: &Shop, first: u64) -> Result<String> {
    let lines = lines(shop)?;
    let wanted = usize::try_from(first).unwrap_or(usize::MAX);
    let Some(counted) = lines.get(..wanted) else {
        let there = lines.len();
        return Err(Failure::new(
            crate::error::Kind::No,
            format!("{first} orders were there, now only {there} are"),
        ));
    };
    let mut digest = Sha256::new();
    let mut sum = 0_u64;
    for line in counted {
        digest.update(line.as_bytes());
        digest.update(b"\n");
        sum = sum.saturating_add(line.split(',').nth(2).and_then(|c| c.parse().ok()).unwrap_or(0));
    }
    let hex: String = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("orders,sum_cents,sha256\n{first},{sum},{hex}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::shop::lay_out;

    #[test]
    fn later_orders_leave_the_fingerprint_alone_and_a_lost_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        let shop = Shop::at(dir.path());
        append(&shop, 1, "mug-blue", 1400, "1.5.0").unwrap();
        append(&shop, 2, "grinder", 6900, "1.5.0").unwrap();
        let before = fingerprint(&shop, 2).unwrap();
        assert!(before.starts_with("orders,sum_cents,sha256\n2,8300,"), "{before}");
        append(&shop, 3, "mug-blue", 1400, "1.4.2").unwrap();
        assert_eq!(count(&shop).unwrap(), 3);
        assert_eq!(fingerprint(&shop, 2).unwrap(), before);
        fs::write(shop.orders(), format!("{HEADER}1,mug-blue,1400,1.5.0\n3,mug-blue,1400,1.4.2\n")).unwrap();
        assert_ne!(fingerprint(&shop, 2).unwrap(), before);
        assert!(fingerprint(&shop, 3).unwrap_err().to_string().contains("now only 2"));
    }

    #[test]
    fn a_line_still_being_written_is_not_an_order() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        let shop = Shop::at(dir.path());
        fs::write(shop.orders(), format!("{HEADER}1,mug-blue,1400,1.5.0\n2,mug")).unwrap();
        assert_eq!(count(&shop).unwrap(), 1);
    }
}
