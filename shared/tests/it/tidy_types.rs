//! House rules about parameters, type names and comments, read from the parsed sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

use crate::tidy::{read, root, shown, sources};

/// Types that each module may have: the idioms of a function's state, of serde, of iterators and of errors, and rows of one statement.
const IDIOMS: &[&str] = &["Error", "Err", "Item", "Rejection", "Result", "Row", "State"];
/// Words of a dialect that technical English does without.
const DIALECT: &[&str] = &["told", "whoever", "whom", "somebody", "nobody"];
/// Most comment lines with such a word, in thousands.
const MOST_DIALECT: usize = 1;
/// Most fields of a struct that a function takes. Wire types, rows and configuration have as many as they have.
const MOST_FIELDS: usize = 8;
const DERIVES_OF_DATA: &[&str] = &["Serialize", "Deserialize", "ToSchema", "FromRow", "Parser", "Args"];
const FOLDERS_OF_DATA: &[&str] = &["shared/src/config", "shared/src/protocol", "shared/src/store/rows"];

#[test]
fn no_function_takes_a_tuple() {
    let mut wrong = Vec::new();
    for parsed in ["shared", "functions", "local"].into_iter().flat_map(parse) {
        for function in parsed.found.functions {
            for parameter in function.parameters.iter().filter(|parameter| has_tuple(parameter)) {
                wrong.push(format!("{}: {} takes {}", parsed.file, function.name, text(parameter)));
            }
        }
        wrong.extend(parsed.found.tuple_aliases.iter().map(|alias| format!("{}: {alias} is a tuple", parsed.file)));
    }
    assert!(wrong.is_empty(), "{} tuples without a name:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_type_name_means_one_thing() {
    let mut places = BTreeMap::<String, BTreeSet<String>>::new();
    for parsed in ["shared/src", "functions"].into_iter().flat_map(parse).filter(|parsed| is_product(&parsed.file)) {
        for name in parsed.found.types.into_iter().filter(|name| !IDIOMS.contains(&name.as_str())) {
            places.entry(name).or_default().insert(parsed.file.clone());
        }
    }
    assert!(places.len() > 200, "the types were not found: {}", places.len());
    let twice: Vec<_> = places.into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "names of several types: {twice:#?}");
}

#[test]
fn comments_are_technical_english() {
    let (mut lines, mut wrong) = (0, Vec::new());
    for file in ["shared", "functions", "local"].iter().flat_map(|package| sources(&root().join(package))) {
        for line in read(&file).lines().map(str::trim_start).filter(|line| line.starts_with("//")) {
            lines += 1;
            // Code in backticks is no prose.
            let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
            if prose.split(|c: char| !c.is_alphanumeric()).any(|word| DIALECT.contains(&word)) {
                wrong.push(format!("{}: {line}", shown(&file)));
            }
        }
    }
    assert!(lines > 3000, "the comments were not found: {lines}");
    assert!(wrong.len() * 1000 <= lines * MOST_DIALECT, "{} of {lines} lines of comments:\n{}", wrong.len(), wrong.join("\n"));
}

/// A struct counts as its fields: one that only collects parameters beyond the limit hides them.
#[test]
fn a_struct_does_not_hide_a_list_of_parameters() {
    let mut wrong = Vec::new();
    for package in ["shared/src", "functions", "local/src"] {
        let parsed: Vec<_> = parse(package).into_iter().filter(|parsed| is_product(&parsed.file)).collect();
        let taken: BTreeSet<_> = parsed
            .iter()
            .flat_map(|parsed| &parsed.found.functions)
            .flat_map(|function| &function.parameters)
            .filter_map(name_of)
            .collect();
        for parsed in &parsed {
            let is_data = FOLDERS_OF_DATA.iter().any(|folder| parsed.file.starts_with(folder));
            for found in parsed.found.structs.iter().filter(|found| !is_data && !found.is_data && found.fields > MOST_FIELDS) {
                if taken.contains(&found.name) {
                    wrong.push(format!("{}: {} has {} fields", parsed.file, found.name, found.fields));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "structs that functions take, of more than {MOST_FIELDS} fields:\n{}", wrong.join("\n"));
}

#[test]
fn tuples_are_found_in_every_form() {
    let takes = |parameters: &str| {
        let function: syn::Signature = syn::parse_str(&format!("fn name({parameters})")).expect("a signature");
        parameters_of(&function).iter().any(has_tuple)
    };
    for tuple in ["(a, b): (A, B)", "a: &(A, B)", "a: &[(A, B)]", "a: Option<(A, B)>", "&self, a: Vec<Vec<(A,)>>", "a: impl Into<(A, B)>"] {
        assert!(takes(tuple), "{tuple}");
    }
    for other in ["a: (), b: &(dyn Any + 'static)", "a: impl Fn((A, B)) -> (A, B)", "a: fn(A) -> (A, B)", "a: impl Iterator<Item = (A, B)>"] {
        assert!(!takes(other), "{other}");
    }
}

/// A parsed file.
struct Parsed {
    file: String,
    found: Found,
}

#[derive(Default)]
struct Found {
    functions: Vec<Function>,
    structs: Vec<Struct>,
    /// Names of all types.
    types: Vec<String>,
    tuple_aliases: Vec<String>,
}

struct Function {
    name: String,
    parameters: Vec<syn::Type>,
}

struct Struct {
    name: String,
    fields: usize,
    is_data: bool,
}

fn parse(folder: &str) -> Vec<Parsed> {
    let parsed = sources(&root().join(folder)).into_iter().map(|file| {
        let tree = syn::parse_file(&read(&file)).unwrap_or_else(|error| panic!("{}: {error}", shown(&file)));
        let mut found = Found::default();
        found.visit_file(&tree);
        Parsed { file: shown(&file), found }
    });
    parsed.collect()
}

fn is_product(file: &str) -> bool {
    !Path::new(file).iter().any(|folder| ["tests", "benches", "examples"].iter().any(|other| folder == *other))
}

fn parameters_of(signature: &syn::Signature) -> Vec<syn::Type> {
    let typed = |input: &syn::FnArg| match input {
        syn::FnArg::Typed(typed) => Some((*typed.ty).clone()),
        syn::FnArg::Receiver(_) => None,
    };
    signature.inputs.iter().filter_map(typed).collect()
}

/// Returns the name of a parameter's type, behind references.
fn name_of(parameter: &syn::Type) -> Option<String> {
    match parameter {
        syn::Type::Reference(reference) => name_of(&reference.elem),
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

fn text(parameter: &syn::Type) -> String {
    quote::ToTokens::to_token_stream(parameter).to_string()
}

fn has_tuple(parameter: &syn::Type) -> bool {
    let mut search = TupleSearch(false);
    search.visit_type(parameter);
    search.0
}

struct TupleSearch(bool);

impl<'ast> Visit<'ast> for TupleSearch {
    fn visit_type_tuple(&mut self, tuple: &'ast syn::TypeTuple) {
        self.0 |= !tuple.elems.is_empty();
    }

    /// A closure names its parameters where it is written.
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}

    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}

    /// Iterators over maps have pairs as items.
    fn visit_assoc_type(&mut self, _: &'ast syn::AssocType) {}
}

impl<'ast> Visit<'ast> for Found {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.functions.push(Function { name: signature.ident.to_string(), parameters: parameters_of(signature) });
        visit::visit_signature(self, signature);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let name = item.ident.to_string();
        let is_data = item.attrs.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|derive| {
            let derived = quote::ToTokens::to_token_stream(&derive.meta).to_string();
            derived.split(|c: char| !c.is_alphanumeric()).any(|name| DERIVES_OF_DATA.contains(&name))
        });
        self.types.push(name.clone());
        self.structs.push(Struct { name, fields: item.fields.len(), is_data });
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.push(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.types.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.types.push(item.ident.to_string());
        if has_tuple(&item.ty) {
            self.tuple_aliases.push(item.ident.to_string());
        }
        visit::visit_item_type(self, item);
    }

    /// Types of unit tests do not count.
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let types = self.types.len();
        visit::visit_item_mod(self, item);
        if item.ident == "tests" {
            self.types.truncate(types);
        }
    }
}
