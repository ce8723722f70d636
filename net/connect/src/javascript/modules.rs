//! `require`: modules from some folders, as Node.js finds them there, and nothing from elsewhere.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Value as JsValue};

use super::convert::{Thrown, text};
use super::functions::throw;

/// Modules that one engine may have.
pub(super) const MODULES_MAX: usize = 1_000;
/// Bytes of a module.
pub(super) const MODULE_BYTES_MAX: u64 = 16 << 20;

/// The folders of modules.
pub(super) struct Folders(Vec<PathBuf>);

impl Folders {
    /// Folders that are not there have no modules.
    pub(super) fn new(folders: &[String]) -> Self {
        Folders(folders.iter().filter_map(|folder| Path::new(folder).canonicalize().ok()).collect())
    }

    /// The file of a module that is wanted by one in `from`, or by the program itself.
    fn find(&self, name: &str, from: Option<&Path>) -> Option<PathBuf> {
        let relative = name.starts_with("./") || name.starts_with("../");
        match from.filter(|_| relative) {
            Some(from) => self.at(&from.join(name)),
            None => self.0.iter().find_map(|folder| self.at(&folder.join(name))),
        }
    }

    /// The file of the module at a path, which may leave off its ending.
    fn at(&self, path: &Path) -> Option<PathBuf> {
        let ended = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            self.file(Path::new(&name))
        };
        let main = || {
            let package = self.file(&path.join("package.json"))?;
            let package = plan::serde_json::from_str::<plan::Json>(&read(&package).ok()?).ok()?;
            let main = path.join(package.get("main")?.as_str()?);
            self.file(&main).or_else(|| self.file(&main.with_extension("js")))
        };
        ended("")
            .or_else(|| ended(".js"))
            .or_else(|| ended(".json"))
            .or_else(main)
            .or_else(|| self.file(&path.join("index.js")))
            .or_else(|| self.file(&path.join("index.json")))
    }

    /// A file, if there is one and it lies in one of the folders, wherever links lead.
    fn file(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok().filter(|real| real.is_file())?;
        self.0.iter().any(|folder| real.starts_with(folder)).then_some(real)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let said = |error: std::io::Error| error.to_string();
    let length = std::fs::metadata(path).map_err(said)?.len();
    if length > MODULE_BYTES_MAX {
        return Err(format!("a module has {MODULE_BYTES_MAX} bytes at the most"));
    }
    std::fs::read_to_string(path).map_err(said)
}

/// Makes `require` known.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn install<'js>(ctx: &Ctx<'js>, folders: &Rc<Folders>) -> rquickjs::Result<()> {
    // The modules live in the engine, so that they end with it.
    let known = Object::new(ctx.clone())?;
    let require = require(ctx, Rc::clone(folders), known, None)?;
    ctx.globals().set("require", require)
}

/// `require` as a module in a folder has it.
fn require<'js>(
    ctx: &Ctx<'js>,
    folders: Rc<Folders>,
    known: Object<'js>,
    from: Option<PathBuf>,
) -> rquickjs::Result<Function<'js>> {
    // Kept as a hidden property: a value in a closure of ours would keep the engine from ending.
    let code = "(function (load, known) { return function require(name) { \
        return load(known, String(name)); }; })";
    let load = Function::new(ctx.clone(), {
        move |ctx: Ctx<'js>, known: Object<'js>, name: String| {
            load(&ctx, &folders, &known, from.as_deref(), &name)
                .map_err(|thrown| throw(&ctx, thrown))
        }
    })?;
    let bind: Function<'js> = ctx.eval(code)?;
    bind.call((load, known))
}

fn load<'js>(
    ctx: &Ctx<'js>,
    folders: &Rc<Folders>,
    known: &Object<'js>,
    from: Option<&Path>,
    name: &str,
) -> Result<JsValue<'js>, Thrown> {
    if name == "console" {
        return Ok(ctx.globals().get("console")?);
    }
    let path = folders.find(name, from).ok_or_else(|| text("Invalid module"))?;
    let key = path.to_string_lossy().into_owned();
    let module: JsValue<'js> = known.get(&*key)?;
    if let Some(module) = module.as_object() {
        return Ok(module.get("exports")?);
    }
    if known.len() >= MODULES_MAX {
        return Err(text(format!("there are more than {MODULES_MAX} modules")));
    }
    let code = read(&path).map_err(text)?;
    let module = Object::new(ctx.clone())?;
    if path.extension().is_some_and(|ending| ending == "json") {
        module.set("exports", ctx.json_parse(code)?)?;
        known.set(&*key, module.clone())?;
        return Ok(module.get("exports")?);
    }
    let exports = Object::new(ctx.clone())?;
    module.set("exports", exports.clone())?;
    // Modules that need each other get what there is so far.
    known.set(&*key, module.clone())?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let ran = run(ctx, folders, known, folder, (&key, &code), &module, exports);
    if let Err(error) = ran {
        known.remove(&*key)?;
        return Err(error.into());
    }
    Ok(module.get("exports")?)
}

fn run<'js>(
    ctx: &Ctx<'js>,
    folders: &Rc<Folders>,
    known: &Object<'js>,
    folder: &Path,
    (key, code): (&str, &str),
    module: &Object<'js>,
    exports: Object<'js>,
) -> rquickjs::Result<()> {
    let inner = require(ctx, Rc::clone(folders), known.clone(), Some(folder.to_owned()))?;
    let program =
        super::engine::function(ctx, key, "exports, require, module, __filename, __dirname", code)?;
    let folder = folder.to_string_lossy().into_owned();
    program.call((exports, inner, module.clone(), key, folder))
}
