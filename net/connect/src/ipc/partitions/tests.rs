//! What belongs to one partition stays together and in order.

use plan::serde_json::json;
use proptest::prelude::*;

use super::*;

fn partitions(config: &Json) -> Partitions {
    of(config).unwrap().expect("it has partitions")
}

fn of(config: &Json) -> Result<Option<Partitions>, BuildError> {
    Partitions::of(&plan::env::read_config(config).unwrap())
}

fn pieces(partitions: &Partitions, value: &K, instances: usize) -> Vec<(usize, K)> {
    let pieces = partitions.split(Payload::Value(value.clone()), instances).into_iter();
    let value = |(owner, payload)| match payload {
        Payload::Value(value) => (owner, value),
        Payload::Bytes(_) => panic!("a value"),
    };
    pieces.map(value).collect()
}

fn owners(partitions: &Partitions, values: &[K], instances: usize) -> Vec<usize> {
    let one = |value: &K| {
        let pieces = pieces(partitions, value, instances);
        assert_eq!(pieces.len(), 1, "{value:?}");
        pieces[0].0
    };
    values.iter().map(one).collect()
}

fn trades(keys: &[usize]) -> K {
    let symbols = keys.iter().map(|key| Sym::new(&format!("s{key}"))).collect();
    let numbers = (0..keys.len() as i64).collect();
    K::table(vec!["sym".into(), "n".into()], vec![K::syms(symbols), K::longs(numbers)]).unwrap()
}

/// The symbols and numbers of the rows of a piece.
fn rows(piece: &K) -> Vec<(Sym, i64)> {
    let K::Table(table) = piece else { panic!("a table: {piece:?}") };
    let symbols = table.column("sym".into()).and_then(K::as_syms).unwrap();
    let numbers = table.column("n".into()).and_then(K::as_longs).unwrap();
    symbols.iter().copied().zip(numbers.iter().copied()).collect()
}

proptest! {
    /// Every row is in one piece, in order, and the rows of a key are always in the piece of the
    /// same instance, however calls are cut.
    #[test]
    fn rows_of_a_key_stay_in_order_at_one_instance(
        keys in prop::collection::vec(0_usize..20, 1..200),
        instances in 1_usize..9,
        named in prop::option::of(1_usize..20),
        cut in 0_usize..200,
    ) {
        let names: Vec<String> = (0..named.unwrap_or(0)).map(|n| format!("s{n}")).collect();
        let partitions = partitions(&json!({"name": "upd", "key": "sym", "partitions": names}));
        let whole = trades(&keys);
        let (mut seen, mut home) = (Vec::new(), HashMap::new());
        let cut = cut.min(keys.len()) as i64;
        let parts = [(0..cut).collect::<Vec<i64>>(), (cut..keys.len() as i64).collect()];
        for part in parts {
            let made = pieces(&partitions, &whole.gather(&part), instances);
            prop_assert!(!made.is_empty() && made.len() <= instances);
            for (owner, piece) in made {
                prop_assert!(owner < instances);
                let rows = rows(&piece);
                prop_assert!(rows.is_sorted_by_key(|(_, number)| *number));
                for (symbol, number) in rows {
                    prop_assert_eq!(*home.entry(symbol).or_insert(owner), owner);
                    seen.push(number);
                }
            }
        }
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..keys.len() as i64));
        for (symbol, owner) in home {
            let position = names.iter().position(|name| name == symbol.as_str());
            prop_assert!(position.is_none_or(|position| position % instances == owner));
        }
    }
}

#[test]
fn a_key_is_a_column_of_whatever_has_rows_or_a_field_of_an_event() {
    let by_key = partitions(&json!({"name": "upd", "key": "sym"}));
    let table = trades(&[1, 2, 3, 4, 5, 6]);
    let K::Table(plain) = &table else { panic!("a table") };
    let want: Vec<(usize, Vec<(Sym, i64)>)> =
        pieces(&by_key, &table, 2).iter().map(|(owner, piece)| (*owner, rows(piece))).collect();
    assert_eq!(want.len(), 2, "both have some");
    let columns = K::dict(K::syms(plain.names.to_vec()), K::list(plain.columns.clone()));
    let of = |position: usize| {
        K::table(vec![plain.names[position]], vec![plain.columns[position].clone()]).unwrap()
    };
    for (value, what) in [
        (columns, "columns"),
        (K::dict(of(0), of(1)), "a table with keys"),
        (K::dict(of(1), of(0)), "the key is no key of the table"),
    ] {
        for (at, (owner, piece)) in pieces(&by_key, &value, 2).iter().enumerate() {
            let Some(Field::Rows(column)) = field(piece, "sym".into()) else { panic!("{what}") };
            let symbols: Vec<Sym> = want[at].1.iter().map(|(symbol, _)| *symbol).collect();
            assert_eq!((*owner, column.as_syms()), (want[at].0, Some(&*symbols)), "{what}");
            assert_eq!(piece.code(), value.code(), "{what}");
        }
    }
    let event =
        |sym: K| K::dict(K::syms(vec!["sym".into(), "n".into()]), K::list(vec![sym, K::Null]));
    for (symbol, number) in want.iter().flat_map(|(_, rows)| rows) {
        let owner = want.iter().position(|(_, rows)| rows.contains(&(*symbol, *number)));
        let owner = owner.map(|at| want[at].0);
        let events = [event(K::sym(*symbol)), event(K::str(symbol.as_str()))];
        assert_eq!(owners(&by_key, &events, 2), [owner.unwrap(); 2], "{symbol}");
    }
    // A row of texts is no dictionary of columns.
    let texts = |sym: &str| K::list(vec![K::str(sym), K::str("ab")]);
    let row = K::dict(K::syms(vec!["sym".into(), "x".into()]), texts("s1"));
    assert_eq!(owners(&by_key, &[row], 2), owners(&by_key, &[event(K::sym("s1"))], 2));
    let keyless = [K::long(5), K::longs(vec![1, 2]), K::list(vec![K::sym("sym"), table.clone()])];
    assert_eq!(owners(&by_key, &keyless, 7), [0; 3], "what has no key stays in order");
    assert_eq!(owners(&by_key, &[table.gather(&[])], 7), [0], "no rows");
}

#[test]
fn values_of_all_types_have_partitions() {
    let by_key = partitions(&json!({"name": "upd", "key": "n"}));
    let columns = [
        K::longs((0..100).collect()),
        K::floats((0..100).map(f64::from).collect()),
        K::list((0..100).map(K::long).collect()),
    ];
    for column in columns {
        let table = K::table(vec!["n".into()], vec![column.clone()]).unwrap();
        let made = pieces(&by_key, &table, 4);
        assert_eq!(made.len(), 4, "{:?}", column.code());
        assert_eq!(made.iter().map(|(_, piece)| piece.len()).sum::<usize>(), 100);
    }
    let events: Vec<K> =
        (0..100).map(|n| K::dict(K::syms(vec!["n".into()]), K::longs(vec![n]))).collect();
    let table = K::table(vec!["n".into()], vec![K::longs((0..100).collect())]).unwrap();
    let rows = by_key.owners(&K::longs((0..100).collect()), 4);
    assert_eq!(owners(&by_key, &events, 4), rows, "a row and its event belong together");
    assert_eq!(table.len(), rows.len());
}

#[test]
fn without_a_key_calls_go_one_after_the_other() {
    let named = partitions(&json!({"name": "upd", "partitions": ["a", "b", "c"]}));
    let values = vec![K::long(1); 7];
    assert_eq!(owners(&named, &values, 2), [0, 1, 0, 0, 1, 0, 0], "a, b, c, a, b, c, a");
    let one = partitions(&json!({"name": "upd", "partitions": 5}));
    assert_eq!(owners(&one, &values, 4), [0; 7]);
    assert_eq!(owners(&one, &values, 1), [0; 7]);
}

#[test]
fn what_is_no_key_and_too_many_partitions_are_refused() {
    assert!(of(&json!({"name": "upd"})).unwrap().is_none());
    assert!(of(&json!({"name": "upd", "partitions": []})).unwrap().is_none());
    let error = of(&json!({"name": "upd", "key": 5})).err().map(|e| e.text);
    assert_eq!(error.as_deref(), Some("field 'key': must be the name of a field"));
    let many = |count: usize| of(&json!({"name": "upd", "partitions": vec![1; count]}));
    assert!(many(PARTITIONS_MAX).is_ok());
    let error = many(PARTITIONS_MAX + 1).err().map(|e| e.text);
    assert_eq!(error.as_deref(), Some("field 'partitions': may name 65536 at most"));
}
