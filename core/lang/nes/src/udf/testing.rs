//! Class files as a compiler writes them, for tests where there is none.

use super::Udf;

/// Writes a class file.
pub(crate) struct ClassFile {
    constants: Vec<u8>,
    count: u16,
    class: (u16, u16),
    fields: Vec<u8>,
    field_count: u16,
    methods: Vec<u8>,
    method_count: u16,
}

impl ClassFile {
    /// A class below another one; names with slashes.
    pub(crate) fn new(name: &str, above: &str) -> Self {
        let mut file = ClassFile {
            constants: Vec::new(),
            count: 1,
            class: (0, 0),
            fields: Vec::new(),
            field_count: 0,
            methods: Vec::new(),
            method_count: 0,
        };
        // A number of eight bytes, which takes two places.
        file.constants.extend([5, 0, 0, 0, 0, 0, 0, 0, 7]);
        file.count += 2;
        file.class = (file.class_of(name), file.class_of(above));
        file
    }

    fn text(&mut self, text: &str) -> u16 {
        self.constants.push(1);
        self.constants.extend((text.len() as u16).to_be_bytes());
        self.constants.extend(text.bytes());
        self.count += 1;
        self.count - 1
    }

    fn class_of(&mut self, name: &str) -> u16 {
        let name = self.text(name);
        self.constants.push(7);
        self.constants.extend(name.to_be_bytes());
        self.count += 1;
        self.count - 1
    }

    fn member(&mut self, flags: u16, name: &str, descriptor: &str, signature: &str) -> Vec<u8> {
        let (name, descriptor) = (self.text(name), self.text(descriptor));
        let mut member: Vec<u8> =
            [flags, name, descriptor].iter().flat_map(|number| number.to_be_bytes()).collect();
        if signature.is_empty() {
            member.extend([0, 0]);
        } else {
            let (attribute, signature) = (self.text("Signature"), self.text(signature));
            member.extend([0, 1]);
            member.extend(attribute.to_be_bytes());
            member.extend([0, 0, 0, 2]);
            member.extend(signature.to_be_bytes());
        }
        member
    }

    /// With a field.
    pub(crate) fn field(mut self, flags: u16, name: &str, descriptor: &str) -> Self {
        let field = self.member(flags, name, descriptor, "");
        self.fields.extend(field);
        self.field_count += 1;
        self
    }

    /// With a method.
    pub(crate) fn method(
        mut self,
        flags: u16,
        name: &str,
        descriptor: &str,
        signature: &str,
    ) -> Self {
        let method = self.member(flags, name, descriptor, signature);
        self.methods.extend(method);
        self.method_count += 1;
        self
    }

    /// The file.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut file = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52];
        file.extend(self.count.to_be_bytes());
        file.extend(self.constants);
        for number in [0x21, self.class.0, self.class.1, 0, self.field_count] {
            file.extend(number.to_be_bytes());
        }
        file.extend(self.fields);
        file.extend(self.method_count.to_be_bytes());
        file.extend(self.methods);
        file.extend([0, 0]);
        file
    }
}

/// The class above all others.
pub(crate) const OBJECT: &str = "java/lang/Object";

/// A function of the class `F` from `p/In` to `p/Out`.
pub(crate) fn function() -> Udf {
    let input = ClassFile::new("p/In", OBJECT)
        .field(0, "speed", "D")
        .field(0x8, "COUNT", "[I")
        .field(0x1000, "this$0", "Lp/Outer;")
        .field(2, "name", "Ljava/lang/String;");
    let above = ClassFile::new("p/Above", OBJECT).field(1, "id", "Ljava/lang/Long;");
    let output = ClassFile::new("p/Out", "p/Above").field(0, "fast", "Z");
    let class = ClassFile::new("F", OBJECT)
        .method(1, "<init>", "()V", "")
        .method(1, "map", "(Lp/In;)Lp/Out;", "")
        .method(0x1041, "map", "(Ljava/lang/Object;)Ljava/lang/Object;", "")
        .method(
            1,
            "flatMap",
            "(Lp/In;)Ljava/util/Collection;",
            "(Lp/In;)Ljava/util/Collection<Lp/Out;>;",
        )
        .method(1, "bare", "(Lp/In;)Ljava/util/List;", "")
        .method(1, "twice", "(I)I", "")
        .method(1, "both", "(I)I", "")
        .method(1, "both", "(J)J", "")
        .method(9, "still", "(I)I", "");
    Udf {
        class: "F".to_owned(),
        method: "map".to_owned(),
        classes: vec![
            ("F".to_owned(), class.bytes()),
            ("p.In".to_owned(), input.bytes()),
            ("p.Out".to_owned(), output.bytes()),
            ("p/Above".to_owned(), above.bytes()),
        ],
        ..Udf::default()
    }
}
