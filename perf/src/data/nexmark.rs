//! An auction house as Nexmark has it: of fifty events one is a new person, three are new auctions
//! and forty-six are bids, ten events a millisecond.
//!
//! Half of the bids go to one hot auction, three quarters of the bids and of the auctions come from
//! one hot person each; the others are spread over what is recent. Columns are those of the
//! NebulaStream project's own Nexmark data.

use std::io::{self, Write};

use super::START_MS;
use super::sequence::Sequence;

/// Events of which the kinds have fixed shares, and the shares: persons first, then auctions.
const EPOCH: u64 = 50;
const PERSONS: u64 = 1;
const AUCTIONS: u64 = 3;
const BIDS: u64 = EPOCH - PERSONS - AUCTIONS;
/// Events that share one millisecond.
const PER_MS: u64 = 10;
/// The first id of a person and of an auction.
const FIRST_ID: u64 = 1000;
/// One id in so many is hot for a while.
const HOT_STRIDE: u64 = 100;
/// Auctions that are open at a time, and how far bids run ahead of the newest one.
const OPEN: u64 = 100;
const AUCTION_LEAD: u64 = 10;
/// Persons that are active at a time, and how far they run ahead of the newest one.
const ACTIVE: u64 = 1000;
const PERSON_LEAD: u64 = 10;
/// The first category, and how many there are.
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;
/// Steps of the random number that a price is made of.
const PRICE_STEPS: u64 = 1_000_000;

const FIRST_NAMES: [&str; 8] = ["Ada", "Bela", "Carl", "Dora", "Emil", "Fritz", "Gerda", "Hans"];
const LAST_NAMES: [&str; 6] = ["Arndt", "Berger", "Conrad", "Dietz", "Engel", "Fuchs"];
const CITIES: [(&str, &str); 6] = [
    ("Phoenix", "AZ"),
    ("Oakland", "CA"),
    ("Boise", "ID"),
    ("Portland", "OR"),
    ("Seattle", "WA"),
    ("Cheyenne", "WY"),
];

/// How many rows of each kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) persons: u64,
    pub(crate) auctions: u64,
    pub(crate) bids: u64,
}

/// The rows that are there when the last of `bids` bids is.
pub(crate) fn counts(bids: u64) -> Counts {
    let epochs = bids.div_ceil(BIDS);
    Counts { persons: epochs * PERSONS, auctions: epochs * AUCTIONS, bids }
}

/// Writes the events up to the last of `count` bids as CSV without headers, each kind to its own
/// file.
pub(crate) fn write(
    persons: &mut impl Write,
    auctions: &mut impl Write,
    bids: &mut impl Write,
    count: u64,
) -> io::Result<()> {
    let mut s = Sequence::new();
    let (mut left, mut number) = (count, 0);
    while left > 0 {
        let now = Now { number };
        match number % EPOCH {
            of if of < PERSONS => write_person(persons, now, &mut s)?,
            of if of < PERSONS + AUCTIONS => write_auction(auctions, now, &mut s)?,
            _ => {
                write_bid(bids, now, &mut s)?;
                left -= 1;
            }
        }
        number += 1;
    }
    Ok(())
}

/// What is known when an event happens; ids count from 0 here.
#[derive(Clone, Copy)]
struct Now {
    number: u64,
}

impl Now {
    fn ms(self) -> u64 {
        START_MS as u64 + self.number / PER_MS
    }

    /// The newest person.
    fn person(self) -> u64 {
        self.number / EPOCH
    }

    /// The newest auction, which there is as soon as there are bids.
    fn auction(self) -> u64 {
        let (epoch, of) = (self.number / EPOCH, self.number % EPOCH);
        (epoch * AUCTIONS + (of + 1 - PERSONS).min(AUCTIONS)).saturating_sub(1)
    }
}

/// A person who is active, or is about to be there.
fn active(now: Now, s: &mut Sequence) -> u64 {
    let there = now.person() + 1;
    let active = there.min(ACTIVE);
    there - active + s.below(active + PERSON_LEAD)
}

/// From one cent to a million: every power of ten is as likely as any other.
fn cents(s: &mut Sequence) -> u64 {
    let exponent = s.below(PRICE_STEPS) as f64 / PRICE_STEPS as f64 * 6.0;
    (10f64.powf(exponent) * 100.0).round() as u64
}

/// `timestamp,id,name,email,card,city,state`
fn write_person(out: &mut impl Write, now: Now, s: &mut Sequence) -> io::Result<()> {
    let first = FIRST_NAMES.get(s.below(8) as usize).copied().unwrap_or_default();
    let last = LAST_NAMES.get(s.below(6) as usize).copied().unwrap_or_default();
    let (ms, id) = (now.ms(), FIRST_ID + now.person());
    write!(out, "{ms},{id},{first} {last},{first}.{last}{id}@example.com,")?;
    for group in 0..4 {
        let space = if group == 0 { "" } else { " " };
        write!(out, "{space}{:04}", s.below(10_000))?;
    }
    let (city, state) = CITIES.get(s.below(6) as usize).copied().unwrap_or_default();
    writeln!(out, ",{city},{state}")
}

/// `timestamp,id,initialbid,reserve,expires,seller,category`; prices are in cents here.
fn write_auction(out: &mut impl Write, now: Now, s: &mut Sequence) -> io::Result<()> {
    let initial = cents(s);
    let reserve = initial + cents(s);
    // On average as long as it takes until all that are open now have been followed by others.
    let horizon = OPEN * EPOCH / AUCTIONS / PER_MS;
    let expires = now.ms() + 1 + s.below(horizon * 2);
    let seller = match s.below(4) {
        0 => active(now, s),
        _ => now.person() / HOT_STRIDE * HOT_STRIDE,
    };
    let category = FIRST_CATEGORY + s.below(CATEGORIES);
    let (ms, id, seller) = (now.ms(), FIRST_ID + now.auction(), FIRST_ID + seller);
    writeln!(out, "{ms},{id},{initial},{reserve},{expires},{seller},{category}")
}

/// `timestamp,auctionId,bidder,datetime,price`
fn write_bid(out: &mut impl Write, now: Now, s: &mut Sequence) -> io::Result<()> {
    let newest = now.auction();
    let auction = match s.below(2) {
        0 => {
            let oldest = newest.saturating_sub(OPEN);
            oldest + s.below(newest - oldest + 1 + AUCTION_LEAD)
        }
        _ => newest / HOT_STRIDE * HOT_STRIDE,
    };
    let bidder = match s.below(4) {
        0 => active(now, s),
        _ => now.person() / HOT_STRIDE * HOT_STRIDE + 1,
    };
    let (ms, cents) = (now.ms(), cents(s));
    let (auction, bidder) = (FIRST_ID + auction, FIRST_ID + bidder);
    writeln!(out, "{ms},{auction},{bidder},{ms},{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::{Counts, counts, write};

    fn generated(bids: u64) -> [Vec<Vec<String>>; 3] {
        let mut files = [Vec::new(), Vec::new(), Vec::new()];
        let [persons, auctions, all_bids] = &mut files;
        write(persons, auctions, all_bids, bids).unwrap();
        files.map(|file| {
            let text = String::from_utf8(file).unwrap();
            text.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect()
        })
    }

    #[test]
    fn the_kinds_have_their_shares() {
        for bids in [1, 46, 47, 1000] {
            let [p, a, b] = generated(bids).map(|rows| rows.len() as u64);
            assert_eq!(Counts { persons: p, auctions: a, bids: b }, counts(bids));
        }
        assert_eq!(counts(46_000), Counts { persons: 1000, auctions: 3000, bids: 46_000 });
    }

    #[test]
    fn ids_are_given_in_order_and_time_never_goes_back() {
        let [persons, auctions, bids] = generated(10_000);
        for rows in [&persons, &auctions] {
            let ids: Vec<usize> = rows.iter().map(|r| r[1].parse().unwrap()).collect();
            assert_eq!(ids, (1000..1000 + rows.len()).collect::<Vec<_>>());
        }
        for rows in [&persons, &auctions, &bids] {
            assert!(rows.is_sorted_by_key(|r| r[0].parse::<u64>().unwrap()));
        }
    }

    #[test]
    fn half_of_the_bids_are_for_hot_auctions() {
        let [_, _, bids] = generated(100_000);
        let ids = bids.iter().map(|r| r[1].parse::<u64>().unwrap());
        let hot = ids.filter(|id| id % 100 == 0).count();
        assert!((49_000..53_000).contains(&hot), "{hot}");
    }

    #[test]
    fn the_recorded_lines() {
        let [persons, auctions, bids] = generated(2);
        let person = "1767225600000,1000,Bela Engel,Bela.Engel1000@example.com,\
                      6140 1065 1865 1887,Seattle,WA";
        assert_eq!(persons[0].join(","), person);
        assert_eq!(auctions[2].join(","), "1767225600000,1002,411,3033,1767225600285,1000,10");
        assert_eq!(bids[1].join(","), "1767225600000,1000,1001,1767225600000,801.86");
    }
}
