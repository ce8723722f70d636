//! The plain references of the Nexmark queries, over the generated CSV files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::digest::{Digest, Table};
use crate::check::for_lines;
use crate::error::{Error, Result};

/// Length of the windows of Q5 and Q8, and the time from one of Q5 to the next.
const WINDOW_MS: u64 = 10_000;
const SLIDE_MS: u64 = 2_000;
/// What Q1 takes a dollar for.
const EUROS: f64 = 0.908;
/// Q2 keeps the bids on every auction whose id can be divided by this.
const KEPT: u64 = 123;

/// Calls `each` with the fields of every line.
fn for_rows<const N: usize>(
    path: &Path,
    mut each: impl FnMut([&str; N]) -> Result<()>,
) -> Result<()> {
    for_lines(path, |number, line| {
        let mut fields = line.split(',');
        let row = std::array::from_fn(|_| fields.next().unwrap_or_default());
        match (row.last(), fields.next()) {
            (Some(last), None) if !last.is_empty() => each(row),
            _ => Err(Error(format!("{}: line {number} is no row of {N}", path.display()))),
        }
    })
}

fn whole(text: &str) -> Result<u64> {
    text.parse().map_err(|e| Error(format!("{text}: {e}")))
}

/// Q0: every bid as it is.
pub(crate) fn q0(bids: &Path) -> Result<Table> {
    let mut digest = Digest::default();
    for_rows(bids, |row: [&str; 5]| {
        digest.add(row);
        Ok(())
    })?;
    Ok(Table { columns: &["timestamp", "auctionId", "bidder", "datetime", "price"], digest })
}

/// Q1: prices in another currency.
pub(crate) fn q1(bids: &Path) -> Result<Table> {
    let mut digest = Digest::default();
    for_rows(bids, |[_, auction, bidder, time, price]| {
        let price: f64 = price.parse().map_err(|e| Error(format!("{price}: {e}")))?;
        digest.add([auction, bidder, &(price * EUROS).to_string(), time]);
        Ok(())
    })?;
    Ok(Table { columns: &["auctionId", "bidder", "price", "datetime"], digest })
}

/// Q2: the bids on some auctions.
pub(crate) fn q2(bids: &Path) -> Result<Table> {
    let mut digest = Digest::default();
    for_rows(bids, |[_, auction, _, _, price]| {
        if whole(auction)? % KEPT == 0 {
            digest.add([auction, price]);
        }
        Ok(())
    })?;
    Ok(Table { columns: &["auctionId", "price"], digest })
}

/// Q5: the auctions with the most bids of each sliding window. Rows come by start of window.
pub(crate) fn q5(bids: &Path) -> Result<Table> {
    let mut digest = Digest::default();
    // Bids by auction of every window that is still open, by its start.
    let mut open: BTreeMap<u64, HashMap<u64, u64>> = BTreeMap::new();
    for_rows(bids, |[time, auction, ..]: [&str; 5]| {
        let (time, auction) = (whole(time)?, whole(auction)?);
        while let Some(first) = open.first_entry().filter(|e| e.key() + WINDOW_MS <= time) {
            hottest(*first.key(), first.get(), &mut digest);
            first.remove();
        }
        let last = time / SLIDE_MS * SLIDE_MS;
        for back in 0..WINDOW_MS / SLIDE_MS {
            let window = open.entry(last.saturating_sub(back * SLIDE_MS)).or_default();
            *window.entry(auction).or_default() += 1;
        }
        Ok(())
    })?;
    open.iter().for_each(|(start, counts)| hottest(*start, counts, &mut digest));
    Ok(Table { columns: &["start", "auctionId", "num"], digest })
}

fn hottest(start: u64, counts: &HashMap<u64, u64>, digest: &mut Digest) {
    let most = counts.values().max().copied().unwrap_or(0);
    for (auction, num) in counts.iter().filter(|(_, num)| **num == most) {
        digest.add([&*start.to_string(), &auction.to_string(), &num.to_string()]);
    }
}

/// Q8: the persons who are new in a window and open an auction in it.
pub(crate) fn q8(persons: &Path, auctions: &Path) -> Result<Table> {
    let mut sellers: HashSet<(u64, u64)> = HashSet::new();
    for_rows(auctions, |[time, _, _, _, _, seller, _]| {
        sellers.insert((start_of(time)?, whole(seller)?));
        Ok(())
    })?;
    let mut digest = Digest::default();
    for_rows(persons, |[time, id, name, ..]: [&str; 7]| {
        let start = start_of(time)?;
        if sellers.contains(&(start, whole(id)?)) {
            digest.add([&*start.to_string(), id, name]);
        }
        Ok(())
    })?;
    Ok(Table { columns: &["start", "id", "name"], digest })
}

/// Q8 over bids: bids beside the auction they are for, where it was opened in the same window.
pub(crate) fn q8_bids(bids: &Path, auctions: &Path) -> Result<Table> {
    let mut opened: HashMap<u64, (u64, String, String)> = HashMap::new();
    for_rows(auctions, |[time, id, _, _, _, seller, category]| {
        opened.insert(whole(id)?, (start_of(time)?, seller.to_owned(), category.to_owned()));
        Ok(())
    })?;
    let mut digest = Digest::default();
    for_rows(bids, |[time, auction, bidder, _, price]| {
        let start = start_of(time)?;
        match opened.get(&whole(auction)?) {
            Some((same, seller, category)) if *same == start => {
                digest.add([&*start.to_string(), auction, bidder, price, seller, category]);
            }
            _ => {}
        }
        Ok(())
    })?;
    let columns = &["start", "auctionId", "bidder", "price", "seller", "category"];
    Ok(Table { columns, digest })
}

fn start_of(time: &str) -> Result<u64> {
    Ok(whole(time)? / WINDOW_MS * WINDOW_MS)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const BIDS: &str = "20000,1107,1,20000,10.00\n20100,1107,1,20100,2.50\n\
                        21000,1108,2,21000,1.00\n31000,1108,1,31000,1.00\n";
    const AUCTIONS: &str = "20000,1107,1,2,30000,1000,10\n30500,1108,1,2,40000,1000,11\n";
    const PERSONS: &str = "20000,1000,A B,a,1,C,S\n20000,1001,B C,a,1,C,S\n";

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("perf-nexmark-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn same(got: Table, want: &[&[&str]]) {
        let mut digest = Digest::default();
        want.iter().for_each(|row| digest.add(row.iter().copied()));
        assert_eq!(got.digest, digest);
    }

    #[test]
    fn bids_pass_are_converted_and_filtered() {
        let bids = file("plain", BIDS);
        assert_eq!(q0(&bids).unwrap().columns.len(), 5);
        let converted: [&[&str]; 4] = [
            &["1107", "1", "9.08", "20000"],
            &["1107", "1", "2.27", "20100"],
            &["1108", "2", "0.908", "21000"],
            &["1108", "1", "0.908", "31000"],
        ];
        same(q1(&bids).unwrap(), &converted);
        same(q2(&bids).unwrap(), &[&["1107", "10"], &["1107", "2.5"]]);
        std::fs::remove_file(bids).unwrap();
        let bad = file("bad", "1,2,3\n");
        assert!(q0(&bad).unwrap_err().0.contains("line 1 is no row of 5"));
        std::fs::remove_file(bad).unwrap();
    }

    #[test]
    fn the_hottest_auctions_of_sliding_windows() {
        let bids = file("q5", BIDS);
        let early = ["12000", "14000", "16000", "18000", "20000"];
        let mut want: Vec<[&str; 3]> = early.iter().map(|s| [*s, "1107", "2"]).collect();
        want.extend(["22000", "24000", "26000", "28000", "30000"].map(|s| [s, "1108", "1"]));
        let want: Vec<&[&str]> = want.iter().map(|row| row.as_slice()).collect();
        same(q5(&bids).unwrap(), &want);
        std::fs::remove_file(bids).unwrap();
    }

    #[test]
    fn joins_within_windows() {
        let (bids, auctions) = (file("join-b", BIDS), file("join-a", AUCTIONS));
        let persons = file("join-p", PERSONS);
        same(q8(&persons, &auctions).unwrap(), &[&["20000", "1000", "A B"]]);
        let joined: [&[&str]; 3] = [
            &["20000", "1107", "1", "10.00", "1000", "10"],
            &["20000", "1107", "1", "2.50", "1000", "10"],
            &["30000", "1108", "1", "1.00", "1000", "11"],
        ];
        same(q8_bids(&bids, &auctions).unwrap(), &joined);
        for path in [bids, auctions, persons] {
            std::fs::remove_file(path).unwrap();
        }
    }
}
