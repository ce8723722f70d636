//! Class files, as far as is needed to know what a function takes and gives: names, fields and
//! methods. Code is not looked at; that is done by the machine that runs it.

/// Flag of members that belong to the class and not to its instances.
const STATIC: u16 = 0x0008;
/// Flag of methods that only call another one.
const BRIDGE: u16 = 0x0040;
/// Flag of methods without code.
const ABSTRACT: u16 = 0x0400;
/// Flag of members that no source has.
const SYNTHETIC: u16 = 0x1000;

/// What is read of a class file. Texts are parts of the file, so that a small file cannot become
/// much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class<'a> {
    /// Name, with slashes.
    pub name: &'a str,
    /// Name of the class above it; none above all others.
    pub above: Option<&'a str>,
    /// Fields, in order.
    pub fields: Vec<Member<'a>>,
    /// Methods, in order.
    pub methods: Vec<Member<'a>>,
}

/// A field or method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    flags: u16,
    /// Name.
    pub name: &'a str,
    /// Type without what it is generic over.
    pub descriptor: &'a str,
    /// Type with what it is generic over, where it is.
    pub signature: Option<&'a str>,
}

impl Member<'_> {
    /// Whether instances have it, as it stands in the source.
    #[must_use]
    pub fn is_of_instances(&self) -> bool {
        self.flags & (STATIC | SYNTHETIC) == 0
    }

    /// Whether it is a method that can be called on an instance, and the one that does the work.
    #[must_use]
    pub fn is_callable(&self) -> bool {
        self.flags & (STATIC | SYNTHETIC | BRIDGE | ABSTRACT) == 0
    }
}

/// A place of the constant pool.
#[derive(Clone, Copy)]
enum Constant<'a> {
    Text(&'a [u8]),
    Class(u16),
    Other,
}

struct Reader<'a> {
    rest: &'a [u8],
    constants: Vec<Constant<'a>>,
}

const ENDS: &str = "it ends too early";

/// Reads a class file.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Class<'_>, &'static str> {
    let mut reader = Reader { rest: bytes, constants: vec![Constant::Other] };
    if reader.take(4)? != [0xca, 0xfe, 0xba, 0xbe] {
        return Err("it does not begin as class files do");
    }
    reader.take(4)?; // the version, which is for the machine that runs it
    reader.constants()?;
    reader.number()?; // flags of the class
    let name = reader.number()?;
    let name = reader.class(name)?.ok_or("it has no name")?;
    let above = reader.number()?;
    let above = reader.class(above)?;
    let interfaces = reader.number()?;
    reader.take(2 * usize::from(interfaces))?;
    let fields = reader.members()?;
    let methods = reader.members()?;
    Ok(Class { name, above, fields, methods })
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ENDS)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u16, &'static str> {
        let bytes = self.take(2)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    fn long(&mut self) -> Result<usize, &'static str> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn constants(&mut self) -> Result<(), &'static str> {
        let count = usize::from(self.number()?);
        while self.constants.len() < count {
            let tag = self.take(1)?.first().copied().unwrap_or_default();
            let constant = match tag {
                1 => {
                    let length = self.number()?;
                    Constant::Text(self.take(usize::from(length))?)
                }
                7 => Constant::Class(self.number()?),
                8 | 16 | 19 | 20 => self.other(2)?,
                15 => self.other(3)?,
                3 | 4 | 9..=12 | 17 | 18 => self.other(4)?,
                5 | 6 => {
                    // Numbers of eight bytes take two places.
                    self.constants.push(Constant::Other);
                    self.other(8)?
                }
                _ => return Err("it has a constant of an unknown kind"),
            };
            self.constants.push(constant);
        }
        Ok(())
    }

    fn other(&mut self, count: usize) -> Result<Constant<'a>, &'static str> {
        self.take(count)?;
        Ok(Constant::Other)
    }

    fn text(&self, at: u16) -> Result<&'a str, &'static str> {
        match self.constants.get(usize::from(at)) {
            Some(Constant::Text(bytes)) => {
                std::str::from_utf8(bytes).map_err(|_| "it has a name that is no text")
            }
            _ => Err("it has no text where a name is expected"),
        }
    }

    /// The name of a class; none at place 0.
    fn class(&self, at: u16) -> Result<Option<&'a str>, &'static str> {
        match self.constants.get(usize::from(at)) {
            _ if at == 0 => Ok(None),
            Some(Constant::Class(name)) => self.text(*name).map(Some),
            _ => Err("it has no class where one is expected"),
        }
    }

    fn members(&mut self) -> Result<Vec<Member<'a>>, &'static str> {
        let count = self.number()?;
        // The count is only believed as far as there are bytes.
        let mut members = Vec::new();
        for _ in 0..count {
            let flags = self.number()?;
            let (name, descriptor) = (self.number()?, self.number()?);
            let (name, descriptor) = (self.text(name)?, self.text(descriptor)?);
            let mut signature = None;
            for _ in 0..self.number()? {
                let attribute = self.number()?;
                let length = self.long()?;
                let content = self.take(length)?;
                if self.text(attribute)? == "Signature" {
                    let &[high, low] = content else { return Err("it has no whole signature") };
                    signature = Some(self.text(u16::from_be_bytes([high, low]))?);
                }
            }
            members.push(Member { flags, name, descriptor, signature });
        }
        Ok(members)
    }
}
