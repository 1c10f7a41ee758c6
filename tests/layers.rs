//! The architecture as a test: a module uses lower floors only, and modules on one floor do not use
//! each other.
//!
//! Reads `src/` as text: it finds each path that starts at `crate`, `self`, `super` or the crate's
//! own name, in an import or anywhere else, and looks up on which floor it ends. What the compiler
//! resolves without such a path (a type that a function returned, a method) is no dependency in this
//! test's sense.
//!
//! **Invariant:** this file depends on std only, and knows nothing of the code that it reads but
//! its names.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// The floors, bottom first, in the order of `docs/ARCHITECTURE.md`. A new module at the top of
/// `src/` goes in here.
const FLOORS: &[&[&str]] = &[
    &["domain"],
    // `exchange` reads and writes the file formats of import and export; `learn` is models and their judging.
    &["config", "store", "cache", "search", "exchange", "learn"],
    &["service"],
    &["http"],
    // The top floor puts the program together. Its modules may use each other.
    &["app", "telemetry", "commands", MAIN],
];

/// `src/main.rs`, which is the root of a crate and a module of the top floor.
const MAIN: &str = "main";

/// The name under which the program sees its library.
const LIBRARY: &str = "marquee";

#[test]
fn modules_use_lower_floors_only() {
    let root = Path::new(option_env!("CARGO_MANIFEST_DIR").unwrap_or(".")).join("src");
    let mut files = Vec::new();
    collect_rust_files(&root, &mut files);
    assert!(files.contains(&root.join("lib.rs")), "no lib.rs in {}", root.display());

    let mut faults = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a source file can be read");
        let name = file.strip_prefix(&root).expect("the file was found below src/");
        let name = name.to_str().expect("names of source files are UTF-8").replace('\\', "/");
        faults.extend(faults_in(&name, &text).iter().map(|fault| format!("src/{name}:{fault}")));
    }
    assert!(faults.is_empty(), "the floors do not hold:\n{}", faults.join("\n"));
}

fn collect_rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder can be read") {
        let path = entry.expect("a source folder can be read").path();
        if path.is_dir() {
            collect_rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    into.sort();
}

// --- The rule -----------------------------------------------------------------------------------

#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.line, self.what)
    }
}

/// What breaks the rule in one file, `file` being its path below `src/`.
fn faults_in(file: &str, text: &str) -> Vec<Fault> {
    let module = module_path(file);
    let found = scan(module.clone(), &tokens(text));
    let mut faults: Vec<Fault> = found.disguises;

    let mut modules = match module.first() {
        Some(top) => vec![(1, top.clone())],
        None => found.declared, // a root of a crate, which may have unit tests
    };
    modules.retain(|(_, name)| floor_of(name).is_none() && !(module.is_empty() && name == "tests"));
    faults.extend(modules.into_iter().map(|(line, name)| Fault {
        line,
        what: format!("`{name}` is on no floor; add it to FLOORS in tests/layers.rs"),
    }));

    for Use { line, by, of } in found.uses {
        let by = if file == "main.rs" { MAIN } else { by.first().map_or("", String::as_str) };
        faults.extend(fault_of_use(by, &of).map(|what| Fault { line, what }));
    }
    faults
}

fn fault_of_use(by: &str, of: &[String]) -> Option<String> {
    // The library's root declares the modules and may re-export them. A module that is on no floor
    // is a fault already.
    let floor = floor_of(by)?;
    if by == MAIN {
        return None; // nothing is above it
    }
    let target = match of.first().map(String::as_str) {
        None | Some("*") => {
            return Some(format!("{by} takes the root of the crate, which hides what it uses"));
        }
        Some(target) => target,
    };
    let top = FLOORS.len() - 1;
    match floor_of(target) {
        None => Some(format!("{by} uses crate::{target}, which is no module on a floor")),
        Some(other) if other > floor => Some(format!("{by} looks up at {target}")),
        Some(other) if other == floor && floor != top && target != by => {
            Some(format!("{by} looks sideways at {target}"))
        }
        Some(_) => None,
    }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// `store/row.rs` is the module `store::row`; `store.rs` and `store/mod.rs` are `store`; the roots of
/// the crates are empty.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> =
        file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    if path == ["lib"] || path == ["main"] {
        path.clear();
    }
    path
}

// --- Finding paths ------------------------------------------------------------------------------

/// A path in the source, resolved from the root of the crate.
#[derive(Debug)]
struct Use {
    line: usize,
    /// The module that it stands in.
    by: Vec<String>,
    of: Vec<String>,
}

#[derive(Debug, Default)]
struct Found {
    uses: Vec<Use>,
    /// Modules declared at the top of the file.
    declared: Vec<(usize, String)>,
    /// Ways to name a module that this test cannot follow.
    disguises: Vec<Fault>,
}

fn scan(file_module: Vec<String>, tokens: &[Token]) -> Found {
    let mut found = Found::default();
    let mut module = file_module;
    let mut braces = Vec::new(); // for each open brace, how long `module` was before it
    let mut at = 0;
    while let Some(Token { line, kind }) = tokens.get(at) {
        let line = *line;
        let previous = at.checked_sub(1).and_then(|before| kind_at(tokens, before));
        let next = kind_at(tokens, at + 1);
        let after_next = kind_at(tokens, at + 2);
        at += 1;
        match kind {
            Kind::Open => braces.push(module.len()),
            Kind::Close => module.truncate(braces.pop().unwrap_or(module.len())),
            Kind::Name(name) if name == "mod" => {
                let Some(Kind::Name(declared)) = next else { continue };
                if braces.is_empty() {
                    found.declared.push((line, declared.clone()));
                }
                at += 1;
                if after_next == Some(&Kind::Open) {
                    braces.push(module.len());
                    module.push(declared.clone());
                    at += 1;
                }
            }
            Kind::Name(name) if name == "extern" && is_name(next, "crate") => {
                if is_name(after_next, "self") {
                    let what = "`extern crate self` gives the crate a second name".to_owned();
                    found.disguises.push(Fault { line, what });
                }
                at += 1;
            }
            Kind::Name(name)
                if name == "path"
                    && previous == Some(&Kind::Other('['))
                    && next == Some(&Kind::Other('=')) =>
            {
                let what = "`#[path]` puts a module where its file's name does not say".to_owned();
                found.disguises.push(Fault { line, what });
            }
            Kind::Name(name) if previous != Some(&Kind::PathSeparator) => {
                let continues = next == Some(&Kind::PathSeparator);
                let renamed = is_name(next, "as");
                let start = match name.as_str() {
                    "crate" if continues || renamed => Vec::new(),
                    LIBRARY if continues => Vec::new(),
                    "self" if continues => module.clone(),
                    "super" if continues || renamed => parent(&module),
                    _ => continue,
                };
                if continues {
                    at += 1;
                    follow(tokens, &mut at, &module, start, &mut found.uses);
                } else {
                    found.uses.push(Use { line, by: module.clone(), of: start });
                }
            }
            _ => {}
        }
    }
    found
}

/// Follows a path from `prefix` to its end, and each branch of a group in braces.
fn follow(
    tokens: &[Token],
    at: &mut usize,
    by: &[String],
    mut prefix: Vec<String>,
    uses: &mut Vec<Use>,
) {
    let Some(Token { line, .. }) = tokens.get(*at) else { return };
    loop {
        match kind_at(tokens, *at) {
            Some(Kind::Name(name)) => {
                match name.as_str() {
                    "self" => {}
                    "super" => prefix = parent(&prefix),
                    _ => prefix.push(name.clone()),
                }
                *at += 1;
                if kind_at(tokens, *at) != Some(&Kind::PathSeparator) {
                    break;
                }
                *at += 1;
            }
            Some(Kind::Other('*')) => {
                prefix.push("*".to_owned());
                *at += 1;
                break;
            }
            Some(Kind::Open) => {
                *at += 1;
                while let Some(kind) = kind_at(tokens, *at) {
                    match kind {
                        Kind::Name(name) if name == "as" => *at += 2, // and the new name
                        Kind::Name(_) | Kind::Open | Kind::Other('*') => {
                            follow(tokens, at, by, prefix.clone(), uses);
                        }
                        Kind::Close => break,
                        _ => *at += 1,
                    }
                }
                *at += 1;
                return; // the branches said it all
            }
            _ => break, // `crate::path::<Type>`
        }
    }
    uses.push(Use { line: *line, by: by.to_vec(), of: prefix });
}

fn parent(module: &[String]) -> Vec<String> {
    module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default()
}

// --- Reading Rust -------------------------------------------------------------------------------

#[derive(Debug)]
struct Token {
    line: usize,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Name(String),
    PathSeparator,
    Open,
    Close,
    Other(char),
}

fn kind_at(tokens: &[Token], at: usize) -> Option<&Kind> {
    tokens.get(at).map(|token| &token.kind)
}

fn is_name(kind: Option<&Kind>, wanted: &str) -> bool {
    matches!(kind, Some(Kind::Name(name)) if name == wanted)
}

/// Splits source into tokens, without comments and literals. A string that is a path is kept as one:
/// `#[serde(with = "crate::domain::clock")]` is a use like any other.
fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut line = 1;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (length, kind) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment_length(rest), None)
        } else if let Some((length, inside)) = string(rest) {
            if inside.starts_with("crate::") && inside.chars().all(|c| is_word(c) || c == ':') {
                found.extend(tokens(inside).into_iter().map(|token| Token { line, ..token }));
            }
            (length, None)
        } else if first == '\'' {
            (quote_length(rest), None)
        } else if is_word(first) {
            let start = if rest.starts_with("r#") { 2 } else { 0 };
            let length = start + word_length(&rest[start..]);
            (length, Some(Kind::Name(rest[start..length].to_owned())))
        } else if rest.starts_with("::") {
            (2, Some(Kind::PathSeparator))
        } else {
            let kind = match first {
                '{' => Some(Kind::Open),
                '}' => Some(Kind::Close),
                _ if first.is_whitespace() => None,
                _ => Some(Kind::Other(first)),
            };
            (first.len_utf8(), kind)
        };
        found.extend(kind.map(|kind| Token { line, kind }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// Block comments nest.
fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// A string literal of any kind at the start of the text: its length, and what is between the
/// quotes.
fn string(text: &str) -> Option<(usize, &str)> {
    for prefix in ["r", "br", "cr"] {
        let Some(after) = text.strip_prefix(prefix) else { continue };
        let from_quote = after.trim_start_matches('#');
        if let Some(content) = from_quote.strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(after.len() - from_quote.len()));
            let inside = content.split(&end).next()?;
            let start = text.len() - content.len();
            return Some(((start + inside.len() + end.len()).min(text.len()), inside));
        }
    }
    let content = ["\"", "b\"", "c\""].iter().find_map(|opening| text.strip_prefix(opening))?;
    let start = text.len() - content.len();
    let mut escaped = false;
    let end = content.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let inside = &content[..end.unwrap_or(content.len())];
    Some(((start + inside.len() + 1).min(text.len()), inside))
}

/// The length of a character literal, or of a lifetime with its name.
fn quote_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let start = at + escaped.len_utf8();
            text[start..].find('\'').map_or(text.len(), |end| start + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1 + word_length(&text[1..]),
    }
}

// --- Does the test catch what it is for? --------------------------------------------------------

/// The faults of a file, without their lines.
fn faults(file: &str, text: &str) -> Vec<String> {
    faults_in(file, text).into_iter().map(|fault| fault.what).collect()
}

const NO_FAULT: [&str; 0] = [];

#[test]
fn an_import_from_a_higher_floor_is_caught() {
    assert_eq!(faults("store/row.rs", "use crate::http::Route;"), ["store looks up at http"]);
    assert_eq!(
        faults("domain.rs", "pub use crate::service::C as D;"),
        ["domain looks up at service"]
    );
    assert_eq!(faults("http/route.rs", "use crate::app;"), ["http looks up at app"]);
}

#[test]
fn an_import_from_the_same_floor_is_caught() {
    assert_eq!(faults("cache/mod.rs", "use crate::store::Db;"), ["cache looks sideways at store"]);
    assert_eq!(
        faults("store.rs", "use crate::config::Settings;"),
        ["store looks sideways at config"]
    );
    assert_eq!(
        faults("exchange/csv.rs", "use crate::search;"),
        ["exchange looks sideways at search"]
    );
}

#[test]
fn a_module_may_use_itself_and_every_lower_floor() {
    let text = "use crate::{domain::movie, store, service::{self, error::E}, http::route};";
    assert_eq!(faults("http/handlers/movies.rs", text), NO_FAULT);
    assert_eq!(faults("http/handlers/movies.rs", "use super::super::body;"), NO_FAULT);
    assert_eq!(faults("service/import.rs", "use crate::exchange::csv;"), NO_FAULT);
}

#[test]
fn the_top_floor_may_use_everything_and_itself() {
    assert_eq!(faults("commands/serve.rs", "use crate::{app::App, telemetry, http};"), NO_FAULT);
    let text = "mod commands;\nuse marquee::{app, http::Route};\nuse crate::commands;";
    assert_eq!(faults("main.rs", text), NO_FAULT);
}

#[test]
fn each_branch_of_a_group_is_followed() {
    let text =
        "use crate::{\n  domain::Movie,\n  service::{self, error as e},\n  http::{a, *},\n};";
    let found: Vec<String> = faults_in("store/a.rs", text).iter().map(Fault::to_string).collect();
    let (service, http) = ("3: store looks up at service", "4: store looks up at http");
    assert_eq!(found, [service, service, http, http]);
    assert_eq!(faults("store/a.rs", "use {crate::http, std::fmt};"), ["store looks up at http"]);
    assert_eq!(faults("store/a.rs", "use super::{b, super::http};"), ["store looks up at http"]);
    assert_eq!(faults("store/a.rs", "use {crate::domain, super::b};"), NO_FAULT);
}

#[test]
fn a_way_out_by_super_is_followed() {
    assert_eq!(faults("store/db.rs", "use super::super::http;"), ["store looks up at http"]);
    assert_eq!(faults("store/mod.rs", "use super::cache;"), ["store looks sideways at cache"]);
    assert_eq!(faults("store.rs", "use super::cache;"), ["store looks sideways at cache"]);
    assert_eq!(
        faults("store/a/b.rs", "use self::super::super::super::http;"),
        ["store looks up at http"]
    );
    assert_eq!(faults("store/a/b.rs", "use super::super::lists;"), NO_FAULT);
}

#[test]
fn a_module_inside_a_file_counts_for_super() {
    let text = "fn f() { if true {} }\nmod tests {\n use super::*;\n use super::super::http;\n}";
    assert_eq!(faults("store.rs", text), ["store looks up at http"]);
    assert_eq!(faults("store/db.rs", text), NO_FAULT); // `store::http`
    let after = format!("{text}\nuse super::super::http;");
    assert_eq!(faults("store/db.rs", &after), ["store looks up at http"]);
}

#[test]
fn a_path_outside_an_import_is_caught() {
    for text in [
        "fn f(route: &crate::http::Route) {}",
        "let x = super::super::http::X::<u8>::new();",
        "let x = crate::http::X { a: 1 };",
        "macro_rules! m { () => { $crate::http::x() } }",
        "#[serde(with = \"crate::http::body\")] x: u8",
        "use marquee::http;",
        "pub(in crate::http) fn f() {}",
    ] {
        assert_eq!(faults("store/db.rs", text), ["store looks up at http"], "{text}");
    }
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = r##"
        //! [`crate::http`]
        /* crate::http /* nested */ crate::http */
        let a = "use crate::http; \" crate::http \\";
        let b = r#"crate::http " crate::http"#;
        let c = ('"', '\'', '\\', '{', '\u{1F600}', b'"', b"\"crate::http", br"\", c"{");
        fn f<'a>(x: &'a str) -> &'static str { x }
        pub(crate) fn g(&self) { std::crate_::http::x(self.http, other::marquee::http) }
    "##;
    assert_eq!(faults("store/db.rs", text), NO_FAULT);
    let after = format!("{text}\nuse crate::http;");
    assert_eq!(faults("store/db.rs", &after), ["store looks up at http"]);
}

#[test]
fn a_disguise_is_caught() {
    let root = ["store takes the root of the crate, which hides what it uses"];
    assert_eq!(faults("store.rs", "use crate as root;"), root);
    assert_eq!(faults("store.rs", "use crate::*;"), root);
    assert_eq!(faults("store.rs", "use crate::{self as root};"), root);
    assert_eq!(faults("store.rs", "use super::*;"), root);
    assert_eq!(faults("store/db.rs", "use super::super as up;"), root);
    assert_eq!(faults("lib.rs", "extern crate self as other;").len(), 1);
    assert_eq!(faults("store.rs", "#[path = \"../http/x.rs\"] mod x;").len(), 1);
}

#[test]
fn a_name_that_the_root_lends_is_caught() {
    let lent = ["store uses crate::Route, which is no module on a floor"];
    assert_eq!(faults("store.rs", "use crate::Route;"), lent);
    assert_eq!(faults("lib.rs", "pub mod http;\npub use crate::http::Route;"), NO_FAULT);
}

#[test]
fn a_module_on_no_floor_is_caught() {
    let utils = ["`utils` is on no floor; add it to FLOORS in tests/layers.rs"];
    assert_eq!(faults("lib.rs", "pub mod domain;\npub mod utils;"), utils);
    assert_eq!(faults("main.rs", "mod commands;\nmod utils { }"), utils);
    assert_eq!(faults("utils.rs", ""), utils);
    assert_eq!(faults("main.rs", "mod tests { use super::*; }"), NO_FAULT);
    assert_eq!(faults("utils/text.rs", "use crate::http;"), utils);
}
