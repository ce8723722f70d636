use proptest::prelude::*;

use super::testing::{ClassFile, OBJECT, function};
use super::*;
use crate::parse_schema;

fn named(method: &str) -> Udf {
    Udf { method: method.to_owned(), ..function() }
}

fn fields(fields: &[(&str, JavaType)]) -> Shape {
    Shape::Fields(fields.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect())
}

#[test]
fn types_come_from_class_files() {
    let input = fields(&[("speed", JavaType::Double), ("name", JavaType::Text)]);
    let output = fields(&[("id", JavaType::Long), ("fast", JavaType::Boolean)]);
    let types = named("map").types(false).unwrap();
    assert_eq!(types.input_class, "p.In");
    assert_eq!((types.input.clone(), types.output), (input, Some(output)));
    let flat = named("flatMap").types(true).unwrap();
    assert_eq!((flat.input, flat.output), (types.input, named("map").types(false).unwrap().output));
    let twice = named("twice").types(false).unwrap();
    let int = Shape::Scalar(JavaType::Int);
    assert_eq!(
        (twice.input_class.as_str(), twice.input, twice.output),
        ("int", int.clone(), Some(int))
    );
}

#[test]
fn what_a_descriptor_says_goes_before_what_a_class_file_says() {
    let udf = Udf { input: "java/lang/Long".into(), ..named("both") };
    assert!(udf.types(false).unwrap_err().contains("has several methods both"));
    let udf = Udf { input: "long".into(), output: "p/Out".into(), ..named("both") };
    let types = udf.types(false).unwrap();
    assert_eq!(types.input, Shape::Scalar(JavaType::Long));
    assert!(matches!(types.output, Some(Shape::Fields(_))));
    // A collection is what holds rows, and no row.
    let udf = Udf { output: "java.util.Collection".into(), ..named("flatMap") };
    assert!(matches!(udf.types(true).unwrap().output, Some(Shape::Fields(_))));
    let schema = parse_schema(r#"Schema::create()->addField("a", BasicType::INT8);"#).unwrap();
    let told = Udf { schema: Some(schema), ..named("bare") };
    assert_eq!(told.types(true).unwrap().output, None);
}

#[test]
fn what_no_function_can_be_is_refused_by_name() {
    let with = |class: ClassFile, name: &str| {
        let mut udf = named("map");
        udf.classes.retain(|(other, _)| other != name);
        udf.classes.push((name.to_owned(), class.bytes()));
        udf.types(false).unwrap_err()
    };
    let class = |name: &str| ClassFile::new(name, OBJECT);
    let many = (0..=FIELDS_MAX).fold(class("p/In"), |c, n| c.field(0, &format!("f{n}"), "I"));
    for (message, expected) in [
        (with(class("p/In"), "p.In"), "the class p.In has no fields, and a row needs one"),
        (with(class("p/In").field(0, "c", "C"), "p.In"), "has the type C: data type not supported"),
        (with(class("p/In").field(0, "a", "[J"), "p.In"), "has the type [J: data type not"),
        (
            with(class("p/In").field(0, "o", "Lp/Out;"), "p.In"),
            "the field o of the class p.In has the type p.Out: data type not supported",
        ),
        (with(class("p/In").field(0, "a", "I").field(0, "a", "J"), "p.In"), "two fields a"),
        (with(ClassFile::new("p/In", "p/In"), "p.In"), "the class p.In is above itself"),
        (with(ClassFile::new("p/In", "q/No"), "p.In"), "the class q.No is not among the classes"),
        (with(many, "p.In"), "the class p.In has more than 1000 fields"),
        (with(class("q/In"), "p.In"), "p.In is corrupt: it is of the class q.In"),
        (named("none").types(false).unwrap_err(), "the class F has no method none with one arg"),
        (named("still").types(false).unwrap_err(), "the class F has no method still"),
        (named("bare").types(true).unwrap_err(), "what F.bare gives is not known: register it"),
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let mut udf = named("map");
    udf.classes.retain(|(name, _)| name != "p.In");
    assert_eq!(udf.types(false).unwrap_err(), "the class p.In is not among the classes of the UDF");
}

#[test]
fn a_function_has_so_many_bytes_and_classes_and_no_more() {
    let mut udf = named("map");
    check_size(&udf).unwrap();
    let used: usize = udf.classes.iter().map(|(name, code)| name.len() + code.len()).sum();
    udf.instance = vec![0; UDF_BYTES_MAX - used];
    check_size(&udf).unwrap();
    udf.instance.push(0);
    assert!(check_size(&udf).unwrap_err().contains("at most 16777216 bytes"));
    let classes = vec![("c".to_owned(), Vec::new()); CLASSES_MAX + 1];
    let udf = Udf { classes, ..Udf::default() };
    assert!(check_size(&udf).unwrap_err().contains("at most 1000 classes"));
}

#[test]
fn a_corrupt_class_file_says_what_is_wrong() {
    let whole = function().classes.remove(0).1;
    assert_eq!(class::read(&whole).unwrap().name, "F");
    for end in 0..whole.len() - 2 {
        let error = class::read(&whole[..end]).unwrap_err();
        assert!(error == "it ends too early", "{end}: {error}");
    }
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        class::read(&bytes).unwrap_err()
    };
    assert_eq!(changed(0, 0), "it does not begin as class files do");
    assert_eq!(changed(10, 99), "it has a constant of an unknown kind");
    let udf = Udf { classes: vec![("F".to_owned(), vec![0; 100])], ..named("map") };
    let message = udf.types(false).unwrap_err();
    assert_eq!(message, "the class file of F is corrupt: it does not begin as class files do");
}

proptest! {
    #[test]
    fn no_class_file_is_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut: prop::sample::Index, noise: Vec<u8>, flat: bool, which in 0usize..4,
    ) {
        let mut udf = named(if flat { "flatMap" } else { "map" });
        let code = &mut udf.classes[which].1;
        for (at, byte) in changes {
            let at = at.index(code.len());
            code[at] = byte;
        }
        let _ = udf.types(flat);
        let code = &mut udf.classes[which].1;
        code.truncate(cut.index(code.len()));
        code.extend(noise);
        let _ = udf.types(flat);
    }
}
