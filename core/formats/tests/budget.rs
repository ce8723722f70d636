//! Work with a budget: what it takes is counted, and who takes too much goes no further.

use formats::budget::{self, Limits, Metered, Spent, within};
use formats::k::ipc::{Endian, encode};
use formats::k::{Data, K, Scalar, Type};
use formats::testing::{Gauge, bytes_of};

#[global_allocator]
static ALLOCATOR: Metered<Gauge> = Metered(Gauge);

const MIB: usize = 1 << 20;

fn limits(bytes: usize) -> Limits {
    Limits { bytes: bytes as u64, steps: u64::MAX }
}

#[test]
fn the_tally_knows_what_is_taken_and_given_back() {
    let before = budget::live();
    let mut taken = vec![0u8; MIB];
    assert_eq!(budget::live() - before, MIB as i64);
    taken.reserve_exact(2 * MIB);
    assert_eq!(budget::live() - before, 3 * MIB as i64);
    drop(taken);
    assert_eq!(budget::live(), before);
    // Another thread gives back what this one has taken.
    let taken = vec![0u8; MIB];
    std::thread::spawn(move || drop(taken)).join().unwrap();
    assert!(budget::live() - before >= MIB as i64);
}

#[test]
fn values_are_refused_before_they_are_made() {
    let long = Scalar::I64(7);
    for make in [
        &(|| K::repeat(Type::Long, long, MIB)) as &dyn Fn() -> K,
        &|| K::longs(vec![1]).gather(&vec![0; MIB / 3]),
        &|| K::list((0..100).map(|_| K::repeat(Type::Long, long, MIB / 100)).collect()),
    ] {
        let mut made = None;
        let (most, after) = bytes_of(|| made = Some(within(limits(4 * MIB), make)));
        assert_eq!(made, Some(Err(Spent::Bytes)));
        assert!(most < 5 * MIB as i64, "{most}");
        assert!(after < 1000, "{after}");
    }
    assert!(within(limits(9 * MIB), || K::repeat(Type::Long, long, MIB)).is_ok());
}

#[test]
fn copies_of_what_is_held_once_are_counted_each() {
    let one = K::repeat(Type::Long, Scalar::I64(7), MIB / 64);
    let names = (0..1000).map(|i| format!("budget{i}").as_str().into()).collect();
    let table = K::table(names, vec![one.clone(); 1000]).unwrap();
    let parts = vec![one; 1000];
    let data: Vec<&Data> = parts
        .iter()
        .map(|k| if let K::Vec(v) = k { &v.data } else { panic!("a vector") })
        .collect();
    let all: Vec<i64> = (0..MIB as i64 / 64).rev().collect();
    for copy in [
        &(|| drop(table.gather(&all))) as &dyn Fn(),
        &|| drop(table.slice(1, 10_000)),
        &|| drop(Data::concat(&data)),
        &|| assert!(encode(&K::list(parts.clone()), Endian::Little, &mut Vec::new()).is_ok()),
    ] {
        let mut done = None;
        let (most, _) = bytes_of(|| done = Some(within(limits(4 * MIB), copy)));
        assert_eq!(done, Some(Err(Spent::Bytes)));
        assert!(most < 9 * MIB as i64, "{most}");
    }
}

#[test]
fn lists_that_hold_one_another_again_and_again_are_compared_as_long_as_there_are_steps() {
    let wide = || (0..60).fold(K::long(1), |k, _| K::list(vec![k.clone(), k]));
    let (a, b) = (wide(), wide());
    let steps = Limits { bytes: u64::MAX, steps: 10_000 };
    assert_eq!(within(steps, || a == b), Err(Spent::Steps));
    assert_eq!(within(steps, || K::longs(vec![1]) == K::longs(vec![1])), Ok(true));
}

#[test]
fn limits_within_limits_are_those_without() {
    let many = || K::repeat(Type::Long, Scalar::I64(1), MIB);
    let inner = within(limits(MIB), || within(limits(100 * MIB), many));
    assert_eq!(inner, Ok(Err(Spent::Bytes)), "caught by the inner one");
    assert!(!budget::is_limited());
    assert!(budget::has_room(usize::MAX));
    drop(many());
}

#[test]
fn a_panic_goes_its_way() {
    let caught = std::panic::catch_unwind(|| within(limits(MIB), || -> u8 { panic!("a bug") }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"a bug"));
    assert!(!budget::is_limited());
}
