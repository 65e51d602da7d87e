//! House rules about parameters, type names and comments, read from the parsed sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

use crate::tidy::{read, root, shown, sources};

/// Types that each module may have: the idioms of a function's state, of serde, of iterators and of errors, and rows of one statement.
const IDIOMS: &[&str] = &["Error", "Err", "Item", "Rejection", "Result", "Row", "State"];
/// Words of a dialect that technical English does without.
const DIALECT: &[&str] = &["told", "whoever", "whom", "somebody", "nobody"];
/// Most comment lines with such a word, in thousands.
const MOST_DIALECT: usize = 1;
/// Most fields of a struct that only carries parameters to one function. Wire types and rows have as many as they have.
const MOST_FIELDS: usize = 8;
const DERIVES_OF_DATA: &[&str] = &["Serialize", "Deserialize", "ToSchema", "FromRow", "Parser", "Args"];

#[test]
fn no_function_takes_a_tuple() {
    let mut wrong = Vec::new();
    for package in ["shared", "functions", "local"] {
        let parsed = parse(package);
        let public: Vec<_> = parsed.iter().flat_map(|parsed| parsed.found.public_aliases.iter().cloned()).collect();
        for parsed in &parsed {
            let aliases = [public.as_slice(), parsed.found.private_aliases.as_slice()].concat();
            for function in &parsed.found.functions {
                if function.parameters.iter().any(|parameter| has_tuple(parameter, &aliases)) {
                    wrong.push(format!("{}: {}", parsed.file, function.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} functions take a tuple, which has no name:\n{}", wrong.len(), wrong.join("\n"));
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

/// A struct without methods that one function takes is a list of parameters.
#[test]
fn a_struct_does_not_hide_a_list_of_parameters() {
    let mut wrong = Vec::new();
    for package in ["shared/src", "functions", "local/src"] {
        let parsed: Vec<_> = parse(package).into_iter().filter(|parsed| is_product(&parsed.file)).collect();
        let mut takers = BTreeMap::<String, usize>::new();
        for function in parsed.iter().flat_map(|parsed| &parsed.found.functions) {
            for name in function.parameters.iter().filter_map(name_of) {
                *takers.entry(name).or_default() += 1;
            }
        }
        let with_methods: BTreeSet<_> = parsed.iter().flat_map(|parsed| &parsed.found.implemented).collect();
        for parsed in &parsed {
            for found in parsed.found.structs.iter().filter(|found| !found.is_data && found.fields > MOST_FIELDS) {
                if takers.get(&found.name) == Some(&1) && !with_methods.contains(&found.name) {
                    wrong.push(format!("{}: {} has {} fields", parsed.file, found.name, found.fields));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "lists of more than {MOST_FIELDS} parameters:\n{}", wrong.join("\n"));
}

#[test]
fn tuples_are_found_in_every_form() {
    let takes = |parameters: &str| {
        let function: syn::Signature = syn::parse_str(&format!("fn name({parameters})")).expect("a signature");
        parameters_of(&function).iter().any(|parameter| has_tuple(parameter, &["Pair".to_owned()]))
    };
    for tuple in [
        "(a, b): (A, B)",
        "a: &(A, B)",
        "a: &[(A, B)]",
        "a: Option<(A, B)>",
        "&self, a: Vec<Vec<(A,)>>",
        "a: impl Into<(A, B)>",
        "a: &[Pair<'_>]",
    ] {
        assert!(takes(tuple), "{tuple}");
    }
    for other in [
        "a: (), b: &(dyn Any + 'static)",
        "a: impl Fn((A, B)) -> (A, B)",
        "a: fn(A) -> (A, B)",
        "a: impl Iterator<Item = (A, B)>",
    ] {
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
    /// Names of tuples.
    public_aliases: Vec<String>,
    private_aliases: Vec<String>,
    /// Names of types with an `impl`.
    implemented: Vec<String>,
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

/// Whether the type has a tuple in it, or an alias of one.
fn has_tuple(parameter: &syn::Type, aliases: &[String]) -> bool {
    let mut search = TupleSearch { aliases, found: false };
    search.visit_type(parameter);
    search.found
}

struct TupleSearch<'a> {
    aliases: &'a [String],
    found: bool,
}

impl<'ast> Visit<'ast> for TupleSearch<'_> {
    fn visit_type_tuple(&mut self, tuple: &'ast syn::TypeTuple) {
        self.found |= !tuple.elems.is_empty();
    }

    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.found |= self.aliases.iter().any(|alias| segment.ident == alias);
        visit::visit_path_segment(self, segment);
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
        let derives = |attribute: &syn::Attribute| {
            let derived = attribute.parse_args_with(Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
            derived
                .expect("a list of traits")
                .into_iter()
                .filter_map(|path| path.segments.last().map(|last| last.ident.to_string()))
        };
        let derive = item.attrs.iter().filter(|attribute| attribute.path().is_ident("derive"));
        let is_data = derive.flat_map(derives).any(|name| DERIVES_OF_DATA.contains(&name.as_str()));
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
        if has_tuple(&item.ty, &[]) {
            let is_private = matches!(item.vis, syn::Visibility::Inherited);
            if is_private { &mut self.private_aliases } else { &mut self.public_aliases }.push(item.ident.to_string());
        }
        visit::visit_item_type(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.implemented.extend(name_of(&item.self_ty));
        visit::visit_item_impl(self, item);
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
